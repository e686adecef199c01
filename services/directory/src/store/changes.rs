//! SQL of the change feed: the audit's lines, as they were committed.
//!
//! A place in the feed is a database snapshot: what one shows and an earlier one does not is exactly what was committed in between.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;

use crate::Error;

/// Where the feed is now; `lost` = the place is of another history of this database.
pub struct Now {
    pub snapshot: String,
    pub lost: bool,
}

/// Where the feed is now, for whoever stands at `place` (empty = nowhere).
pub async fn now(tx: &mut TenantTx, place: &str) -> Result<Now, Error> {
    Ok(sqlx::query_as!(
        Now,
        r#"select pg_current_snapshot()::text as "snapshot!",
               coalesce(pg_snapshot_xmax(nullif($1, '')::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false) as "lost!""#,
        place,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Something that has changed.
#[derive(Clone, Debug)]
pub struct ChangeRow {
    pub at: OffsetDateTime,
    pub action: String,
    pub resource: String,
}

/// Lines of these topics that `until` shows and `from` does not, in their order, from after `done` of them. Who has read something has
/// changed nothing.
pub async fn between(
    tx: &mut TenantTx,
    topics: &[String],
    (from, until): (&str, &str),
    done: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        "select at, action, resource from audit
         where xid >= pg_snapshot_xmin($2::text::pg_snapshot) and xid < pg_snapshot_xmax($3::text::pg_snapshot)
             and not pg_visible_in_snapshot(xid, $2::text::pg_snapshot) and pg_visible_in_snapshot(xid, $3::text::pg_snapshot)
             and split_part(resource, '/', 1) = any($1::varchar[]) and action not like '%.read'
         order by at, id offset $4 limit $5",
        topics,
        from,
        until,
        done,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}
