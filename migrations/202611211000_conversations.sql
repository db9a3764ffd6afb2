create table conversations (
    id           integer primary key autoincrement,
    key          text not null unique,
    site         integer not null references sites (id) on delete cascade,
    visitor      integer not null references visitors (id) on delete cascade,
    state        text not null check (state in ('open', 'resolved')),
    assignee     integer references agents (id) on delete set null,
    created_at   integer not null,
    -- The newest line that both sides see, kept here so that a list is one read.
    last_at      integer not null,
    last_kind    text not null default '',
    last_text    text not null default '',
    -- Visitor's messages that no agent has looked at.
    unread       integer not null default 0,
    agents_seen  integer not null default 0,
    visitor_seen integer not null default 0,
    resolved_at  integer
) strict;

create index conversations_by_state on conversations (state, last_at, id);
create index conversations_by_assignee on conversations (assignee, state, last_at, id);
create index conversations_by_visitor on conversations (visitor, id);
create index conversations_waiting on conversations (id) where unread > 0 and state = 'open';

-- `id` is the position of the event that posted the line, so the order of ids is
-- the order of commits, on every screen.
create table messages (
    id           integer primary key,
    conversation integer not null references conversations (id) on delete cascade,
    kind         text not null check (kind in ('visitor', 'agent', 'note', 'system')),
    -- Who wrote or acted, where it was an agent.
    agent        integer references agents (id) on delete set null,
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

create index messages_by_conversation on messages (conversation, id);
