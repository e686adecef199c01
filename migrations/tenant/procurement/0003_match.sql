-- What is invoiced beside what was ordered and has come. Sellers never see it.

-- How far an invoice may be off, upward; of amount and per cent the larger one counts.
create table match_tolerance (
    -- whose invoices; empty = of all who have none of their own
    link varchar(36) primary key,
    -- hundredths of a per cent
    quantity_percent integer not null check (quantity_percent between 0 and 10000),
    -- millionths of the unit
    quantity_units bigint not null check (quantity_units >= 0),
    price_percent integer not null check (price_percent between 0 and 10000),
    -- minor units
    price_amount bigint not null check (price_amount >= 0)
);

-- Invoices that do not fit, and wait for somebody.
create table match_exception (
    document_id uuid primary key,
    number varchar(60) not null,
    -- whose
    link_id uuid,
    -- words that never change, with commas between them
    findings varchar(200) not null,
    since timestamptz not null
);
