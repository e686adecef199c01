-- Systems of ours that answer for apps of ours, and what they are asked.

create table app_backend (
    app varchar(31) primary key,
    -- how it is spoken to
    over varchar(5) not null check (over in ('https', 'grpc')),
    url varchar(500) not null,
    -- wrapped by the node's key store
    secret varchar(200) not null,
    since timestamptz not null
);

create table app_call (
    -- enterprise id of whose people ask, or have acted
    caller varchar(52) not null,
    id uuid not null,
    app varchar(31) not null,
    operation varchar(40) not null,
    -- hex SHA-256 of what was asked
    body_hash varchar(64) not null,
    -- encoded hansa.apps.v1.CallRequest
    request bytea not null,
    state varchar(7) not null default 'asked' check (state in ('asked', 'done', 'refused', 'failed')),
    -- what the system has said
    output text not null default '',
    refused varchar(400) not null default '',
    -- why it could not be asked, or why its answer has no effect
    trouble varchar(200) not null default '',
    attempts smallint not null default 0,
    asked_at timestamptz not null,
    -- with what comes of an act: when it is tried next
    due_at timestamptz,
    -- it comes of this document
    document_id uuid,
    primary key (caller, id)
);
create index app_call_due on app_call (due_at) where due_at is not null;
-- for the newest, and for forgetting what was asked long ago
create index app_call_asked on app_call (asked_at);
