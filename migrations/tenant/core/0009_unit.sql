-- Where somebody of ours works: units, and stores in them: "north", "north/store-12"; words with a space between them.

alter table staff add column if not exists units varchar(200) not null default '';
