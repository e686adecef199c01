-- People look at what has moved last.
create index ledger_at on ledger (at);

-- What an article is found by. In lower case and narrow, so that looking through all of them is quick.
alter table item add column said varchar(300) not null
    generated always as (lower(sku || ' ' || coalesce(gtin14, '') || ' ' || name)) stored;
