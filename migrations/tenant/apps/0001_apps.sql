-- Apps: what we and our partners have published, and with whom it is shared.

-- grant: select, insert
create table app_version (
    -- enterprise id
    publisher varchar(52) not null,
    app varchar(31) not null,
    version integer not null,
    -- what it compiles to
    kind varchar(40) not null,
    -- as it was published
    manifest text not null,
    -- encoded hansa.types.v1.Signed of a hansa.apps.v1.Manifest
    body bytea not null,
    published_at timestamptz not null,
    primary key (publisher, app, version)
);
create index app_version_kind on app_version (kind);

create table app_share (
    id uuid primary key,
    link_id uuid not null,
    publisher varchar(52) not null,
    app varchar(31) not null,
    kind varchar(40) not null,
    -- we share it; otherwise it is shared with us
    given boolean not null,
    state varchar(8) not null check (state in ('offered', 'accepted', 'declined', 'ended')),
    -- how often it was offered from the beginning
    round integer not null,
    -- later versions are offered up to this one; 0 = all
    version_max integer not null default 0,
    offered_version integer not null,
    -- the newest that is accepted; 0 = none
    version integer not null default 0,
    -- words, with a space between them: what was accepted, and who of ours may use it
    scopes varchar(400) not null default '',
    roles varchar(120) not null default '',
    -- 0 = as many as they like
    starts_per_day integer not null default 0,
    note varchar(400) not null default '',
    since timestamptz not null,
    -- rises with each message of ours
    told bigint not null default 0,
    unique (link_id, publisher, app)
);
create index app_share_kind on app_share (kind);

-- Who takes the other roles in what a partner begins.
create table app_party (
    share_id uuid not null references app_share (id),
    role varchar(40) not null,
    link_id uuid not null,
    primary key (share_id, role)
);
