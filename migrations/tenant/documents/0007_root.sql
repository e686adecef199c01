-- A hash in hex needs no table for long values beside it.
alter table document alter column root drop default;
alter table document alter column root type varchar(64) using encode(root, 'hex');
alter table document alter column root set default '';
