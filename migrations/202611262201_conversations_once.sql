-- A visitor has several conversations, one after another, and sends each line once
-- however many there are. So his lines are told apart by him, all others by their
-- conversation; no line stands in both indexes.
create table messages_new (
    id           integer primary key,
    conversation integer not null references conversations (id) on delete cascade,
    kind         text not null,
    -- Who wrote it, where it was the visitor.
    visitor      integer references visitors (id) on delete cascade,
    -- Who wrote or acted, where it was an agent.
    agent        integer references agents (id),
    -- For a system line: what was done, and what its sentence needs, as JSON.
    word         text,
    data         text,
    -- Whether the visitor reads it too. Only of such lines.
    for_visitor  integer not null default 0,
    body         text not null,
    -- Made by the sender, so that a retry is harmless.
    cid          text not null,
    at           integer not null,
    device       integer references visitor_devices (id) on delete set null,
    page         text,
    title        text,
    lang         text,
    -- What it holds besides words, as a list in JSON. Absent where it is words only.
    parts        text
) strict;

insert into messages_new (id, conversation, kind, visitor, agent, word, data, for_visitor, body,
    cid, at, device, page, title, lang, parts)
select m.id, m.conversation, m.kind, iif(m.kind = 'visitor', c.visitor, null), m.agent, m.word,
    m.data, m.for_visitor, m.body, m.cid, m.at, m.device, m.page, m.title, m.lang, m.parts
from messages m left join conversations c on c.id = m.conversation order by m.id;

drop table messages;
alter table messages_new rename to messages;

create index messages_by_conversation on messages (conversation, id);
create index messages_of_device on messages (device) where device is not null;
create index messages_of_agent on messages (agent) where agent is not null;
create index messages_of_changes on messages (conversation, id) where kind = 'system';
create unique index messages_once on messages (conversation, cid) where visitor is null;
create unique index messages_once_by_visitor on messages (visitor, cid)
    where visitor is not null;

-- Where he goes on: the newest of those that are open. No line touches this one.
create index conversations_open_by_visitor on conversations (visitor, id)
    where state = 'open';
