-- What was known of a request is sealed from here on.
alter table approval alter column facts type bytea using convert_to(facts, 'UTF8');
