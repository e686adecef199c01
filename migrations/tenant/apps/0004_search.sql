-- What an app is found by: its name, titles and summaries, in lower case. Narrow, so that looking through all of them is quick.
alter table app_version add column said varchar(1000) not null default '';
update app_version set said = lower(left(app || ' ' || manifest, 1000));
