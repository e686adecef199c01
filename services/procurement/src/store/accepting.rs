//! SQL of what is accepted by itself, nothing else.

use hansa_tenancy::TenantTx;
use uuid::Uuid;

use crate::Error;

/// Which orders are accepted by themselves.
#[derive(Clone, Debug)]
pub struct AcceptanceRow {
    /// Whose; empty = of all who have none of their own.
    pub link: String,
    pub accepts: bool,
    /// Minor units; none = whatever they come to.
    pub amount_max: Option<i64>,
    pub currency: String,
}

pub async fn put_acceptance(tx: &mut TenantTx, row: &AcceptanceRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into acceptance_rule (link, accepts, amount_max, currency) values ($1, $2, $3, $4)
         on conflict (link) do update set accepts = excluded.accepts, amount_max = excluded.amount_max,
             currency = excluded.currency",
        row.link,
        row.accepts,
        row.amount_max,
        row.currency,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// That of a link, or of all.
pub async fn acceptance(tx: &mut TenantTx, link: Uuid) -> Result<Option<AcceptanceRow>, sqlx::Error> {
    sqlx::query_as!(
        AcceptanceRow,
        "select link, accepts, amount_max, currency from acceptance_rule
         where link in ($1, '') order by link desc limit 1",
        link.to_string(),
    )
    .fetch_optional(tx.conn())
    .await
}

pub async fn acceptances(tx: &mut TenantTx) -> Result<Vec<AcceptanceRow>, Error> {
    Ok(sqlx::query_as!(
        AcceptanceRow,
        "select link, accepts, amount_max, currency from acceptance_rule order by link limit 1000",
    )
    .fetch_all(tx.conn())
    .await?)
}

/// In what an order is off from what was agreed; none: nothing was agreed.
pub async fn findings_of(tx: &mut TenantTx, document: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select findings from priced_order where document_id = $1", document)
        .fetch_optional(tx.conn())
        .await
}
