-- Networks of links and groups in them: "franchise", "franchise/north".

create table link_group (
    name varchar(81) not null,
    link_id uuid not null references link (id),
    primary key (name, link_id)
);
