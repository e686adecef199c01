-- What is owed between us and each partner, as signed documents say it.

-- A version of a document that stands in the account, or stood in it.
create table account_entry (
    document_id uuid not null,
    version bigint not null,
    link_id uuid not null,
    kind varchar(40) not null,
    number varchar(60) not null,
    -- what papers call it
    called varchar(200) not null,
    -- by the partner to us; otherwise by us
    owed_to_us boolean not null,
    standing varchar(10) not null check (standing in ('open', 'settled', 'none')),
    state varchar(40) not null,
    currency varchar(3) not null,
    -- minor units, with tax; and how much of it is disputed, and why
    amount bigint not null,
    disputed bigint not null,
    reason varchar(400) not null,
    -- the document that shows why, or a reference
    evidence varchar(200) not null,
    issued_on date not null,
    due_on date not null,
    -- until when a dispute has to be answered
    deadline timestamptz,
    -- when its issuer counted it
    at timestamptz not null,
    -- of its sections, hex
    root varchar(64) not null,
    primary key (document_id, version)
);
create index account_entry_open on account_entry (link_id, document_id) where standing = 'open';
