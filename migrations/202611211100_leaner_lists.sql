-- A conversation that nobody has joined stands in no agent's own list, so a new
-- visitor's lines need not keep that index up to date.
drop index conversations_by_assignee;
create index conversations_by_assignee on conversations (assignee, state, last_at, id)
    where assignee is not null;
