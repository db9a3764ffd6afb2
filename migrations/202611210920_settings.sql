-- What an admin changes while the program runs; one JSON value a subject.
create table settings (
    name  text primary key,
    value text not null
) strict;
