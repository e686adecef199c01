-- Kinds of documents of our own. A partner that has the same definition understands them.

-- grant: select, insert
create table document_kind (
    name varchar(40) not null,
    version integer not null,
    -- JSON in its one form
    definition text not null,
    primary key (name, version)
);
