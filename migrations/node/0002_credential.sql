-- Which tenant a key belongs to, and nothing else about it: hashes, roles and sessions live in the tenant.

create table hansa.credential (
    -- the part of an API key that is no secret
    id varchar(16) primary key,
    tenant_id varchar(26) not null references hansa.tenant (id)
);
