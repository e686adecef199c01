-- What a room keeps with a page: who reads it, in which language. Wrapped by the node, and forgotten with the page. It is short, so it
-- lies in the row itself: a table for long values would be one more relation in every tenant.

alter table page
    add column detail text not null default '' check (octet_length(detail) <= 4096),
    alter column detail set storage plain,
    alter column purpose set storage plain;
