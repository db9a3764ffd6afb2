-- CSS pixels between the button and the foot of the page.
alter table sites add column foot integer not null default 20;
