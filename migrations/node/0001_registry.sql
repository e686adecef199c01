-- The node's own schema: which tenants live here. Read and written by the control role, never by a tenant's or a lane's.

create schema hansa;

create table hansa.tenant (
    -- 26 characters of lower-case base32; names the schema t_<id> and the role r_<id>
    id varchar(26) primary key,
    name varchar(120) not null,
    -- which login role, and so which pool, serves it
    lane smallint not null,
    state varchar(10) not null check (state in ('creating', 'active', 'failed', 'suspended', 'deleting')),
    -- why a migration failed
    trouble varchar(1000) not null default '',
    created_at timestamptz not null default now()
);

-- Which modules a tenant has turned on, and how far each is migrated.
create table hansa.tenant_module (
    tenant_id varchar(26) not null references hansa.tenant (id),
    module varchar(20) not null,
    version integer not null,
    primary key (tenant_id, module)
);

-- Every migration file that has run in this database, with what it was when it ran.
create table hansa.migration (
    module varchar(20) not null,
    version integer not null,
    name varchar(80) not null,
    -- hex SHA-256
    checksum varchar(64) not null,
    applied_at timestamptz not null default now(),
    primary key (module, version)
);

-- What other processes must look at again: the version rises with each change of the topic.
create table hansa.change (
    topic varchar(20) primary key,
    version bigint not null
);
