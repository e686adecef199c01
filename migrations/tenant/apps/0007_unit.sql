-- Where those work who may use an app, beside their roles; empty = anywhere.

alter table app_share add column units varchar(400) not null default '';
