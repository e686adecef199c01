-- Levels that are watched for running low; what a reservation changes is not part of it, so that it costs reservations nothing.
create index level_safety on level (item_id) where safety_stock > 0;
