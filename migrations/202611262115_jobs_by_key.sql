-- Work that stands for one thing has its key, by which it is found again: to be
-- put off, replaced or taken back.
alter table jobs add column key text;
create unique index jobs_by_key on jobs (kind, key) where key is not null;
