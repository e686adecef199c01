-- Reminders stand among notices.

drop index app_deed_notice;
create index app_deed_notice on app_deed (at) where effect in ('notify', 'remind');
