-- Who takes part in a conversation. Its `assignee` is the one of them who is
-- responsible; here the index allows one such at most.
create table conversation_participants (
    conversation  integer not null references conversations (id) on delete cascade,
    agent         integer not null references agents (id),
    -- `responsible` or `helper`.
    role          text not null,
    since         integer not null,
    -- The site, and where it stands in the list of who helps: since when its visitor
    -- waits, or else its newest line. Copies, so that his list is walked in order;
    -- absent for who is responsible, whose list the conversation's own indexes
    -- keep, and in what is resolved.
    site          integer not null,
    waiting_since integer,
    quiet_since   integer,
    primary key (conversation, agent)
) strict;

create index conversation_participants_by_agent on conversation_participants (agent);
create unique index conversation_participants_responsible
    on conversation_participants (conversation) where role = 'responsible';
create index conversation_participants_waiting
    on conversation_participants (agent, site, waiting_since, conversation)
    where waiting_since is not null;
create index conversation_participants_quiet
    on conversation_participants (agent, site, quiet_since, conversation)
    where quiet_since is not null;

-- Open chats of somebody who no longer works here are nobody's.
update conversations set assignee = null
where state = 'open' and assignee in (select id from agents where deactivated_at is not null);

-- Also in what is resolved: it may be opened again.
insert into conversation_participants (conversation, agent, role, since, site)
select c.id, c.assignee, 'responsible', coalesce((
        select max(at) from messages
        where conversation = c.id and kind = 'system' and agent = c.assignee and word = 'joined'
    ), c.created_at), c.site
from conversations c where c.assignee is not null;

-- Whoever has answered there beside him.
insert into conversation_participants (conversation, agent, role, since, site, waiting_since,
    quiet_since)
select c.id, m.agent, 'helper', min(m.at), c.site, c.waiting_since,
    iif(c.waiting_since is null, c.last_at, null)
from conversations c
join messages m on m.conversation = c.id and m.kind = 'agent' and m.agent <> c.assignee
join agents a on a.id = m.agent and a.deactivated_at is null
where c.state = 'open'
group by c.id, m.agent;
