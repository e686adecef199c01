//! SQL of when what was shared is erased, nothing else.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// What we hold of a share is looked at then; none: never.
pub async fn put(tx: &mut TenantTx, share: Uuid, at: Option<OffsetDateTime>) -> Result<(), Error> {
    sqlx::query!("update app_share set erase_at = $2 where id = $1", share, at)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Shares of which something may be erased by now.
pub async fn due(tx: &mut TenantTx, now: OffsetDateTime, limit: i64) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select id from app_share where erase_at <= $1 order by erase_at limit $2",
        now,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// When something is to be erased next.
pub async fn next(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(sqlx::query_scalar!("select min(erase_at) from app_share")
        .fetch_one(tx.conn())
        .await?)
}
