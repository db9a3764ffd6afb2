-- Something to be done in the house itself when its time comes. One row for each
-- thing it is about; the row goes in the transaction that does it.
create table timers (
    kind       text not null,
    key        text not null,
    due_at     integer not null,
    data       text not null,
    attempts   integer not null default 0,
    last_error text,
    primary key (kind, key)
) strict, without rowid;

create index timers_by_due on timers (kind, due_at);
