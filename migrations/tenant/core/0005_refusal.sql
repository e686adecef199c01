-- A table without long values needs no second one for them.
alter table link alter column last_refusal type varchar(80) using left(last_refusal, 80);
