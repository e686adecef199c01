-- The enterprise's keys, wrapped by the node's master key.

create table keyring (
    -- first 16 hex digits of the SHA-256 of the public key
    id varchar(16) primary key,
    purpose varchar(8) not null check (purpose in ('root', 'signing')),
    -- hex
    public_key varchar(64) not null,
    wrapped varchar(200) not null,
    not_before timestamptz not null,
    not_after timestamptz not null
);
