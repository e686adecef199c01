-- What is told to systems of ours that are no nodes.

create table webhook (
    id uuid primary key,
    url varchar(500) not null,
    -- types that are told, separated by spaces; empty = all
    topics varchar(400) not null default '',
    -- wrapped by the node's key store
    secret varchar(200) not null,
    -- nothing is told any more, for this reason; empty while it is
    disabled varchar(200) not null default '',
    created_at timestamptz not null default clock_timestamp()
);

create table delivery (
    -- the webhook-id that the receiver sees: the same one again is the same event
    id uuid primary key default gen_random_uuid(),
    webhook_id uuid not null references webhook (id) on delete cascade,
    topic varchar(80) not null,
    payload text not null,
    state varchar(9) not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    attempts smallint not null default 0,
    due_at timestamptz not null,
    -- what the receiver said last: an HTTP status, or why there is none
    status smallint,
    trouble varchar(200) not null default '',
    created_at timestamptz not null default clock_timestamp()
);
create index delivery_due on delivery (due_at) where state = 'pending';
create index delivery_webhook on delivery (webhook_id, created_at);
-- for forgetting what was told long ago
create index delivery_old on delivery (created_at) where state <> 'pending';
