-- Who vouches for our people when they sign in to the console: at most one.

create table issuer (
    one boolean primary key default true check (one),
    url varchar(500) not null,
    client_id varchar(200) not null,
    -- wrapped by the node's key store; empty for a public client
    secret varchar(600) not null
);
