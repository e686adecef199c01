-- How long a document may stay in its state, and fields by which people look for documents.

-- when somebody should have acted; null = whenever they like
alter table document add column due_at timestamptz;
-- nobody had by then, and we have told our own
alter table document add column overdue boolean not null default false;
create index document_due on document (due_at) where due_at is not null and not overdue;

-- Fields of forms that their kind marks for lists and boards, as the newest version says them.
create table document_fact (
    document_id uuid not null references document (id),
    name varchar(40) not null,
    value varchar(200) not null,
    primary key (document_id, name)
);
create index document_fact_value on document_fact (name, value);
