-- Acts that count only when all whom they concern have agreed.

alter table document_act drop constraint document_act_state_check;
-- 'open': others have still to agree
alter table document_act add constraint document_act_state_check check (state in ('sent', 'open', 'counted', 'refused'));
-- the act that this one answers
alter table document_act add column proposal uuid;
-- encoded hansa.documents.v1.ActSent of a proposal, and of what was said to one
alter table document_act add column body bytea not null default '';
