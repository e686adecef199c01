-- Networks and groups with which an app of ours is shared, and from which version on.

create table app_audience (
    app varchar(31) not null,
    -- of a network or group of links
    name varchar(81) not null,
    version_min integer not null,
    version_max integer not null,
    since timestamptz not null,
    -- what is shared with those in it ends, and then this row goes
    ending boolean not null default false,
    note varchar(300) not null default '',
    primary key (app, name)
);
-- nothing begins with an earlier version; 0 = any
alter table app_share add column version_min integer not null default 0;
