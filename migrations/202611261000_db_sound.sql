-- Words that the program knows by itself (role, state, kind, purpose, position)
-- are checked where they are read; a list of them here could only be changed by
-- rebuilding the table. Every reference has an index, or one row that goes would
-- cost a walk through all that might point at it.

-- An agent is deactivated, not deleted: lines and conversations keep the name of
-- whoever wrote or answered (they refuse to lose it), and nothing rewrites them.
create table agents_new (
    id            integer primary key autoincrement,
    email         text not null unique,
    name          text not null,
    role          text not null,
    lang          text not null,
    -- Absent until an invited agent has chosen one.
    password_hash text,
    created_at    integer not null,
    -- When somebody was last here, also after his sessions have ended.
    seen_at       integer
) strict;
insert into agents_new (id, email, name, role, lang, password_hash, created_at, seen_at)
    select id, email, name, role, lang, password_hash, created_at, seen_at from agents;
drop table agents;
alter table agents_new rename to agents;

create table agent_links_new (
    token_hash blob primary key,
    agent      integer not null references agents (id) on delete cascade,
    purpose    text not null,
    expires_at integer not null
) strict;
insert into agent_links_new (token_hash, agent, purpose, expires_at)
    select token_hash, agent, purpose, expires_at from agent_links;
drop table agent_links;
alter table agent_links_new rename to agent_links;
create index agent_links_by_agent on agent_links (agent);

create table sites_new (
    id             integer primary key autoincrement,
    key            text not null unique,
    name           text not null,
    color          text not null,
    position       text not null,
    lang           text not null,
    zone           text not null,
    typing_preview integer not null,
    strict_privacy integer not null,
    demo_shop      integer not null,
    created_at     integer not null
) strict;
insert into sites_new (id, key, name, color, position, lang, zone, typing_preview,
        strict_privacy, demo_shop, created_at)
    select id, key, name, color, position, lang, zone, typing_preview,
        strict_privacy, demo_shop, created_at from sites;
drop table sites;
alter table sites_new rename to sites;

create table conversations_new (
    id           integer primary key autoincrement,
    key          text not null unique,
    site         integer not null references sites (id) on delete cascade,
    visitor      integer not null references visitors (id) on delete cascade,
    state        text not null,
    assignee     integer references agents (id),
    created_at   integer not null,
    -- The newest line that both sides see, kept here so that a list is one read.
    last_at      integer not null,
    -- Empty while there is no such line.
    last_kind    text not null default '',
    last_text    text not null default '',
    -- Visitor's messages that no agent has looked at.
    unread       integer not null default 0,
    agents_seen  integer not null default 0,
    visitor_seen integer not null default 0,
    resolved_at  integer
) strict;
insert into conversations_new (id, key, site, visitor, state, assignee, created_at, last_at,
        last_kind, last_text, unread, agents_seen, visitor_seen, resolved_at)
    select id, key, site, visitor, state, assignee, created_at, last_at,
        last_kind, last_text, unread, agents_seen, visitor_seen, resolved_at from conversations;
drop table conversations;
alter table conversations_new rename to conversations;
create index conversations_by_state on conversations (state, last_at, id);
create index conversations_by_assignee on conversations (assignee, state, last_at, id)
    where assignee is not null;
create index conversations_by_visitor on conversations (visitor, id);
create index conversations_by_site on conversations (site);
create index conversations_waiting on conversations (id) where unread > 0 and state = 'open';

-- `id` is the position of the event that posted the line, so the order of ids is
-- the order of commits, on every screen.
create table messages_new (
    id           integer primary key,
    conversation integer not null references conversations (id) on delete cascade,
    kind         text not null,
    -- Who wrote or acted, where it was an agent.
    agent        integer references agents (id),
    -- For a system line: what was done.
    change       text,
    body         text not null,
    -- Made by the sender, so that a retry is harmless.
    cid          text not null,
    at           integer not null,
    device       integer references visitor_devices (id) on delete set null,
    page         text,
    title        text,
    lang         text,
    unique (conversation, cid)
) strict;
insert into messages_new (id, conversation, kind, agent, change, body, cid, at, device, page,
        title, lang)
    select id, conversation, kind, agent, change, body, cid, at, device, page, title, lang
    from messages;
drop table messages;
alter table messages_new rename to messages;
create index messages_by_conversation on messages (conversation, id);
-- Without it, erasing one visitor walks through the lines of all others.
create index messages_of_device on messages (device) where device is not null;
create index messages_of_agent on messages (agent) where agent is not null;
-- Who did what to a conversation, however long the talk between was.
create index messages_of_changes on messages (conversation, id) where kind = 'system';
