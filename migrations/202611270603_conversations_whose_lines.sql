-- A visitor's lines are his whose conversation it is. One whose id another line of
-- that person's has already stays where it is.
create trigger conversations_bring_lines after update of visitor on conversations
begin
    update or ignore messages set visitor = new.visitor
    where conversation = new.id and visitor is not null;
end;
