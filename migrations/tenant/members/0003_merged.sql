-- Two members who are one person.

-- of one that was merged: the number under which they go on
alter table member add column merged_into bigint;
