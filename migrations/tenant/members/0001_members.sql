-- Pools of members: who they are (sealed), what they have agreed to, what partners are handed and hold of them.

create table pool (
    id uuid primary key,
    code varchar(40) not null unique,
    name varchar(120) not null,
    -- JSON of the fields that members may have
    fields text not null,
    -- the number that was given last
    member_last bigint not null default 0,
    -- of a pool that holds what a partner has released to us: its pool, and what for; null = our own
    link_id uuid,
    partner_pool varchar(40),
    purpose varchar(40)
);

-- Numbers are the enterprise's own; no partner sees them.
create table member (
    pool_id uuid not null,
    no bigint not null,
    state varchar(8) not null default 'active' check (state in ('active', 'erased')),
    -- JSON of the fields, sealed; empty once erased
    sealed bytea not null,
    joined_at timestamptz not null,
    -- of one that a partner has released: our own member, what it rests on, and when it goes
    own_pool_id uuid,
    own_no bigint,
    consent_version bigint,
    delete_by timestamptz,
    primary key (pool_id, no)
);

create index member_delete_by on member (delete_by) where delete_by is not null;
create index member_own on member (own_pool_id, own_no) where own_pool_id is not null;

-- By what a member is found: a keyed tag of a phone, an address, or the name on a link.
create table member_identifier (
    pool_id uuid not null,
    kind varchar(9) not null check (kind in ('phone', 'email', 'pseudonym')),
    tag uuid not null,
    no bigint not null,
    -- base64 of the identifier, sealed
    sealed varchar(480) not null,
    primary key (pool_id, kind, tag)
);
create index member_identifier_no on member_identifier (pool_id, no);

-- Texts that members agree to. They never change.
-- grant: select, insert
create table notice (
    -- hex SHA-256 of all of it
    hash varchar(64) primary key,
    -- the receiving enterprise: the first 16 bytes of its id
    recipient uuid not null,
    -- its id in text, and the link it was named by
    recipient_id varchar(52) not null,
    link_id uuid not null,
    purpose varchar(40) not null,
    -- JSON
    fields text not null,
    language varchar(35) not null,
    body text not null,
    created_at timestamptz not null
);

-- What holds now, one row for each member, receiving enterprise and purpose.
create table consent (
    pool_id uuid not null,
    no bigint not null,
    recipient uuid not null,
    purpose varchar(40) not null,
    state varchar(9) not null check (state in ('given', 'withdrawn', 'erased')),
    -- rises with each change
    version bigint not null,
    notice_hash varchar(64) not null,
    channel varchar(20) not null,
    changed_at timestamptz not null,
    -- a filter that was handed out does not know of it yet
    pending boolean not null default false,
    primary key (pool_id, no, recipient, purpose)
);
create index consent_given on consent (recipient, purpose, pool_id, no) where state = 'given';
create index consent_pending on consent (recipient, purpose, pool_id, no) where pending;

-- Every change of a consent, never changed itself; the checkpoints of the audit sign them.
-- grant: select, insert
create table consent_event (
    pool_id uuid not null,
    no bigint not null,
    recipient uuid not null,
    purpose varchar(40) not null,
    version bigint not null,
    state varchar(9) not null,
    notice_hash varchar(64) not null,
    channel varchar(20) not null,
    actor varchar(80) not null,
    at timestamptz not null,
    xid xid8 not null default pg_current_xact_id(),
    primary key (pool_id, no, recipient, purpose, version)
);
create index consent_event_xid on consent_event (xid);

-- A pool handed out to a partner for a purpose, under one key.
create table offer (
    link_id uuid not null,
    pool_id uuid not null,
    purpose varchar(40) not null,
    epoch integer not null,
    recipient uuid not null,
    state varchar(8) not null check (state in ('building', 'live', 'ended')),
    -- the key, wrapped
    key_wrapped varchar(200) not null,
    masked bigint not null default 0,
    segment_bits smallint not null default 0,
    tokens bigint not null default 0,
    sequence integer not null default 0,
    -- evaluations so far: in this epoch, and in those before it
    spent bigint not null default 0,
    spent_before bigint not null default 0,
    made_at timestamptz not null,
    ends_at timestamptz not null,
    -- when something is to be done about it
    due_at timestamptz,
    primary key (link_id, pool_id, purpose, epoch)
);

-- Filters: ours as they are handed out, with who is who in them; partners' as they came.
create table filter_segment (
    link_id uuid not null,
    pool varchar(40) not null,
    purpose varchar(40) not null,
    epoch integer not null,
    ours boolean not null,
    -- 0 the signed offer itself, 1 base, 2 joined, 3 left
    part smallint not null,
    sequence integer not null,
    number integer not null,
    body bytea not null,
    -- of ours: token (16 bytes) and twice the member's number plus the kind (8 bytes), by token
    entries bytea,
    primary key (link_id, pool, purpose, epoch, ours, part, sequence, number)
);

-- What a partner holds of a member, or is told to hold no more.
create table release (
    link_id uuid not null,
    pool_id uuid not null,
    no bigint not null,
    purpose varchar(40) not null,
    pseudonym uuid not null,
    -- what stood in the filter when it ended: the next change of the filter takes it out
    phone_token uuid,
    email_token uuid,
    state varchar(9) not null check (state in ('released', 'ending', 'ended')),
    consent_version bigint not null,
    released_at timestamptz,
    -- why it ends, since when, and when the partner's node has said so
    reason varchar(10) not null default '',
    ended_at timestamptz,
    acknowledged_at timestamptz,
    primary key (link_id, pool_id, no, purpose)
);
create index release_pseudonym on release (link_id, pseudonym);
create index release_open on release (ended_at) where state = 'ending';

-- Lists that are matched: ours, and what partners have asked of us.
create table match (
    id uuid not null,
    link_id uuid not null,
    ours boolean not null,
    pool varchar(40) not null,
    purpose varchar(40) not null,
    epoch integer not null default 0,
    -- our own pool; null for a partner's list
    own_pool_id uuid,
    mode varchar(5) not null default '' check (mode in ('', 'own', 'joint')),
    state varchar(7) not null check (state in ('running', 'done', 'failed')),
    reason varchar(40) not null default '',
    explained varchar(300) not null default '',
    listed bigint not null default 0,
    evaluated bigint not null default 0,
    matched bigint not null default 0,
    released bigint not null default 0,
    -- the chunk that came last, and the hash of it
    chunk integer not null default 0,
    chunk_hash varchar(64) not null default '',
    -- of ours: the blinds' seed, wrapped, and the chunk that is under way
    seed_wrapped varchar(200) not null default '',
    pending bytea,
    begun_at timestamptz not null,
    due_at timestamptz,
    primary key (link_id, id, ours)
);

-- Tokens that we have asked for, and those that a partner has taken back.
create table match_token (
    link_id uuid not null,
    token uuid not null,
    pool varchar(40) not null,
    purpose varchar(40) not null,
    epoch integer not null,
    -- whose it is; nil and 0 for one that was taken back
    own_pool_id uuid not null,
    no bigint not null,
    kind varchar(9) not null,
    -- base64 of the key under which what is released of it comes, sealed
    release_key varchar(120) not null default '',
    matched boolean not null default false,
    -- taken back by the partner when its filter had this sequence; only a later change can bring it in again
    gone_sequence integer,
    primary key (link_id, token, own_pool_id, no)
);
create index match_token_member on match_token (own_pool_id, no, link_id);
