-- Browsers in which an agent has signed in, or opened a link from his mailbox:
-- they may go on where others are refused for guessing. One browser may be
-- known for several agents: the computer at the counter.
create table agent_browsers (
    token_hash blob not null,
    agent      integer not null references agents (id) on delete cascade,
    seen_at    integer not null,
    primary key (token_hash, agent)
) strict, without rowid;

create index agent_browsers_by_agent on agent_browsers (agent, seen_at);
