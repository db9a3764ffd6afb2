-- Whoever is responsible for thousands of quiet chats, all of them newer than the
-- others', has them passed over in the index, without a look at their rows.
drop index conversations_quiet;

create index conversations_quiet on conversations (site, last_at, id, assignee)
    where state = 'open' and waiting_since is null;
