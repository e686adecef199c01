-- Keys that personal data is sealed and found with.
alter table keyring drop constraint if exists keyring_purpose_check;
alter table keyring add constraint keyring_purpose_check check (purpose in ('root', 'signing', 'seal', 'tag'));
