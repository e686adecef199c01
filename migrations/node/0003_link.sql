-- Where partners' calls go, who our partners' nodes are, and which links have work. Read by the control role alone.

-- One row for each end of a link that lives on this node; a link between two tenants of one node has both ends here.
-- An orphan (its tenant has no such link) is harmless: the tenant's own row decides. Route first, tenant row second.
create table hansa.link_route (
    link_id uuid not null,
    -- base32; the side that is called
    enterprise_id varchar(52) not null,
    tenant_id varchar(26) not null,
    peer_enterprise_id varchar(52),
    -- node id (base32) of the peer; null while nobody has accepted the invite
    peer_node_id varchar(52),
    -- 'open' | 'closing': a closing route serves nothing but control
    state varchar(8) not null default 'open' check (state in ('open', 'closing')),
    created_at timestamptz not null default now(),
    primary key (link_id, enterprise_id)
);

-- Partners' nodes as their own signed card shows them. Pins are hex; both are admitted.
create table hansa.peer_node (
    node_id varchar(52) primary key,
    sequence bigint not null,
    pin_now varchar(64) not null,
    pin_next varchar(64),
    -- comma-separated host:port, at most 3
    addresses varchar(400) not null,
    updated_at timestamptz not null default now()
);

-- This node's own signed card, newest last.
create table hansa.node_card (
    node_id varchar(52) not null,
    sequence bigint not null,
    -- encoded hansa.types.v1.Signed
    body bytea not null,
    primary key (node_id, sequence)
);

-- Links that may have undelivered messages. A process writes it before its first post to a quiet link, so that a restart
-- finds all work in this one table.
create table hansa.link_activity (
    link_id uuid not null,
    tenant_id varchar(26) not null,
    shard smallint not null,
    until timestamptz not null,
    primary key (tenant_id, link_id)
);
create index link_activity_shard on hansa.link_activity (shard);

-- Which process works for which shard of links. The fence rises with each change of holder.
create table hansa.lease (
    shard smallint primary key,
    holder uuid not null,
    fence bigint not null,
    until timestamptz not null
);
