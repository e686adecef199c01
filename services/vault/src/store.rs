//! SQL of keys, nothing else: `keyring` in the tenant's schema, `hansa.node_key` in the node's.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::Error;

/// A key as it is stored.
pub struct KeyRow {
    pub id: String,
    pub purpose: String,
    pub wrapped: String,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

/// Keeps a new key: of a guest on a link, or the tenant's own.
pub async fn insert(tx: &mut TenantTx, key: &KeyRow, public_key: &str, of: Option<LinkId>) -> Result<(), Error> {
    sqlx::query!(
        "insert into keyring (id, purpose, public_key, wrapped, not_before, not_after, link_id) values ($1, $2, $3, $4, $5, $6, $7)",
        key.id,
        key.purpose,
        public_key,
        key.wrapped,
        key.not_before,
        key.not_after,
        of.map(|link| link.0),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps a key of the tenant's own, unless there is one of this id.
pub async fn insert_first(tx: &mut TenantTx, key: &KeyRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into keyring (id, purpose, public_key, wrapped, not_before, not_after) values ($1, $2, '', $3, $4, $5)
         on conflict do nothing",
        key.id,
        key.purpose,
        key.wrapped,
        key.not_before,
        key.not_after,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keys for these purposes of a guest on a link, or of the tenant's own; oldest first.
pub async fn list(tx: &mut TenantTx, of: Option<LinkId>, purposes: &[&str]) -> Result<Vec<KeyRow>, Error> {
    let purposes: Vec<String> = purposes.iter().map(|one| (*one).to_owned()).collect();
    Ok(sqlx::query_as!(
        KeyRow,
        "select id, purpose, wrapped, not_before, not_after from keyring
         where link_id is not distinct from $1 and purpose = any($2) order by not_before, id",
        of.map(|link| link.0),
        &purposes,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Keeps a node key unless another process was first, and returns the one that is kept.
pub async fn keep_node_key(pool: &PgPool, purpose: &str, wrapped: &str) -> Result<String, Error> {
    sqlx::query!(
        "insert into hansa.node_key (purpose, wrapped) values ($1, $2) on conflict do nothing",
        purpose,
        wrapped,
    )
    .execute(pool)
    .await?;
    node_key(pool, purpose).await?.ok_or(Error::Missing("node"))
}

/// A node key, if there is one.
pub async fn node_key(pool: &PgPool, purpose: &str) -> Result<Option<String>, Error> {
    Ok(
        sqlx::query_scalar!("select wrapped from hansa.node_key where purpose = $1", purpose)
            .fetch_optional(pool)
            .await?,
    )
}

/// The next TLS key becomes the one in use; false when there is no next one.
pub async fn promote_tls(pool: &PgPool) -> Result<bool, Error> {
    let done = sqlx::query!(
        "with next as (delete from hansa.node_key where purpose = 'tls-next' returning wrapped)
         update hansa.node_key set wrapped = next.wrapped, created_at = now() from next where purpose = 'tls-now'",
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}
