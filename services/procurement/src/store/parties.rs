//! SQL of whom trade papers mean, nothing else.

use hansa_tenancy::TenantTx;
use uuid::Uuid;

use crate::Error;

/// Whom papers mean by an identifier.
#[derive(Debug)]
pub struct PaperParty {
    pub scheme: String,
    pub id: String,
    pub link_id: Uuid,
}

/// Says whom papers mean; false when there is no such link.
pub async fn put_party(tx: &mut TenantTx, party: &PaperParty) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into paper_party (scheme, id, link_id) select $1, $2, id from link where id = $3
         on conflict (scheme, id) do update set link_id = excluded.link_id",
        party.scheme,
        party.id,
        party.link_id,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets it; false when nothing is known.
pub async fn remove_party(tx: &mut TenantTx, scheme: &str, id: &str) -> Result<bool, Error> {
    let done = sqlx::query!("delete from paper_party where scheme = $1 and id = $2", scheme, id)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Whom papers mean by one.
pub async fn party(tx: &mut TenantTx, scheme: &str, id: &str) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select link_id from paper_party where scheme = $1 and id = $2",
        scheme,
        id
    )
    .fetch_optional(tx.conn())
    .await
}

/// All of them.
pub async fn parties(tx: &mut TenantTx) -> Result<Vec<PaperParty>, Error> {
    Ok(sqlx::query_as!(
        PaperParty,
        "select scheme, id, link_id from paper_party order by scheme, id limit 1000"
    )
    .fetch_all(tx.conn())
    .await?)
}
