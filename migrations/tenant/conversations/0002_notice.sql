-- Who of ours is written to when something was said that they have not read.

create table mail_notice (
    staff_id uuid primary key,
    -- where they read mail: wrapped by the node
    email varchar(400) not null,
    -- BCP 47
    language varchar(35) not null,
    -- how long they have to see it by themselves
    after_minutes integer not null,
    -- also of threads in which they have no part
    everywhere boolean not null
);

-- of what they were written to; they are again when they have read that
alter table thread_read add column mailed bigint not null default 0;
