-- How visitors say that they were served. A row for each time one was asked: which
-- line asks, and what came of it. Times are absent while it has not happened.
create table ratings (
    line         integer primary key references messages (id) on delete cascade,
    -- What his page calls it by.
    key          text not null unique,
    conversation integer not null references conversations (id) on delete cascade,
    asked_at     integer not null,
    -- Reopened since: what he had not answered is withdrawn, what he had stands.
    went_on_at   integer,
    given_at     integer,
    -- The line that tells agents.
    told         integer references messages (id) on delete set null,
    changed_at   integer,
    -- One to five.
    rate         integer,
    comment      text not null default ''
) strict;

create index ratings_of_conversation on ratings (conversation);
create index ratings_given on ratings (conversation) where rate is not null;
create index ratings_told on ratings (told) where told is not null;
-- One question for each time that a conversation was resolved.
create unique index ratings_current on ratings (conversation) where went_on_at is null;
-- To find chats by it.
create index ratings_by_rate on ratings (rate, conversation) where rate is not null;
create index ratings_by_comment on ratings ((comment <> ''), conversation);

-- Sites that have said whether they ask; all others do.
create table rating_sites (
    site integer primary key references sites (id) on delete cascade,
    asks integer not null
) strict;
