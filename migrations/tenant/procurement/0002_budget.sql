-- What may be spent, and what binds it. Suppliers never see it.

create table budget (
    -- UBL: AccountingCost
    accounting_cost varchar(40) not null,
    begins_on date not null,
    ends_on date not null check (ends_on >= begins_on),
    currency varchar(3) not null,
    -- minor units
    amount bigint not null check (amount >= 0),
    primary key (accounting_cost, begins_on)
);

-- A document of ours that binds money, as its newest version does.
create table budget_use (
    document_id uuid primary key,
    accounting_cost varchar(40) not null,
    on_day date not null,
    currency varchar(3) not null,
    -- minor units; 0 when it binds nothing any more
    amount bigint not null
);
create index budget_use_cost on budget_use (accounting_cost, on_day);
