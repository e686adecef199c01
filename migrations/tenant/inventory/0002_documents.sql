-- What documents have done to our stock, line by line: what they hold, what they wait for, what has left us or come in by them.
-- A document that moves on brings these figures, and the levels, to what it means then.

create table document_stock (
    document_id uuid not null,
    stock varchar(10) not null check (stock in ('promised', 'expected', 'despatched', 'received')),
    line varchar(20) not null,
    item_id uuid not null references item (id),
    location varchar(40) not null references location (code),
    lot varchar(20) not null,
    quantity bigint not null check (quantity >= 0),
    primary key (document_id, stock, line, item_id, location, lot)
);
