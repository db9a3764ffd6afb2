-- Small facts about this database itself: its epoch, the probe of its disk.
create table meta (
    name  text primary key,
    value any not null
) strict;

insert into meta (name, value) values ('probe', 0), ('epoch', lower(hex(randomblob(12))));

-- What happened, in the order of commits. `seq` is never used twice.
create table journal (
    seq          integer primary key autoincrement,
    conversation integer not null,
    at           integer not null,
    fact         text not null
) strict;

create index journal_by_conversation on journal (conversation, seq);

-- How far each durable follower has come, and where it is stuck, if it is.
create table journal_followers (
    name        text primary key,
    read_to     integer not null,
    stuck_at    integer,
    stuck_since integer,
    cause       text
) strict;
