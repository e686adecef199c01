//! SQL of buying, nothing else.

use hansa_tenancy::TenantTx;
use uuid::Uuid;

use crate::Error;

/// A line of a requisition, and the line of an order that it has become part of.
#[derive(Clone, Debug)]
pub struct SourceRow {
    pub requisition_id: Uuid,
    pub requisition_line: String,
    pub order_id: Uuid,
    pub order_line: String,
}

/// Writes down where a line went; `Some` = the other order that it is part of already.
pub async fn claim(tx: &mut TenantTx, row: &SourceRow) -> Result<Option<Uuid>, Error> {
    let kept = sqlx::query_scalar!(
        "insert into order_source (requisition_id, requisition_line, order_id, order_line) values ($1, $2, $3, $4)
         on conflict (requisition_id, requisition_line) do update set order_id = order_source.order_id
         returning order_id",
        row.requisition_id,
        row.requisition_line,
        row.order_id,
        row.order_line,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((kept != row.order_id).then_some(kept))
}

/// A line's order has come to nothing: it is part of this one instead.
pub async fn reclaim(tx: &mut TenantTx, row: &SourceRow) -> Result<(), Error> {
    sqlx::query!(
        "update order_source set order_id = $3, order_line = $4 where requisition_id = $1 and requisition_line = $2",
        row.requisition_id,
        row.requisition_line,
        row.order_id,
        row.order_line,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lines of an order, or of a requisition.
pub async fn sources(tx: &mut TenantTx, document: Uuid) -> Result<Vec<SourceRow>, Error> {
    Ok(sqlx::query_as!(
        SourceRow,
        "select requisition_id, requisition_line, order_id, order_line from order_source
         where order_id = $1 or requisition_id = $1 order by requisition_id, requisition_line limit 1000",
        document,
    )
    .fetch_all(tx.conn())
    .await?)
}
