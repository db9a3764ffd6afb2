-- Tags that were merged for good are gone; their numbers, which stand in addresses, lead
-- to what they became. The highest of them are kept.
create table former_tags (
    id  integer primary key,
    tag integer not null references tags (id)
) strict;

create index former_tags_by_tag on former_tags (tag);
