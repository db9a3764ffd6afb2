create table sites (
    id             integer primary key autoincrement,
    key            text not null unique,
    name           text not null,
    color          text not null,
    position       text not null check (position in ('start', 'end')),
    lang           text not null,
    zone           text not null,
    typing_preview integer not null,
    strict_privacy integer not null,
    demo_shop      integer not null,
    created_at     integer not null
) strict;

-- Pages that may carry this site's chat. None at all means any.
create table site_origins (
    site   integer not null references sites (id) on delete cascade,
    origin text not null,
    primary key (site, origin)
) strict;
