-- Papers of other systems: the number by which its issuer's own system calls a document, and whom papers mean by an identifier.

alter table document add column reference varchar(100) not null default '';
create index document_reference on document (reference) where reference <> '';
create index document_by_number on document (number);

create table paper_party (
    -- ISO/IEC 6523 or EAS code
    scheme varchar(10) not null,
    id varchar(60) not null,
    link_id uuid not null,
    primary key (scheme, id)
);
