-- Of two visitors who turn out to be one person, one stays. The other one keeps his
-- row, so that nobody else gets his number and he can be told apart again.
alter table visitors add column merged_into integer references visitors (id) on delete cascade;
alter table visitors add column merged_at integer;
-- The same for all who were ever one person, also after they were told apart: a line
-- that is sent again is looked for with all of them.
alter table visitors add column kin integer;
-- Since which position of the journal all of his is his: what was shown before it
-- is too little, or too much.
alter table visitors add column whole_since integer not null default 0;

create index visitors_merged on visitors (merged_into) where merged_into is not null;
create index visitors_by_kin on visitors (kin) where kin is not null;

-- What the one who went has brought, so that it goes back with him: in which table
-- and column it was written that it is his (`conversations.visitor`), and of which row.
create table visitor_moves (
    visitor integer not null references visitors (id) on delete cascade,
    place   text not null,
    key     any not null,
    primary key (visitor, place, key)
) strict, without rowid;

create index visitor_moves_by_row on visitor_moves (place, key);
