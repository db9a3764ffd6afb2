-- Whether agents see what somebody anonymous has written before. Of whom the shop
-- knows they always do.
alter table sites add column earlier_chats integer not null default 0;
