-- What has come here of acts of apps' documents.

-- grant: select, insert
create table app_deed (
    document_id uuid not null,
    act_id uuid not null,
    -- which effect of the act, in its order
    place integer not null,
    effect varchar(20) not null,
    done boolean not null,
    -- what is known of it, JSON; or why it was not done
    said varchar(1000) not null,
    -- with a notice: for whom
    for_role varchar(20) not null default '',
    at timestamptz not null,
    primary key (document_id, act_id, place)
);
create index app_deed_notice on app_deed (at) where effect = 'notify';
