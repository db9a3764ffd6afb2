-- What a fact is about, and who did it: a letter for what it is, and its number
-- (`kernel::Subject`, `kernel::Actor`). What is here already is about
-- conversations, and it is not known any more who did it: the house.
alter table journal rename column conversation to subject;
alter table journal add column subject_kind text not null default 'c';
alter table journal add column actor integer not null default 0;
alter table journal add column actor_kind text not null default 'h';

drop index journal_by_conversation;
create index journal_by_subject on journal (subject_kind, subject, seq);
