-- How long decisions took.
create index approval_closed on approval (closed_at) where closed_at is not null;
