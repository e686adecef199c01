-- What was invoiced between two days.
create index account_entry_issued on account_entry (issued_on);
