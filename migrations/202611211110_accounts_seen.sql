-- When somebody was last here, also after his sessions have ended.
alter table agents add column seen_at integer;
update agents set seen_at = (select max(seen_at) from sessions where agent = agents.id);
