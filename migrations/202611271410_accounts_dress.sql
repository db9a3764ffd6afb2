-- How an agent wants his pages to look, as words of the program; of the first of
-- each, nobody has chosen. A zone that is empty is that of the device.
alter table agents add column theme text not null default 'system';
alter table agents add column menu_theme text not null default 'page';
alter table agents add column text_size text not null default 'normal';
alter table agents add column spacing text not null default 'roomy';
alter table agents add column zone text not null default '';
-- The side menu shows its pictures only.
alter table agents add column menu_folded integer not null default 0;
