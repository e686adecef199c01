-- Our own people and machines.

create table staff (
    id uuid primary key,
    name varchar(120) not null,
    -- words of hansa_vocab::decide::Role, separated by spaces
    roles varchar(120) not null,
    disabled boolean not null default false,
    created_at timestamptz not null default now()
);

create table api_key (
    -- the part of the key that is no secret
    id varchar(16) primary key,
    staff_id uuid not null references staff (id),
    label varchar(80) not null,
    -- hex HMAC-SHA-256 of the secret under a pepper that lies outside the database
    hash varchar(64) not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz
);

-- Who did what by which rule, written in the transaction of the change itself. Movements of stock stand in the ledger instead.
-- grant: select, insert
create table audit (
    id uuid primary key,
    at timestamptz not null default clock_timestamp(),
    -- staff id, partner's enterprise id, or the name of a job
    actor varchar(60) not null,
    action varchar(40) not null,
    resource varchar(120) not null,
    rule varchar(80) not null
);
