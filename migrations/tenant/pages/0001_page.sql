-- Pages for people who have no key here. The address of one holds its id, sealed by the node: who has it may do what the page is for.

create table page (
    id uuid primary key,
    -- a word of the room whose page it is
    purpose varchar(20) not null,
    -- whose permit opens it
    link_id uuid not null,
    -- what it shows
    subject_id uuid not null,
    expires_at timestamptz not null,
    -- how often something may still be done on it
    acts_left integer not null,
    unique (link_id, subject_id, purpose)
);
