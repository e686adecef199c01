-- Links of this tenant: who, on what terms, what was declared, what is to be delivered and what has come.

-- An invite is a link in state 'invited'; its id is the inviter's UUIDv7.
create table link (
    id uuid primary key,
    -- did we invite
    inviter boolean not null,
    -- base32; null until somebody has accepted
    peer_id varchar(52),
    peer_name varchar(120) not null default '',
    peer_node_id varchar(52),
    state varchar(10) not null check (state in ('invited', 'pending', 'active', 'suspended', 'revoked', 'expired', 'declined')),
    -- rises when the two sides begin anew; numbers of messages start again with it
    epoch bigint not null default 1,
    -- what we grant: rises with each change; every statement of a partner's call compares it
    grant_version bigint not null default 1,
    -- who may number messages; rises with each change of the working process
    fence bigint not null default 0,
    -- hex SHA-256
    terms_hash varchar(64) not null,
    check_code varchar(6) not null default '',
    -- hex SHA-256 of the invite's secret; null for the invitee and once it is used
    secret_hash varchar(64),
    expires_at timestamptz,
    -- how many declarations each side has made, and how many of ours the peer holds
    mine bigint not null default 0,
    theirs bigint not null default 0,
    acknowledged bigint not null default 0,
    -- sequences of our bundle and card that the peer is known to hold
    bundle_known bigint not null default 0,
    card_known bigint not null default 0,
    last_contact_at timestamptz,
    last_refusal varchar(200),
    last_refusal_at timestamptz,
    created_at timestamptz not null default now()
);

-- Bytes that were signed or answered, kept as they were.
create table link_record (
    link_id uuid not null,
    -- 'terms' | 'my-bundle' | 'peer-bundle' | 'peer-card' | 'mine' | 'theirs' (declarations) | 'accept' (first answer)
    -- | 'granted' | 'received' (StockGrant by grant version); our own bundle stands under the nil link
    kind varchar(12) not null,
    -- a declaration's sequence, a bundle's or card's sequence, else 0
    sequence bigint not null default 0,
    -- encoded hansa.types.v1.Signed, or the plain bytes for terms and answers
    body bytea not null,
    primary key (link_id, kind, sequence)
);

-- Delivery: how far each direction of each class has come.
create table cursor (
    link_id uuid not null,
    class smallint not null,
    -- sending: last number given, last number the peer has receipted, hash of the last header we were given
    numbered bigint not null default 0,
    acknowledged bigint not null default 0,
    their_head varchar(64) not null default '',
    -- receiving: last number applied, hash of the last header we gave
    received bigint not null default 0,
    my_head varchar(64) not null default '',
    -- set when the two sides disagree about what was sent: the lane stops until people have looked
    fork varchar(120) not null default '',
    primary key (link_id, class)
);

-- What we tell partners. A domain inserts (id, link_id, class, ordering_key, key_version, type, payload, trace_parent) in the
-- transaction of the change itself. The courier numbers rows in commit order under the link's row, seals them into a signed
-- batch and removes them here, all in one transaction.
create table outbox (
    id uuid primary key,
    link_id uuid not null,
    class smallint not null default 2,
    ordering_key varchar(120) not null,
    -- version of the row whose lock orders this key
    key_version bigint not null,
    type varchar(80) not null,
    created_at timestamptz not null default clock_timestamp(),
    salt bytea not null default uuid_send(gen_random_uuid()),
    payload bytea not null check (octet_length(payload) <= 65536),
    trace_parent varchar(60) not null default ''
);
create index outbox_link on outbox (link_id, class);

-- What partners told us, and what became of it.
create table inbox (
    link_id uuid not null,
    class smallint not null,
    number bigint not null,
    id uuid not null,
    ordering_key varchar(120) not null,
    type varchar(80) not null,
    state varchar(9) not null check (state in ('processed', 'refused', 'parked', 'waiting')),
    reason varchar(80) not null default '',
    -- the encoded message, kept while it is parked or waits
    message bytea,
    received_at timestamptz not null default clock_timestamp(),
    primary key (link_id, class, number)
);
create index inbox_stuck on inbox (link_id, class, number) where state in ('parked', 'waiting');

-- Batches and the receipts that answer them, both directions, as they were signed.
create table receipt (
    link_id uuid not null,
    -- did we send the batch
    sent boolean not null,
    class smallint not null,
    first bigint not null,
    last bigint not null,
    -- encoded hansa.types.v1.Signed
    batch bytea not null,
    -- null until the peer has answered
    header bytea,
    applied_at timestamptz not null default clock_timestamp(),
    primary key (link_id, sent, class, first)
);
create index receipt_open on receipt (link_id, class, first) where header is null;
