-- Which tenants have something due, so that nobody has to ask all of them. What is due, and when, stands in rows of the tenant's own.

create table hansa.timer_wake (
    tenant_id varchar(26) primary key references hansa.tenant (id) on delete cascade,
    -- when somebody looks; null when nothing is due at any time
    due_at timestamptz,
    -- whoever wrote a row that is due may commit until then: it is looked at again and again
    until timestamptz not null,
    -- rises when somebody writes such a row, or looks: what was read before does not count any more
    version bigint not null default 0
);
create index timer_wake_due on hansa.timer_wake (due_at);

-- What became due before this table was there is found by looking once.
insert into hansa.timer_wake (tenant_id, due_at, until) select id, clock_timestamp(), clock_timestamp() from hansa.tenant;
