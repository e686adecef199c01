//! What partners follow: levels as they are, and every movement since.
//!
//! A place in the feed is a database snapshot, as `pg_current_snapshot()` writes it. What one snapshot shows and an earlier one
//! does not is exactly what was committed in between, and a level's versions come in order: each was written under the lock
//! that the one before it held until its commit. (Following transaction ids below the oldest running one does not give that
//! order: a later version may have the lower id.)

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// Which levels, by whose grant; every statement looks at the link's own row again.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub link: LinkId,
    pub epoch: i64,
    pub grant_version: i64,
    pub skus: &'a [String],
    pub locations: &'a [String],
}

/// A level of stock at one version.
#[derive(Clone, Debug)]
pub struct FeedRow {
    pub item_id: Uuid,
    pub sku: String,
    pub gtin14: Option<String>,
    pub name: String,
    pub unit: String,
    pub scale: i16,
    pub location: String,
    pub lot: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub safety_stock: i64,
    pub version: i64,
    pub at: Option<OffsetDateTime>,
    /// It is newer than the place where the snapshot began.
    pub ahead: bool,
}

/// Where the feed is now; none when the link is not as the permit says. `lost` = the place is of another history.
pub struct Now {
    pub snapshot: String,
    pub lost: bool,
}

/// Where the feed is now, for whoever stands at `place` (empty = nowhere).
pub async fn now(tx: &mut TenantTx, scope: &Scope<'_>, place: &str) -> Result<Option<Now>, Error> {
    let row = sqlx::query!(
        r#"select pg_current_snapshot()::text as "snapshot!",
               coalesce(pg_snapshot_xmax(nullif($4, '')::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false) as "lost!"
           from link where id = $1 and state = 'active' and epoch = $2 and grant_version = $3"#,
        scope.link.0,
        scope.epoch,
        scope.grant_version,
        place,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Now {
        snapshot: row.snapshot,
        lost: row.lost,
    }))
}

/// Levels after this one, in order of their key; `began` is where the feed was when the first page was read.
pub async fn levels(
    tx: &mut TenantTx,
    scope: &Scope<'_>,
    began: &str,
    after: Option<&FeedRow>,
    limit: i64,
) -> Result<Vec<FeedRow>, Error> {
    Ok(sqlx::query_as!(
        FeedRow,
        r#"select l.item_id, i.sku, case when i.restricted then null else i.gtin14 end as gtin14, i.name, i.unit, i.scale, l.location,
               l.lot, l.on_hand, l.reserved, l.safety_stock, l.version, null::timestamptz as at,
               exists (select 1 from ledger m where m.item_id = l.item_id and m.location = l.location and m.lot = l.lot
                   and m.version = l.version and not pg_visible_in_snapshot(m.xid, $6::text::pg_snapshot)) as "ahead!"
           from level l join item i on i.id = l.item_id
           where exists (select 1 from link where id = $1 and state = 'active' and epoch = $2 and grant_version = $3)
             and (cardinality($4::varchar[]) = 0 or i.sku = any($4)) and (cardinality($5::varchar[]) = 0 or l.location = any($5))
             and ($7::uuid is null or (l.item_id, l.location, l.lot) > ($7, $8, $9))
           order by l.item_id, l.location, l.lot limit $10"#,
        scope.link.0,
        scope.epoch,
        scope.grant_version,
        scope.skus,
        scope.locations,
        began,
        after.map(|row| row.item_id),
        after.map(|row| row.location.as_str()),
        after.map(|row| row.lot.as_str()),
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Movements that `until` shows and `from` does not, by level and version, from after `done` of them.
pub async fn movements(
    tx: &mut TenantTx,
    scope: &Scope<'_>,
    from: &str,
    until: &str,
    done: i64,
    limit: i64,
) -> Result<Vec<FeedRow>, Error> {
    Ok(sqlx::query_as!(
        FeedRow,
        r#"select distinct on (m.item_id, m.location, m.lot, m.version) m.item_id, i.sku,
               case when i.restricted then null else i.gtin14 end as gtin14, i.name, i.unit, i.scale, m.location, m.lot,
               m.on_hand, m.reserved, l.safety_stock, m.version, m.at as "at?", false as "ahead!"
           from ledger m
           join item i on i.id = m.item_id
           join level l on l.item_id = m.item_id and l.location = m.location and l.lot = m.lot
           where exists (select 1 from link where id = $1 and state = 'active' and epoch = $2 and grant_version = $3)
             and (cardinality($4::varchar[]) = 0 or i.sku = any($4)) and (cardinality($5::varchar[]) = 0 or m.location = any($5))
             and m.xid >= pg_snapshot_xmin($6::text::pg_snapshot) and not pg_visible_in_snapshot(m.xid, $6::text::pg_snapshot)
             and pg_visible_in_snapshot(m.xid, $7::text::pg_snapshot)
           order by m.item_id, m.location, m.lot, m.version offset $8 limit $9"#,
        scope.link.0,
        scope.epoch,
        scope.grant_version,
        scope.skus,
        scope.locations,
        from,
        until,
        done,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}
