-- How people come in whom an issuer of their enterprise's own vouches for: as whom it knows them.

create table account_subject (
    staff_id uuid primary key references staff (id),
    -- hex HMAC-SHA-256 of issuer and subject under a pepper that lies outside the database: many subjects are mail addresses
    known_as varchar(64) not null unique,
    changed_at timestamptz not null default clock_timestamp()
);
