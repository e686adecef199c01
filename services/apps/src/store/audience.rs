//! SQL of the networks and groups with which apps of ours are shared, nothing else.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A network or group with which an app is shared, and the shares on its links by state.
#[derive(Clone, Debug)]
pub struct AudienceRow {
    pub app: String,
    pub name: String,
    pub version_min: i32,
    pub version_max: i32,
    pub since: OffsetDateTime,
    pub ending: bool,
    pub links: i64,
    pub unoffered: i64,
    pub offered: i64,
    pub accepted: i64,
    pub declined: i64,
    pub ended: i64,
}

/// Shares an app with a network or group from now on, in these versions.
pub async fn put(
    tx: &mut TenantTx,
    (app, name): (&str, &str),
    (min, max): (i32, i32),
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into app_audience (app, name, version_min, version_max, since) values ($1, $2, $3, $4, $5)
         on conflict (app, name) do update set version_min = excluded.version_min, version_max = excluded.version_max,
             ending = false, note = ''",
        app,
        name,
        min,
        max,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What is shared with those in it ends; false when there is none.
pub async fn end(tx: &mut TenantTx, (app, name): (&str, &str), note: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update app_audience set ending = true, note = $3 where app = $1 and name = $2",
        app,
        name,
        note,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// It is shared with this network or group no more; false when it was not.
pub async fn remove(tx: &mut TenantTx, (app, name): (&str, &str)) -> Result<bool, Error> {
    let done = sqlx::query!("delete from app_audience where app = $1 and name = $2", app, name)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Those of an app, or all, by name.
pub async fn all(tx: &mut TenantTx, app: &str, limit: i64) -> Result<Vec<AudienceRow>, Error> {
    Ok(sqlx::query_as!(
        AudienceRow,
        r#"select a.app, a.name, a.version_min, a.version_max, a.since, a.ending, count(l.id) as "links!",
             count(l.id) filter (where s.id is null) as "unoffered!",
             count(l.id) filter (where s.state = 'offered') as "offered!",
             count(l.id) filter (where s.state = 'accepted') as "accepted!",
             count(l.id) filter (where s.state = 'declined') as "declined!",
             count(l.id) filter (where s.state = 'ended') as "ended!"
         from app_audience a
         left join lateral (select distinct link_id from link_group
             where name = a.name or starts_with(name, a.name || '/')) g on true
         left join link l on l.id = g.link_id and l.state = 'active' and not l.hosted
         left join app_share s on s.link_id = l.id and s.app = a.app and s.given
         where $1::varchar = '' or a.app = $1
         group by a.app, a.name order by a.app, a.name limit $2"#,
        app,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A link that is to be offered an app, in these versions, because of where it stands.
#[derive(Clone, Debug)]
pub struct OpenRow {
    pub app: String,
    pub link_id: Uuid,
    pub version_min: i32,
    pub version_max: i32,
}

/// Links that have not been offered what is shared with where they stand, or in other versions, by app and link, after this one. Of a
/// link that stands in several, the narrowest decides.
pub async fn open(tx: &mut TenantTx, (app, link): (&str, Uuid), limit: i64) -> Result<Vec<OpenRow>, Error> {
    Ok(sqlx::query_as!(
        OpenRow,
        r#"select w.app as "app!", w.link_id as "link_id!", w.version_min as "version_min!", w.version_max as "version_max!"
         from (select distinct on (a.app, l.id) a.app, l.id as link_id, a.version_min, a.version_max
               from app_audience a
               join link_group g on g.name = a.name or starts_with(g.name, a.name || '/')
               join link l on l.id = g.link_id and l.state = 'active' and not l.hosted
               where not a.ending and (a.app, l.id) > ($1::varchar, $2::uuid)
               order by a.app, l.id, length(a.name) desc, a.name) w
         left join app_share s on s.link_id = w.link_id and s.app = w.app and s.given
         where s.id is null
             or (s.state in ('offered', 'accepted') and (s.version_min, s.version_max) <> (w.version_min, w.version_max))
         order by w.app, w.link_id limit $3"#,
        app,
        link,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A network or group of which all that is shared ends.
#[derive(Clone, Debug)]
pub struct EndingRow {
    pub app: String,
    pub name: String,
    pub note: String,
}

/// All of those.
pub async fn ending(tx: &mut TenantTx) -> Result<Vec<EndingRow>, Error> {
    Ok(sqlx::query_as!(
        EndingRow,
        "select app, name, note from app_audience where ending order by app, name",
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Shares of an app with a network or group that have not ended.
pub async fn shares_in(tx: &mut TenantTx, (app, name): (&str, &str), limit: i64) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select s.id from app_share s
         where s.given and s.app = $1 and s.state in ('offered', 'accepted')
             and s.link_id in (select link_id from link_group where name = $2 or starts_with(name, $2 || '/'))
         order by s.id limit $3",
        app,
        name,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}
