-- The node's own keys, wrapped by the master key, so that all processes of a node are one node to its partners.

create table hansa.node_key (
    -- 'card' signs the node card; 'tls-now' and 'tls-next' are the keys whose pins stand on it
    purpose varchar(8) primary key check (purpose in ('card', 'tls-now', 'tls-next')),
    wrapped varchar(600) not null,
    created_at timestamptz not null default now()
);
