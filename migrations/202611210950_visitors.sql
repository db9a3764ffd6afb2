create table visitors (
    id         integer primary key autoincrement,
    site       integer not null references sites (id) on delete cascade,
    -- “Client 40”: given on arrival, never twice in a site.
    number     integer not null,
    token_hash blob not null unique,
    lang       text not null,
    created_at integer not null,
    unique (site, number)
) strict;

create table visitor_numbers (
    site integer primary key references sites (id) on delete cascade,
    last integer not null
) strict;

-- What a visitor wrote from. Each message points at one of these, so a change of
-- device or of browser version inside one conversation stays visible.
create table visitor_devices (
    id              integer primary key autoincrement,
    visitor         integer not null references visitors (id) on delete cascade,
    kind            text not null,
    app             text,
    app_version     text,
    browser         text,
    browser_version text,
    system          text,
    raw             text not null,
    unique (visitor, kind, app, app_version, raw)
) strict;
