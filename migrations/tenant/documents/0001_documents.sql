-- Documents that we hold in common with partners. Their issuer's tenant gives each version its number; all keep the same bytes.

create table document (
    id uuid primary key,
    kind varchar(40) not null,
    kind_version integer not null,
    -- the issuer's, for people
    number varchar(60) not null,
    our_role varchar(40) not null,
    -- we give versions their numbers
    issuer boolean not null,
    -- the newest version that counts; 0 while it is a draft of ours
    version bigint not null,
    state varchar(40) not null,
    -- of the newest version's sections; empty while it is a draft of ours
    root bytea not null default '',
    -- since when it is in this state
    since timestamptz not null,
    created_at timestamptz not null default clock_timestamp()
);

create table document_party (
    document_id uuid not null references document (id),
    -- 0 = the issuer
    place smallint not null,
    role varchar(40) not null,
    enterprise varchar(52) not null,
    name varchar(200) not null,
    -- the link to them; null for ourselves, and for those whom only the issuer is linked to
    link_id uuid,
    primary key (document_id, place)
);

-- grant: select, insert
create table document_version (
    document_id uuid not null references document (id),
    version bigint not null,
    -- encoded hansa.types.v1.Signed of a hansa.documents.v1.Version, as it was signed
    body bytea not null,
    primary key (document_id, version)
);

-- grant: select, insert
create table document_text (
    document_id uuid not null references document (id),
    section varchar(40) not null,
    -- the version that wrote it
    version bigint not null,
    salt bytea not null,
    content bytea not null,
    primary key (document_id, section, version)
);

-- What we did at documents of others, and what others did at ours.
create table document_act (
    document_id uuid not null references document (id),
    id uuid not null,
    act varchar(40) not null,
    role varchar(40) not null,
    base bigint not null,
    -- hex SHA-256 of what was asked: the same id with another body is refused
    body_hash varchar(64) not null,
    -- 'sent': not yet counted by the issuer
    state varchar(7) not null check (state in ('sent', 'counted', 'refused')),
    -- a word that never changes, when it was refused
    reason varchar(40) not null default '',
    -- staff id, or the partner's enterprise id
    actor varchar(60) not null,
    at timestamptz not null default clock_timestamp(),
    primary key (document_id, id)
);

create table document_number (
    prefix varchar(40) primary key,
    last bigint not null
);
