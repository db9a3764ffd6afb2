-- A follower that the program no longer knows keeps its place, in case it comes
-- back, but does not hold the journal for ever.
alter table journal_followers add column retired_at integer;
