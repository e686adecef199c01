-- Whoever takes back what they agreed to is looked up among the offers of a pool, of which there may be twenty thousand.

create index offer_recipient on offer (recipient, purpose, pool_id);
