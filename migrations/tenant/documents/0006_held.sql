-- Acts of ours that wait for a colleague's approval: nobody else sees them.

alter table document_act drop constraint document_act_state_check;
-- 'held': a colleague has to approve it
alter table document_act add constraint document_act_state_check check (state in ('held', 'sent', 'open', 'counted', 'refused'));
