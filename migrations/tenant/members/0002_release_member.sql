-- What partners hold of a member is looked at when it is corrected, and on the member's own page.

create index release_member on release (pool_id, no);
