//! SQL of the three-way match, nothing else.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// How far invoices may be off.
#[derive(Clone, Debug, Default)]
pub struct ToleranceRow {
    /// Whose; empty = of all that have none of their own.
    pub link: String,
    pub quantity_percent: i32,
    /// Millionths of the unit.
    pub quantity_units: i64,
    pub price_percent: i32,
    pub price_amount: i64,
}

/// An invoice that waits for somebody.
#[derive(Debug)]
pub struct ExceptionRow {
    pub document_id: Uuid,
    pub number: String,
    pub link_id: Option<Uuid>,
    /// With commas between them.
    pub findings: String,
    pub since: OffsetDateTime,
}

pub async fn put_tolerance(tx: &mut TenantTx, row: &ToleranceRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into match_tolerance (link, quantity_percent, quantity_units, price_percent, price_amount)
         values ($1, $2, $3, $4, $5)
         on conflict (link) do update set quantity_percent = excluded.quantity_percent,
             quantity_units = excluded.quantity_units, price_percent = excluded.price_percent,
             price_amount = excluded.price_amount",
        row.link,
        row.quantity_percent,
        row.quantity_units,
        row.price_percent,
        row.price_amount,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// That of a link, or of all, or none at all.
pub async fn tolerance(tx: &mut TenantTx, link: Option<Uuid>) -> Result<ToleranceRow, sqlx::Error> {
    let link = link.map(|link| link.to_string()).unwrap_or_default();
    let found = sqlx::query_as!(
        ToleranceRow,
        "select link, quantity_percent, quantity_units, price_percent, price_amount from match_tolerance
         where link in ($1, '') order by link desc limit 1",
        link,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.unwrap_or_default())
}

pub async fn tolerances(tx: &mut TenantTx) -> Result<Vec<ToleranceRow>, Error> {
    Ok(sqlx::query_as!(
        ToleranceRow,
        "select link, quantity_percent, quantity_units, price_percent, price_amount from match_tolerance
         order by link limit 1000",
    )
    .fetch_all(tx.conn())
    .await?)
}

/// It waits for somebody, since it did first.
pub async fn put_exception(tx: &mut TenantTx, row: &ExceptionRow) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into match_exception (document_id, number, link_id, findings, since) values ($1, $2, $3, $4, $5)
         on conflict (document_id) do update set findings = excluded.findings",
        row.document_id,
        row.number,
        row.link_id,
        row.findings,
        row.since,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It waits for nobody any more.
pub async fn decided(tx: &mut TenantTx, document: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from match_exception where document_id = $1", document)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The longest first.
pub async fn exceptions(tx: &mut TenantTx) -> Result<Vec<ExceptionRow>, Error> {
    Ok(sqlx::query_as!(
        ExceptionRow,
        "select document_id, number, link_id, findings, since from match_exception order by since, document_id limit 1000",
    )
    .fetch_all(tx.conn())
    .await?)
}
