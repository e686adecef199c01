-- Which orders of partners are accepted by themselves.

create table acceptance_rule (
    -- whose orders; empty = of all who have none of their own
    link varchar(36) primary key,
    -- otherwise somebody looks at each
    accepts boolean not null,
    -- minor units of the currency; null = whatever they come to
    amount_max bigint check (amount_max > 0),
    currency varchar(3) not null default ''
);
