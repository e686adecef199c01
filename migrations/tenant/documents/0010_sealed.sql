-- What documents say (document_text.content) and what acts want to write (document_act.body) is sealed from here on, so that files
-- can't be looked for in it any more.

-- Files that a document names, or named in an earlier version.
create table document_file (
    document_id uuid not null references document (id),
    section varchar(40) not null,
    -- hex SHA-256
    hash varchar(64) not null,
    primary key (document_id, section, hash)
);
create index document_file_hash on document_file (hash);

-- since when nothing is left here of what it said
alter table document add column erased_at timestamptz;
-- grant on document_text: delete
