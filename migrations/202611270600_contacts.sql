-- A person whom the shop knows, under a name of its own: a customer's number, say.
create table contacts (
    id         integer primary key autoincrement,
    site       integer not null references sites (id) on delete cascade,
    reference  text not null,
    created_at integer not null,
    unique (site, reference)
) strict;

-- Which of them a visitor is. Absent while he is anonymous; each of them is one
-- visitor, whatever he writes from.
alter table visitors add column contact integer references contacts (id) on delete set null;
create unique index visitors_by_contact on visitors (contact) where contact is not null;

-- Who is erased is erased under the shop's own name for him, too.
create trigger visitors_take_contacts after delete on visitors when old.contact is not null
begin
    delete from contacts where id = old.contact;
end;
