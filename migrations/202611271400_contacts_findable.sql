-- The form in which the shop's own names for people are looked for. None were given
-- yet: no door led there.
alter table contacts add column findable text not null default '';
update contacts set findable = lower(reference);
create index contacts_by_findable on contacts (site, findable);
