-- Documents that are about another one: the despatch advices of an order.

alter table document add column refers_to uuid;
create index document_about on document (refers_to) where refers_to is not null;
