-- Ways to become a member, who came by them, and who is written to. Nothing here says who a member is, but for what is sealed.

create table way (
    id uuid primary key,
    code varchar(40) not null unique,
    title varchar(120) not null,
    pool_id uuid not null,
    language varchar(35) not null,
    region varchar(2) not null,
    -- fields that people are asked for, separated by commas
    fields varchar(410) not null,
    guide varchar(40) not null,
    -- may we tell the partner
    notice_hash varchar(64) not null,
    link_id uuid,
    partner_pool varchar(40) not null,
    -- JSON: what the partner's pool is called, and what it asks
    terms text not null,
    ended boolean not null default false,
    -- how often its page was shown
    shown bigint not null default 0
);

-- Who came by a way of ours, or was enrolled by a partner.
create table enrolment (
    id uuid primary key,
    -- by a way of ours
    way_id uuid,
    -- by a partner: its link, and what it calls its way
    link_id uuid,
    way varchar(40) not null,
    guide varchar(40) not null,
    -- hex SHA-256 of what was asked: the same id with another body is refused
    body_hash varchar(64) not null,
    pool_id uuid not null,
    -- null: they did not want to become a member of ours
    no bigint,
    known boolean not null,
    agreed boolean not null,
    -- they were asked, and said yes; that counts for whoever was known when they say so themselves
    asked boolean not null,
    -- at the partner's
    partner varchar(7) not null default '' check (partner in ('', 'pending', 'done', 'refused')),
    reason varchar(80) not null default '',
    -- what the partner is told of them, sealed; empty once it is, or is told no more
    sealed bytea not null default '',
    attempts smallint not null default 0,
    at timestamptz not null,
    due_at timestamptz
);
create index enrolment_way on enrolment (way_id, at);
create index enrolment_link on enrolment (link_id, at) where link_id is not null;
create index enrolment_due on enrolment (due_at) where due_at is not null;

-- A member's own page, and what they want.
create table correspondent (
    pool_id uuid not null,
    no bigint not null,
    id uuid not null unique,
    -- they want no messages
    silent boolean not null default false,
    primary key (pool_id, no)
);

-- When members of a pool are left alone.
create table courtesy (
    pool_id uuid primary key,
    zone varchar(60) not null,
    -- minutes of the day
    quiet_from smallint not null,
    quiet_until smallint not null,
    messages_max integer not null,
    within_days integer not null
);

create table run (
    id uuid primary key,
    kind varchar(10) not null check (kind in ('invitation', 'message')),
    pool_id uuid not null,
    -- of a message: the partner
    link_id uuid,
    -- what they are asked to agree to, or have agreed to
    recipient_key uuid not null,
    purpose varchar(40) not null,
    notice_hash varchar(64) not null,
    body_hash varchar(64) not null,
    subject varchar(150) not null,
    body text not null,
    language varchar(35) not null,
    remind_days integer not null default 0,
    -- of a message: most to one member, and in how many days
    messages_max integer not null default 0,
    within_days integer not null default 0,
    -- members up to this number have been looked at; null: all
    after_no bigint,
    -- of invitations: how many may still be asked; of a message: for whom it was
    members_max bigint not null,
    made_at timestamptz not null,
    stopped boolean not null default false
);

-- One member of a run.
create table sent (
    run_id uuid not null,
    no bigint not null,
    pool_id uuid not null,
    link_id uuid,
    state varchar(10) not null
        check (state in ('waiting', 'mailed', 'agreed', 'declined', 'capped', 'opted_out', 'no_address', 'not_agreed', 'stopped')),
    reminded boolean not null default false,
    at timestamptz not null,
    -- it is mailed then, or they are reminded
    due_at timestamptz,
    primary key (run_id, no)
);
create index sent_due on sent (due_at) where due_at is not null;
create index sent_member on sent (pool_id, no, at);
