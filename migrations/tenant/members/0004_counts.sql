-- Partners who learn how many of their members are in a pool, and not who.

-- its answers come shuffled and without proof
alter table offer add column counts_only boolean not null default false;

alter table match drop constraint match_mode_check;
alter table match add constraint match_mode_check check (mode in ('', 'own', 'joint', 'count'));
