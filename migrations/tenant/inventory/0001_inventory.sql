-- Stock: goods, places, figures, the ledger of every movement, and reservations on both sides of a link.

create table item (
    id uuid primary key,
    -- our own article number
    sku varchar(80) not null unique,
    -- padded to 14 digits
    gtin14 varchar(14),
    -- a store code: means something here only, never matched between enterprises
    restricted boolean not null default false,
    name varchar(200) not null,
    -- code of UN/ECE Recommendation 20
    unit varchar(3) not null,
    -- a base unit is 10^-scale of the unit
    scale smallint not null default 0 check (scale between 0 and 6)
);
create unique index item_gtin on item (gtin14) where gtin14 is not null;

create table location (
    code varchar(40) primary key,
    name varchar(120) not null,
    gln13 varchar(13)
);

-- Four of five accounts: free = on_hand - reserved + short, held = reserved - short. What is short was promised and then taken
-- away by a count. Figures are base units of the item.
create table level (
    location varchar(40) not null references location (code),
    item_id uuid not null references item (id),
    lot varchar(20) not null default '',
    on_hand bigint not null default 0 check (on_hand >= 0),
    reserved bigint not null default 0 check (reserved >= 0),
    incoming bigint not null default 0 check (incoming >= 0),
    short bigint not null default 0 check (short >= 0),
    safety_stock bigint not null default 0 check (safety_stock >= 0),
    version bigint not null default 0,
    primary key (item_id, location, lot),
    constraint level_never_oversold check (reserved <= on_hand + short)
) with (fillfactor = 60);

-- What partners hold with us. The partner's id counts only together with its link.
create table reservation (
    link_id uuid not null,
    id uuid not null,
    state varchar(9) not null check (state in ('held', 'confirmed', 'fulfilled', 'released', 'expired', 'void')),
    -- by this database's clock
    expires_at timestamptz not null,
    version bigint not null default 1,
    -- hex SHA-256 of what was asked: the same id with another body is refused
    body_hash varchar(64) not null,
    order_ref varchar(80) not null default '',
    reason varchar(80) not null default '',
    created_at timestamptz not null default clock_timestamp(),
    primary key (link_id, id)
);
create index reservation_due on reservation (expires_at) where state = 'held';

create table reservation_line (
    link_id uuid not null,
    reservation_id uuid not null,
    n smallint not null,
    item_id uuid not null,
    location varchar(40) not null,
    lot varchar(20) not null,
    quantity bigint not null check (quantity > 0),
    primary key (link_id, reservation_id, n)
);

-- Every movement of stock, from one account of a level to another; also the audit of it. Never changed.
-- grant: select, insert
create table ledger (
    item_id uuid not null,
    location varchar(40) not null,
    lot varchar(20) not null,
    -- of the level, after the movement
    version bigint not null,
    from_account varchar(8) not null check (from_account in ('external', 'free', 'held', 'incoming', 'short')),
    to_account varchar(8) not null check (to_account in ('external', 'free', 'held', 'incoming', 'short')),
    quantity bigint not null check (quantity > 0),
    -- 'import' | 'count' | 'hold' | 'release' | 'expire' | 'fulfil'
    kind varchar(8) not null,
    on_hand bigint not null,
    reserved bigint not null,
    link_id uuid,
    reservation_id uuid,
    -- staff id, partner's enterprise id, or the name of a job
    actor varchar(60) not null,
    at timestamptz not null default clock_timestamp(),
    -- a reader follows (xid, …) below the oldest running transaction, and so misses nothing
    xid xid8 not null default pg_current_xact_id(),
    primary key (item_id, location, lot, version, from_account, to_account)
);
create index ledger_feed on ledger (xid);

-- What we hold at partners, as far as we know.
create table partner_reservation (
    link_id uuid not null,
    id uuid not null,
    -- 'unknown': sent, and no answer yet
    state varchar(9) not null check (state in ('unknown', 'held', 'confirmed', 'fulfilled', 'released', 'expired', 'void')),
    version bigint not null default 0,
    expires_at timestamptz,
    order_ref varchar(80) not null default '',
    reason varchar(80) not null default '',
    -- hex SHA-256 of what was asked
    body_hash varchar(64) not null,
    -- encoded hansa.inventory.v1.ReserveRequest, for repeating it as it was
    body bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (link_id, id)
);
