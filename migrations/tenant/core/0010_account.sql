-- How people come in by a browser: with a name and a password, which they choose by a link that somebody gave them.

create table account (
    staff_id uuid primary key references staff (id),
    -- lower case; most take their mail address
    login varchar(120) not null unique,
    -- argon2id, as a PHC string
    password varchar(200) not null,
    changed_at timestamptz not null default clock_timestamp()
);

create table account_invite (
    -- the part of the link that is no secret
    id varchar(16) primary key,
    staff_id uuid not null references staff (id),
    -- as that of an API key
    hash varchar(64) not null,
    expires_at timestamptz not null,
    used_at timestamptz
);

-- A browser's session opens what a key opens, for a shorter time.
alter table api_key add column session boolean not null default false;
