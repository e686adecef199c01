-- Prices that both sides have signed, and what orders draw on them.

-- A version of an agreement: the newest one that covers a day holds for orders of that day.
create table price_agreement (
    document_id uuid not null,
    version bigint not null,
    number varchar(60) not null,
    link_id uuid not null,
    our_role varchar(40) not null,
    currency varchar(3) not null,
    valid_from date not null,
    -- infinity when it has no last day; an end brings it forward
    valid_until date not null,
    incoterm varchar(200) not null,
    -- minor units; absent = any amount
    blanket bigint check (blanket > 0),
    agreed_at timestamptz not null,
    lines bigint not null,
    primary key (document_id, version)
);
create index price_agreement_link on price_agreement (link_id, our_role);

create table price_line (
    document_id uuid not null,
    version bigint not null,
    place integer not null,
    sku varchar(200) not null,
    gtin varchar(14) not null,
    category varchar(60) not null,
    -- the line as it was signed
    body bytea not null,
    primary key (document_id, version, place)
);
create index price_line_sku on price_line (sku) where sku <> '';
create index price_line_gtin on price_line (gtin) where gtin <> '';
create index price_line_category on price_line (category) where category <> '';

-- An order beside agreed prices.
create table priced_order (
    document_id uuid primary key,
    number varchar(60) not null,
    link_id uuid not null,
    -- its civil day
    on_day date not null,
    -- words that never change, with commas between them; empty = as it was agreed
    findings varchar(300) not null,
    -- somebody has still to say yes
    waits boolean not null,
    since timestamptz not null
);
create index priced_order_waits on priced_order (since) where waits and findings <> '';

-- What an order draws of what orders may come to together.
create table price_draw (
    agreement_id uuid not null,
    order_id uuid not null,
    -- minor units, net
    amount bigint not null check (amount >= 0),
    primary key (agreement_id, order_id)
);
create index price_draw_order on price_draw (order_id);
