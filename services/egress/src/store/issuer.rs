//! SQL of the issuer that vouches for our people.

use hansa_tenancy::TenantTx;

use crate::Error;

/// Who vouches for our people.
#[derive(Debug)]
pub struct IssuerRow {
    pub url: String,
    pub client_id: String,
    /// Wrapped; empty for a public client.
    pub secret: String,
}

pub async fn issuer(tx: &mut TenantTx) -> Result<Option<IssuerRow>, Error> {
    Ok(sqlx::query_as!(IssuerRow, "select url, client_id, secret from issuer")
        .fetch_optional(tx.conn())
        .await?)
}

pub async fn put_issuer(tx: &mut TenantTx, row: &IssuerRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into issuer (url, client_id, secret) values ($1, $2, $3)
         on conflict (one) do update set url = excluded.url, client_id = excluded.client_id, secret = excluded.secret",
        row.url,
        row.client_id,
        row.secret,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How many there were.
pub async fn remove_issuer(tx: &mut TenantTx) -> Result<u64, Error> {
    let done = sqlx::query!("delete from issuer").execute(tx.conn()).await?;
    Ok(done.rows_affected())
}
