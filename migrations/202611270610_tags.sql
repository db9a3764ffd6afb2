-- Labels of the house. `compared`: the form in which names are compared. One that
-- was merged into another leads to it, and stands for the last one on that way; all
-- others stand for themselves.
create table tags (
    id          integer primary key,
    name        text not null,
    compared    text not null,
    colour      text not null,
    made_at     integer not null,
    -- Put away: it stays where it is, and is given no more.
    archived_at integer,
    merged_into integer references tags (id),
    merged_at   integer,
    stands_for  integer not null references tags (id)
) strict;

create unique index tags_by_name on tags (compared) where merged_into is null;
create index tags_by_stands_for on tags (stands_for);
create index tags_merged on tags (merged_into) where merged_into is not null;

-- As they were given: merging touches no row of these, so that it can be undone.
create table conversation_tags (
    conversation integer not null references conversations (id) on delete cascade,
    tag          integer not null references tags (id),
    at           integer not null,
    primary key (conversation, tag)
) strict, without rowid;

create index conversation_tags_by_tag on conversation_tags (tag, conversation);

-- Who gave and took which, the newest few of each conversation.
create table tag_changes (
    id           integer primary key,
    conversation integer not null references conversations (id) on delete cascade,
    tag          integer not null references tags (id),
    -- Absent where no agent did it.
    agent        integer references agents (id),
    -- Given, or else taken away.
    given        integer not null,
    at           integer not null
) strict;

create index tag_changes_by_conversation on tag_changes (conversation, id);
create index tag_changes_by_tag on tag_changes (tag);
create index tag_changes_by_agent on tag_changes (agent) where agent is not null;
