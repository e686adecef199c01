//! SQL of apps, nothing else.

pub mod audience;
pub mod calls;
pub mod deeds;
pub mod erase;
pub mod reviews;

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A version of an app.
#[derive(Clone, Debug)]
pub struct VersionRow {
    pub publisher: String,
    pub app: String,
    pub version: i32,
    pub kind: String,
    pub manifest: String,
    pub published_at: OffsetDateTime,
}

/// Keeps a version, with what it is found by; false when it is there.
pub async fn insert_version(tx: &mut TenantTx, row: &VersionRow, body: &[u8], said: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into app_version (publisher, app, version, kind, manifest, body, published_at, said)
         values ($1, $2, $3, $4, $5, $6, $7, lower(left($8, 1000))) on conflict do nothing",
        row.publisher,
        row.app,
        row.version,
        row.kind,
        row.manifest,
        body,
        row.published_at,
        said,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A version of an app; the newest when none is named.
pub async fn version(
    tx: &mut TenantTx,
    publisher: &str,
    app: &str,
    version: Option<i32>,
) -> Result<Option<VersionRow>, Error> {
    Ok(sqlx::query_as!(
        VersionRow,
        "select publisher, app, version, kind, manifest, published_at from app_version
         where publisher = $1 and app = $2 and ($3::int is null or version = $3) order by version desc limit 1",
        publisher,
        app,
        version,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The version of an app that compiles to this version of a kind.
pub async fn version_of_kind(tx: &mut TenantTx, kind: &str, version: i32) -> Result<Option<VersionRow>, Error> {
    Ok(sqlx::query_as!(
        VersionRow,
        "select publisher, app, version, kind, manifest, published_at from app_version where kind = $1 and version = $2",
        kind,
        version,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The newest of each app whose name, titles or summaries say that, after this one.
pub async fn versions(
    tx: &mut TenantTx,
    search: &str,
    publisher: &str,
    (after_publisher, after_app): (&str, &str),
    limit: i64,
) -> Result<Vec<VersionRow>, Error> {
    Ok(sqlx::query_as!(
        VersionRow,
        "select distinct on (publisher, app) publisher, app, version, kind, manifest, published_at from app_version
         where (publisher, app) > ($3, $4) and ($2::varchar = '' or publisher = $2)
           and ($1::varchar = '' or position(lower($1) in said) > 0)
         order by publisher, app, version desc limit $5",
        search,
        publisher,
        after_publisher,
        after_app,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// An app that is shared on a link, in one of the two directions.
#[derive(Clone, Debug)]
pub struct ShareRow {
    pub id: Uuid,
    pub link_id: Uuid,
    pub publisher: String,
    pub app: String,
    pub kind: String,
    pub given: bool,
    pub state: String,
    pub round: i32,
    pub version_min: i32,
    pub version_max: i32,
    pub offered_version: i32,
    pub version: i32,
    pub scopes: String,
    pub roles: String,
    pub units: String,
    pub starts_per_day: i32,
    pub note: String,
    pub since: OffsetDateTime,
    pub told: i64,
}

/// The share of this id, and its row lock.
pub async fn share(tx: &mut TenantTx, id: Uuid) -> Result<Option<ShareRow>, Error> {
    Ok(sqlx::query_as!(
        ShareRow,
        "select id, link_id, publisher, app, kind, given, state, round, version_min, version_max, offered_version, version, scopes, roles,
             units, starts_per_day, note, since, told
         from app_share where id = $1 for update",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The share of an app on a link, and its row lock.
pub async fn share_on(tx: &mut TenantTx, link: Uuid, publisher: &str, app: &str) -> Result<Option<ShareRow>, Error> {
    Ok(sqlx::query_as!(
        ShareRow,
        "select id, link_id, publisher, app, kind, given, state, round, version_min, version_max, offered_version, version, scopes, roles,
             units, starts_per_day, note, since, told
         from app_share where link_id = $1 and publisher = $2 and app = $3 for update",
        link,
        publisher,
        app,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// All shares of a kind.
pub async fn shares_of(tx: &mut TenantTx, kind: &str) -> Result<Vec<ShareRow>, Error> {
    Ok(sqlx::query_as!(
        ShareRow,
        "select id, link_id, publisher, app, kind, given, state, round, version_min, version_max, offered_version, version, scopes, roles,
             units, starts_per_day, note, since, told
         from app_share where kind = $1 order by id",
        kind,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Shares of a partner's app with us.
pub async fn shares_by(tx: &mut TenantTx, publisher: &str, app: &str) -> Result<Vec<ShareRow>, Error> {
    Ok(sqlx::query_as!(
        ShareRow,
        "select id, link_id, publisher, app, kind, given, state, round, version_min, version_max, offered_version, version, scopes, roles,
             units, starts_per_day, note, since, told
         from app_share where publisher = $1 and app = $2 and not given order by id",
        publisher,
        app,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Shares of an app of ours that a version may be offered to, and their locks.
pub async fn to_offer(tx: &mut TenantTx, publisher: &str, app: &str, version: i32) -> Result<Vec<ShareRow>, Error> {
    Ok(sqlx::query_as!(
        ShareRow,
        "select id, link_id, publisher, app, kind, given, state, round, version_min, version_max, offered_version, version, scopes, roles,
             units, starts_per_day, note, since, told
         from app_share where given and publisher = $1 and app = $2 and state in ('offered', 'accepted')
             and (version_max = 0 or version_max >= $3)
         order by id for update",
        publisher,
        app,
        version,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Which shares are listed; what is empty leaves all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub app: String,
    pub state: String,
    pub link: Option<Uuid>,
}

/// Shares by id, after this one.
pub async fn shares(tx: &mut TenantTx, filter: &Filter, after: Uuid, limit: i64) -> Result<Vec<ShareRow>, Error> {
    Ok(sqlx::query_as!(
        ShareRow,
        "select id, link_id, publisher, app, kind, given, state, round, version_min, version_max, offered_version, version, scopes, roles,
             units, starts_per_day, note, since, told
         from app_share where ($1::varchar = '' or app = $1) and ($2::varchar = '' or state = $2)
             and ($3::uuid is null or link_id = $3) and id > $4 order by id limit $5",
        filter.app,
        filter.state,
        filter.link,
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// An app in use, as far as somebody's workbench needs it.
#[derive(Clone, Debug)]
pub struct InUseRow {
    pub publisher: String,
    pub app: String,
    pub kind: String,
    /// What is in use; 0 = the newest.
    pub version: i32,
}

/// Apps in use with partners: ours, and those of partners that people of these roles and units may use.
pub async fn in_use(
    tx: &mut TenantTx,
    (roles, units): (&[String], &[String]),
    limit: i64,
) -> Result<Vec<InUseRow>, Error> {
    Ok(sqlx::query_as!(
        InUseRow,
        r#"select publisher, app, kind, max(case when given then 0 else version end) as "version!" from app_share
         where state = 'accepted' and (given or string_to_array(roles, ' ') && $1::text[] and (units = '' or string_to_array(units, ' ') && $3::text[]))
         group by publisher, app, kind order by publisher, app limit $2"#,
        roles,
        limit,
        units,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// On which links these kinds are in use: (kind, link).
pub async fn links_of(tx: &mut TenantTx, kinds: &[String], limit: i64) -> Result<Vec<(String, Uuid)>, Error> {
    let rows = sqlx::query!(
        "select kind, link_id from app_share where state = 'accepted' and kind = any($1) order by kind, link_id limit $2",
        kinds,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.kind, row.link_id)).collect())
}

/// A version of each of these apps; the newest where 0 is asked for.
pub async fn versions_of(
    tx: &mut TenantTx,
    publishers: &[String],
    apps: &[String],
    versions: &[i32],
) -> Result<Vec<VersionRow>, Error> {
    Ok(sqlx::query_as!(
        VersionRow,
        "select distinct on (v.publisher, v.app) v.publisher, v.app, v.version, v.kind, v.manifest, v.published_at
         from unnest($1::varchar[], $2::varchar[], $3::int[]) as w (publisher, app, version)
         join app_version v on v.publisher = w.publisher and v.app = w.app and (w.version = 0 or v.version = w.version)
         order by v.publisher, v.app, v.version desc",
        publishers,
        apps,
        versions,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// By which link these publishers share something with us: (publisher, link).
pub async fn links_to(tx: &mut TenantTx, publishers: &[String]) -> Result<Vec<(String, Uuid)>, Error> {
    let rows = sqlx::query!(
        "select distinct on (publisher) publisher, link_id from app_share
         where publisher = any($1) and not given order by publisher, link_id",
        publishers,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.publisher, row.link_id)).collect())
}

/// How many versions of apps a publisher has here.
pub async fn versions_by(tx: &mut TenantTx, publisher: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from app_version where publisher = $1"#,
        publisher,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Writes a share down as it is now; false when its id is that of another one.
pub async fn put_share(tx: &mut TenantTx, row: &ShareRow) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into app_share (id, link_id, publisher, app, kind, given, state, round, version_max, offered_version, version,
             scopes, roles, starts_per_day, note, since, told, version_min, units)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         on conflict (id) do update set state = excluded.state, round = excluded.round, version_max = excluded.version_max,
             offered_version = excluded.offered_version, version = excluded.version, scopes = excluded.scopes,
             roles = excluded.roles, starts_per_day = excluded.starts_per_day, note = excluded.note, since = excluded.since,
             told = excluded.told, version_min = excluded.version_min, units = excluded.units
         where app_share.link_id = excluded.link_id and app_share.publisher = excluded.publisher and app_share.app = excluded.app",
        row.id,
        row.link_id,
        row.publisher,
        row.app,
        row.kind,
        row.given,
        row.state,
        row.round,
        row.version_max,
        row.offered_version,
        row.version,
        row.scopes,
        row.roles,
        row.starts_per_day,
        row.note,
        row.since,
        row.told,
        row.version_min,
        row.units,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What is asked of a kind at every act: the share on this link, if there is one.
#[derive(Clone, Debug)]
pub struct StandingRow {
    pub given: bool,
    pub state: String,
    pub version_min: i32,
    pub version: i32,
    pub scopes: String,
    pub manifest: String,
}

/// The share of this kind on a link with the manifest of a version, or else of the newest that is accepted. None: there is no share;
/// is it an app's kind at all.
pub async fn standing(
    tx: &mut TenantTx,
    link: Uuid,
    (kind, version): (&str, Option<i32>),
) -> Result<(Option<StandingRow>, bool), Error> {
    let row = sqlx::query_as!(
        StandingRow,
        "select s.given, s.state, s.version_min, s.version, s.scopes, v.manifest from app_share s
         join app_version v on v.publisher = s.publisher and v.app = s.app and v.version = coalesce($3, nullif(s.version, 0), s.offered_version)
         where s.link_id = $1 and s.kind = $2",
        link,
        kind,
        version,
    )
    .fetch_optional(tx.conn())
    .await?;
    if row.is_some() {
        return Ok((row, true));
    }
    let known = sqlx::query_scalar!(
        r#"select exists (select from app_version where kind = $1) as "known!""#,
        kind
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((None, known))
}

/// Who takes the other roles in what is begun by these shares: (share, role, link).
pub async fn parties(tx: &mut TenantTx, shares: &[Uuid]) -> Result<Vec<(Uuid, String, Uuid)>, Error> {
    let rows = sqlx::query!(
        "select share_id, role, link_id from app_party where share_id = any($1) order by share_id, role",
        shares,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.share_id, row.role, row.link_id))
        .collect())
}

/// These take the other roles from now on.
pub async fn put_parties(tx: &mut TenantTx, share: Uuid, roles: &[String], links: &[Uuid]) -> Result<(), Error> {
    sqlx::query!("delete from app_party where share_id = $1", share)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "insert into app_party (share_id, role, link_id)
         select $1, one.role, one.link from unnest($2::varchar[], $3::uuid[]) as one (role, link)",
        share,
        roles,
        links,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
