-- People look at what has moved last.
create index ledger_at on ledger (at);

-- What an article is found by. In lower case and narrow, so that looking through all of them is quick.
-- Cut, because some letters are two in lower case.
alter table item add column said varchar(300) not null
    generated always as (left(lower(sku || ' ' || coalesce(gtin14, '') || ' ' || name), 300)) stored;
