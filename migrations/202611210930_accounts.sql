create table agents (
    id            integer primary key autoincrement,
    email         text not null unique,
    name          text not null,
    role          text not null check (role in ('owner', 'admin', 'agent')),
    lang          text not null,
    -- Absent until an invited agent has chosen one.
    password_hash text,
    created_at    integer not null
) strict;

create table sessions (
    id         integer primary key autoincrement,
    agent      integer not null references agents (id) on delete cascade,
    token_hash blob not null unique,
    created_at integer not null,
    seen_at    integer not null,
    -- What the browser calls itself, so that its owner recognises it.
    device     text not null
) strict;

create index sessions_by_agent on sessions (agent, seen_at);

-- Links sent by mail or shown once: to choose a password.
create table agent_links (
    token_hash blob primary key,
    agent      integer not null references agents (id) on delete cascade,
    purpose    text not null check (purpose in ('reset', 'invite')),
    expires_at integer not null
) strict;

create index agent_links_by_agent on agent_links (agent);
