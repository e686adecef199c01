-- Threads on a link or about a document. One enterprise gives each entry its place; all hold the same in the same order.

create table thread (
    -- follows from what it is about: the same at all
    id uuid primary key,
    subject_kind varchar(8) not null check (subject_kind in ('link', 'document')),
    subject_id uuid not null,
    -- the link to whoever counts; null = we do
    counted_by uuid,
    -- the newest place
    last bigint not null default 0,
    -- hex SHA-256 of the newest Placed
    head varchar(64) not null default '',
    last_at timestamptz not null,
    -- rises with each message of ours
    told bigint not null default 0
);
create index thread_last on thread (last_at);

create table thread_entry (
    thread_id uuid not null references thread (id),
    id uuid not null,
    -- null = it has none yet
    place bigint,
    kind varchar(9) not null check (kind in ('said', 'edited', 'withdrawn')),
    -- the entry that it says anew, or withdraws
    of_id uuid,
    enterprise varchar(52) not null,
    enterprise_name varchar(200) not null,
    -- our own person who said it
    staff_id uuid,
    state varchar(7) not null check (state in ('sent', 'placed', 'refused')),
    -- a word that never changes
    reason varchar(40) not null default '',
    at timestamptz not null,
    -- hex SHA-256 of the signed entry: the same id with another one is refused
    body_hash varchar(64) not null,
    -- what it says: an encoded Signed of a Placed, or of an Entry that has no place yet; sealed
    sealed bytea not null,
    primary key (thread_id, id)
);
create unique index thread_entry_place on thread_entry (thread_id, place) where place is not null;

create table thread_read (
    thread_id uuid not null references thread (id),
    -- staff id, or enterprise id
    reader varchar(52) not null,
    place bigint not null,
    primary key (thread_id, reader)
);

create table contact_rule (
    link_id uuid primary key,
    -- words with a space between them
    roles varchar(120) not null,
    names boolean not null
);
