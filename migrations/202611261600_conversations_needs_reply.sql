-- Who waits for a reply is a fact of the conversation, and what has been read is
-- each agent's own. Until now one look by anybody was both.
alter table conversations add column visitor_lines integer not null default 0;
-- Since when a visitor waits for a reply: his first line that nobody has answered.
-- Absent while nobody waits.
alter table conversations add column waiting_since integer;
-- What `waiting_since` was before an agent resolved, or said that no reply is
-- needed, so that this can be taken back.
alter table conversations add column waiting_before integer;

update conversations set visitor_lines = (
    select count(*) from messages where conversation = conversations.id and kind = 'visitor');

update conversations set waiting_since = (
    select at from messages
    where conversation = conversations.id and kind = 'visitor' and id > coalesce((
        select id from messages
        where conversation = conversations.id
            and (kind = 'agent' or change in ('resolved', 'ended'))
        order by id desc limit 1), 0)
    order by id limit 1)
where state = 'open';

-- How far each agent has read: everything up to a line, and how many of the
-- visitor's lines that were.
create table conversation_seen (
    conversation  integer not null references conversations (id) on delete cascade,
    agent         integer not null references agents (id) on delete cascade,
    up_to         integer not null,
    visitor_lines integer not null,
    primary key (conversation, agent)
) strict, without rowid;

create index conversation_seen_by_agent on conversation_seen (agent);

-- What somebody had looked at counts as read by everybody who may have been that
-- somebody: in open conversations any agent, in resolved ones who took part.
insert into conversation_seen (conversation, agent, up_to, visitor_lines)
select c.id, part.agent, c.agents_seen, max(0, c.visitor_lines - c.unread)
from conversations c
join (
    select id as conversation, assignee as agent from conversations where assignee is not null
    union
    select conversation, agent from messages where agent is not null
    union
    select c.id, a.id from conversations c, agents a where c.state = 'open'
) part on part.conversation = c.id
where c.agents_seen > 0;

drop index conversations_waiting;
drop index conversations_by_state;
drop index conversations_by_assignee;
alter table conversations drop column unread;

-- Longest waiting first. A line of a visitor who waits already touches no index.
create index conversations_waiting on conversations (waiting_since, id, assignee)
    where waiting_since is not null;
create index conversations_quiet on conversations (last_at, id)
    where state = 'open' and waiting_since is null;
create index conversations_quiet_by_assignee on conversations (assignee, last_at, id)
    where state = 'open' and waiting_since is null and assignee is not null;
create index conversations_resolved on conversations (last_at, id)
    where state = 'resolved';
create index conversations_by_assignee on conversations (assignee)
    where assignee is not null;
