-- What the operator of this node says of apps that its enterprises have.

create table hansa.app_review (
    -- enterprise id
    publisher varchar(52) not null,
    -- empty = all of that publisher
    app varchar(31) not null,
    -- 0 = every version
    version integer not null,
    blocked boolean not null,
    -- why, for the people of those enterprises
    note varchar(400) not null,
    at timestamptz not null default now(),
    primary key (publisher, app, version)
);
