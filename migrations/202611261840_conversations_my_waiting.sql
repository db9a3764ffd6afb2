-- One agent's own chats in which somebody waits are found without walking
-- through all in which anybody does.
create index conversations_waiting_by_assignee on conversations (assignee, waiting_since, id)
    where waiting_since is not null and assignee is not null;
