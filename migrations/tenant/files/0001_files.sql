-- Bytes of files that documents name, and what is still to be done about them.

-- grant: select, insert, delete
create table file_chunk (
    -- hex of a FileRef's hash
    file varchar(64) not null,
    -- from 0
    place smallint not null,
    bytes bytea not null check (octet_length(bytes) <= 65536),
    primary key (file, place)
);
-- Photos and PDFs do not get smaller.
alter table file_chunk alter column bytes set storage external;

create table file_due (
    file varchar(64) primary key,
    -- 'fetch': a partner has it; 'drop': it was brought here, and nothing names it yet
    what varchar(5) not null check (what in ('fetch', 'drop')),
    due_at timestamptz not null,
    -- with 'fetch': of which document, from whom, and what was said the last time
    document_id uuid,
    link_id uuid,
    -- 16 bytes in hex, and bytes: what it must be when it comes
    salt varchar(32) not null default '',
    size bigint not null default 0,
    tries smallint not null default 0,
    trouble varchar(80) not null default ''
);
