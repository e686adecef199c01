-- What the other parties have made of our versions: a document that one of them does not have is shown as pending.

-- the newest version that its receipts say it has
alter table document_party add column heard_version bigint not null default 0;
-- why it has not taken a later one, in its own word
alter table document_party add column trouble varchar(80) not null default '';
