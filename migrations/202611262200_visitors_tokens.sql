-- A visitor is a person at a site; what his browser holds is apart from him. He may
-- have several, or none, as whoever writes by mail.
create table visitor_tokens (
    token_hash blob primary key,
    visitor    integer not null references visitors (id) on delete cascade,
    made_at    integer not null
) strict, without rowid;

create index visitor_tokens_by_visitor on visitor_tokens (visitor);

insert into visitor_tokens (token_hash, visitor, made_at)
select token_hash, id, created_at from visitors;

create table visitors_new (
    id         integer primary key autoincrement,
    site       integer not null references sites (id) on delete cascade,
    -- “Client 40”: given on arrival, never twice in a site.
    number     integer not null,
    lang       text not null,
    created_at integer not null,
    unique (site, number)
) strict;

insert into visitors_new (id, site, number, lang, created_at)
select id, site, number, lang, created_at from visitors;

drop table visitors;
alter table visitors_new rename to visitors;
