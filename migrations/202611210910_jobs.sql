-- Work for later. A row goes when its work is done; `failed_at` marks work that
-- was given up and waits for a person.
create table jobs (
    id         integer primary key autoincrement,
    kind       text not null,
    payload    text not null,
    about      text not null,
    created_at integer not null,
    due_at     integer not null,
    attempts   integer not null default 0,
    last_error text,
    failed_at  integer
) strict;

create index jobs_by_due on jobs (due_at) where failed_at is null;
