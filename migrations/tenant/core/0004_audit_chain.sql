-- The audit, linked: each checkpoint signs all lines that were committed since the one before, so that none can be taken out,
-- put in or changed afterwards. Lines are written unlinked, since a head in every transaction would let one writer through at
-- a time.

alter table audit add column xid xid8 not null default pg_current_xact_id();
create index audit_feed on audit (xid);

-- grant: select, insert
create table checkpoint (
    number bigint primary key,
    -- the lines of all transactions that are visible in this snapshot and not in the one before
    place pg_snapshot not null,
    -- encoded hansa.types.v1.Signed of a hansa.directory.v1.Checkpoint
    body bytea not null
);
