-- What a message holds besides words, as a list in JSON; `body` is the plain text
-- of all of it. Absent where it is words only.
alter table messages add column parts text;
