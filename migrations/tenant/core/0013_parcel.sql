-- What is signed of a batch has only hashes of what its messages say; that stands beside it, sealed, and can be erased.

-- in outbox: the payload is sealed; what tells of stock alone is not
alter table outbox add column sealed boolean not null default false;
-- encoded hansa.link.v1.Payloads, sealed; null when nothing of it is left
alter table receipt add column payloads bytea;
