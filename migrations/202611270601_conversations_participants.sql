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

-- Who may answer where, as the program has it: he works here, sees the site, and is
-- allowed to talk to customers.
create temporary table may_answer (agent integer, site integer, primary key (agent, site));

insert into may_answer (agent, site)
select a.id, s.id from agents a cross join sites s
where a.deactivated_at is null and (
    a.role = 'owner' or a.role = 'admin' or (
        ' ' || a.may || ' ' like '% customers %'
        and (not exists (select 1 from site_members where site = s.id)
            or exists (select 1 from site_members where site = s.id and agent = a.id))));

-- Open chats of whoever may not go to the one who has answered there longest, or else
-- back to all.
create temporary table handed_back (conversation integer primary key, agent integer, heir integer);

insert into handed_back (conversation, agent, heir)
select c.id, c.assignee, (
    select m.agent from messages m join may_answer a on a.agent = m.agent and a.site = c.site
    where m.conversation = c.id and m.kind = 'agent'
    group by m.agent order by min(m.at), m.agent limit 1)
from conversations c
where c.state = 'open' and c.assignee is not null
    and not exists (select 1 from may_answer where agent = c.assignee and site = c.site);

update conversations set assignee = b.heir from handed_back b where b.conversation = id;

-- Told and written down as if it had happened now: that is when it is seen.
insert into journal (subject_kind, subject, actor_kind, actor, at, fact)
select 'c', b.conversation, 'h', 0, cast((julianday('now') - 2440587.5) * 86400000 as integer),
    iif(n.leaves, json_object('event', 'left', 'agent', b.agent),
        json_object('event', 'assigned', 'to', b.heir))
from handed_back b cross join (select 0 as leaves union all select 1) n
order by b.conversation, n.leaves;

-- Nobody had left before.
insert into messages (id, conversation, kind, word, data, for_visitor, body, cid, at)
select j.seq, b.conversation, 'system', 'left',
    json_object('who', a.name, 'answers', coalesce(h.name, ''), 'to', b.heir), 1, '',
    'change:' || j.seq, j.at
from handed_back b
join journal j on j.subject_kind = 'c' and j.subject = b.conversation
    and j.fact = json_object('event', 'left', 'agent', b.agent)
join agents a on a.id = b.agent
left join agents h on h.id = b.heir;

-- Also in what is resolved, whoever it is: it may be opened again, and is handed back
-- then.
insert into conversation_participants (conversation, agent, role, since, site)
select c.id, c.assignee, 'responsible', coalesce((
        select max(at) from messages
        where conversation = c.id and kind = 'system' and agent = c.assignee and word = 'joined'
    ), c.created_at), c.site
from conversations c where c.assignee is not null;

-- Whoever has answered there beside him and still may.
insert into conversation_participants (conversation, agent, role, since, site, waiting_since,
    quiet_since)
select c.id, m.agent, 'helper', min(m.at), c.site, c.waiting_since,
    iif(c.waiting_since is null, c.last_at, null)
from conversations c
join messages m on m.conversation = c.id and m.kind = 'agent' and m.agent <> c.assignee
join may_answer a on a.agent = m.agent and a.site = c.site
where c.state = 'open'
group by c.id, m.agent;

drop table handed_back;
drop table may_answer;
