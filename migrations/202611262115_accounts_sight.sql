-- What a plain agent may do beside reading, as words of the program: until now
-- every one of them answered customers.
alter table agents add column may text not null default 'customers';
-- Since when somebody no longer works here. His lines keep his name.
alter table agents add column deactivated_at integer;

-- Which plain agents see a site. A site that nobody is named for is everybody's;
-- owners and admins see all.
create table site_members (
    site  integer not null references sites (id) on delete cascade,
    agent integer not null references agents (id) on delete cascade,
    primary key (site, agent)
) strict, without rowid;

create index site_members_by_agent on site_members (agent);
