-- Work is looked for kind by kind, so that a kind whose places are all taken
-- hides nothing behind its own queue.
drop index jobs_by_due;
create index jobs_by_kind on jobs (kind, due_at) where failed_at is null;
