-- Coupons and points of our pools, and what we have booked at partners. Nothing here says who a member is.

-- What points of a pool are called and worth.
create table program (
    pool_id uuid primary key,
    unit varchar(20) not null,
    -- of 1,000 points, in minor units
    value bigint not null check (value >= 0),
    currency varchar(3) not null,
    idle_days integer not null default 0
);

create table points_account (
    pool_id uuid not null,
    no bigint not null,
    -- below zero when goods came back whose points were spent
    balance bigint not null,
    held bigint not null default 0 check (held >= 0),
    -- rises with each entry
    version bigint not null,
    -- unused points are gone then
    idle_at timestamptz,
    primary key (pool_id, no)
);
create index points_account_idle on points_account (idle_at) where idle_at is not null;

-- Every change of a balance, never changed itself.
-- grant: select, insert
create table points_entry (
    pool_id uuid not null,
    no bigint not null,
    -- of the account, after it
    version bigint not null,
    points bigint not null,
    balance bigint not null,
    cause varchar(8) not null check (cause in ('credit', 'spend', 'reversal', 'idle', 'erased', 'merged')),
    -- nil: our own counter, or no booking
    link_id uuid not null,
    booking_id uuid not null,
    at timestamptz not null,
    primary key (pool_id, no, version)
);

create table coupon_kind (
    id uuid primary key,
    code varchar(40) not null unique,
    pool_id uuid not null,
    benefit varchar(120) not null,
    currency varchar(3) not null,
    -- minor units off, or thousandths of the basket
    amount bigint not null,
    permille integer not null,
    discount_max bigint not null,
    basket_min bigint not null,
    -- of the discount, what the issuer pays to whoever redeems it
    issuer_permille integer not null,
    scope varchar(8) not null check (scope in ('own', 'partner', 'partners')),
    link_id uuid,
    valid_from timestamptz not null,
    valid_until timestamptz not null,
    issued_max bigint not null,
    issued bigint not null default 0
);

create table coupon (
    kind_id uuid not null,
    serial_no bigint not null,
    -- by what it is found: a keyed tag of its code, which follows from kind and serial number under the same key
    tag uuid not null unique,
    -- null: whoever bears it
    no bigint,
    state varchar(9) not null default 'issued' check (state in ('issued', 'held', 'redeemed', 'withdrawn')),
    primary key (kind_id, serial_no)
);
create unique index coupon_member on coupon (no, kind_id) where no is not null;

-- One use of a coupon or of points of ours; the id is whoever's asks.
create table booking (
    -- nil: our own counter
    link_id uuid not null,
    id uuid not null,
    kind varchar(6) not null check (kind in ('', 'coupon', 'spend', 'credit')),
    state varchar(9) not null check (state in ('held', 'confirmed', 'voided', 'expired', 'reversed')),
    version bigint not null default 1,
    -- hex SHA-256 of what was asked: the same id with another body is refused
    body_hash varchar(64) not null,
    expires_at timestamptz,
    -- of a coupon
    coupon_kind_id uuid,
    serial_no bigint,
    -- of points
    pool_id uuid,
    no bigint,
    points bigint not null default 0,
    discount bigint not null default 0,
    funded bigint not null default 0,
    currency varchar(3) not null default '',
    benefit varchar(120) not null default '',
    order_ref varchar(80) not null default '',
    reason varchar(80) not null default '',
    confirmed_at timestamptz,
    reversed_at timestamptz,
    primary key (link_id, id)
);
create index booking_due on booking (expires_at) where state = 'held';

-- What is settled with partners, never changed.
-- grant: select, insert
create table settlement_entry (
    link_id uuid not null,
    at timestamptz not null,
    booking_id uuid not null,
    reversal boolean not null,
    kind varchar(6) not null,
    currency varchar(3) not null,
    discount bigint not null,
    funded bigint not null,
    points bigint not null,
    primary key (link_id, at, booking_id, reversal)
);

-- What we have booked at partners, as far as we know.
create table partner_booking (
    link_id uuid not null,
    id uuid not null,
    kind varchar(6) not null,
    -- 'unknown': sent, and no answer yet
    state varchar(9) not null check (state in ('unknown', 'held', 'confirmed', 'voided', 'expired', 'reversed')),
    version bigint not null default 0,
    body_hash varchar(64) not null,
    expires_at timestamptz,
    points bigint not null default 0,
    discount bigint not null default 0,
    funded bigint not null default 0,
    currency varchar(3) not null default '',
    benefit varchar(120) not null default '',
    order_ref varchar(80) not null default '',
    reason varchar(80) not null default '',
    confirmed_at timestamptz,
    reversed_at timestamptz,
    -- the partner is asked again then
    due_at timestamptz,
    primary key (link_id, id)
);
create index partner_booking_due on partner_booking (due_at) where due_at is not null;
