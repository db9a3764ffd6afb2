-- Which way it comes to us. So far there is the chat on the shop's pages.
alter table conversations add column channel text not null default 'chat';
-- When an agent answered first. Absent while none has.
alter table conversations add column first_answer_at integer;

update conversations set first_answer_at = (
    select at from messages
    where conversation = conversations.id and kind = 'agent' order by id limit 1);
