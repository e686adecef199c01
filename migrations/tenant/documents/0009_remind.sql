-- Reminders before the time of a state is over, and what comes by itself after it.

-- when something is due next: a reminder, or the end of the time; null = nothing is
alter table document add column wake_at timestamptz;
-- how often whoever has to act in this state was reminded
alter table document add column reminded smallint not null default 0;
update document set wake_at = due_at where not overdue;
drop index document_due;
create index document_wake on document (wake_at) where wake_at is not null;
