-- What is signed of a batch has only hashes of what its messages say; that stands beside it, sealed, and can be erased.

-- in outbox: the payload is sealed; what tells of stock alone is not
alter table outbox add column sealed boolean not null default false;
alter table outbox drop constraint outbox_payload_check;
-- 64 KiB, and what sealing adds
alter table outbox add constraint outbox_payload_check check (octet_length(payload) <= 65536 + case when sealed then 64 else 0 end);
-- encoded hansa.link.v1.Payloads, sealed; null when nothing of it is left
alter table receipt add column payloads bytea;
