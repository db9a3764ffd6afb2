-- The lists can be narrowed to one agent's chats, or to nobody's: those of nobody
-- stand in these, too.
drop index conversations_waiting_by_assignee;
drop index conversations_quiet_by_assignee;

create index conversations_waiting_by_assignee on conversations (assignee, site, waiting_since, id)
    where waiting_since is not null;
create index conversations_quiet_by_assignee on conversations (assignee, site, last_at, id)
    where state = 'open' and waiting_since is null;
create index conversations_resolved_by_assignee on conversations (assignee, site, last_at, id)
    where state = 'resolved';
