-- A table without long values needs no second one for them.
alter table approval_part alter column note type varchar(400) using left(note, 400);
