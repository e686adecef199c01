-- Whom trade papers mean by an identifier.

create table paper_party (
    -- ISO/IEC 6523 or EAS code
    scheme varchar(10) not null,
    id varchar(60) not null,
    link_id uuid not null,
    primary key (scheme, id)
);
