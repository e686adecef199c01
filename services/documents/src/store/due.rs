//! SQL of documents whose time is over.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// Documents on which somebody should have acted by now, and of which nobody was told yet.
pub async fn overdue(tx: &mut TenantTx, now: OffsetDateTime, limit: i64) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select id from document where due_at <= $1 and not overdue order by due_at limit $2",
        now,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// It is overdue from now on.
pub async fn mark_overdue(tx: &mut TenantTx, id: Uuid) -> Result<(), Error> {
    sqlx::query!("update document set overdue = true where id = $1", id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// When the next one is.
pub async fn next_due(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(
        sqlx::query_scalar!("select min(due_at) from document where due_at is not null and not overdue")
            .fetch_one(tx.conn())
            .await?,
    )
}
