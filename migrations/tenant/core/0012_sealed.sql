-- How long batches were on their way, day by day. Those from before are not known.
alter table receipt add column sealed_at timestamptz;
alter table receipt alter column sealed_at set default clock_timestamp();
create index receipt_sealed on receipt using brin (sealed_at);
