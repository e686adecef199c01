-- Steps that a partner's people decide, and requests of partners that ours decide.

-- null = a partner asks, on this link
alter table approval alter column requester drop not null;
alter table approval add column link_id uuid;
-- null = a partner is asked, on this link
alter table approval_part alter column staff_id drop not null;
alter table approval_part add column link_id uuid;
-- who decided there: their role, and a name that stands for the same person on this link alone
alter table approval_part add column decided_as varchar(32) not null default '';
