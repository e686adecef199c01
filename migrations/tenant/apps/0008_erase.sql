-- What was shared and has ended is erased when its app says so; what systems are asked, and what comes of acts, is sealed from here on.

-- when what we hold of it is looked at; null = it is kept
alter table app_share add column erase_at timestamptz;
create index app_share_erase on app_share (erase_at) where erase_at is not null;

-- JSON of what the system has said, sealed
alter table app_call drop column output;
alter table app_call drop column refused;
alter table app_call add column answer bytea not null default '';

alter table app_deed alter column said type bytea using convert_to(said, 'UTF8');
-- grant on app_deed: delete
