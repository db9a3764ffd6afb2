-- Lists go site by site, so that whoever sees one small site does not walk
-- through the chats of all others. Each of these takes the place of one that had
-- no site.
drop index conversations_waiting;
drop index conversations_waiting_by_assignee;
drop index conversations_quiet;
drop index conversations_quiet_by_assignee;
drop index conversations_resolved;

create index conversations_waiting on conversations (site, waiting_since, id, assignee)
    where waiting_since is not null;
create index conversations_waiting_by_assignee on conversations (assignee, site, waiting_since, id)
    where waiting_since is not null and assignee is not null;
create index conversations_quiet on conversations (site, last_at, id)
    where state = 'open' and waiting_since is null;
create index conversations_quiet_by_assignee on conversations (assignee, site, last_at, id)
    where state = 'open' and waiting_since is null and assignee is not null;
create index conversations_resolved on conversations (site, last_at, id)
    where state = 'resolved';
