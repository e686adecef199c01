-- What is told by mail to people who have no key here.

create table mail (
    -- stands in Message-ID: the same one again is the same mail
    id uuid primary key,
    -- to whom, and what: wrapped by the node's key store, and empty once nothing is sent any more
    letter text not null,
    state varchar(9) not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    attempts smallint not null default 0,
    due_at timestamptz not null,
    -- what the mail server said last
    trouble varchar(200) not null default '',
    -- what it is about
    subject_id uuid not null,
    created_at timestamptz not null default clock_timestamp()
);
create index mail_due on mail (due_at) where state = 'pending';
create index mail_subject on mail (subject_id);
