-- Which tenants an account's name belongs to, and nothing else about it: passwords and sessions live in the tenant.

create table hansa.login (
    -- hex HMAC-SHA-256 of the name under a pepper that lies outside the database: a copy of this table lists nobody
    hash varchar(64) not null,
    tenant_id varchar(26) not null references hansa.tenant (id) on delete cascade,
    primary key (hash, tenant_id)
);
