-- Guests: partners without a node. Their keys lie with us, and say so wherever they are shown; what they are told goes by mail.

-- null = ours; else of the guest on this link
alter table keyring add column if not exists link_id uuid;
alter table link add column if not exists hosted boolean not null default false;
