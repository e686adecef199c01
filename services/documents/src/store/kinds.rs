//! SQL of kinds that somebody has added, and of how their documents stand.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;

use crate::Error;

/// A kind of our own, as it was defined; the newest when no version is named.
pub async fn kind(tx: &mut TenantTx, name: &str, version: Option<i32>) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select definition from document_kind where name = $1 and ($2::int is null or version = $2)
         order by version desc limit 1",
        name,
        version,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The newest of each kind of our own.
pub async fn kinds(tx: &mut TenantTx) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select distinct on (name) definition from document_kind order by name, version desc limit 1000",
    )
    .fetch_all(tx.conn())
    .await?)
}

pub async fn insert_kind(tx: &mut TenantTx, name: &str, version: i32, definition: &str) -> Result<(), Error> {
    sqlx::query!(
        "insert into document_kind (name, version, definition) values ($1, $2, $3)",
        name,
        version,
        definition,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// How many documents of a kind we have begun in that role since then.
pub async fn begun_since(tx: &mut TenantTx, kind: &str, role: &str, since: OffsetDateTime) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from document where kind = $1 and our_role = $2 and created_at >= $3"#,
        kind,
        role,
        since,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Documents of a kind and version that are in one state.
#[derive(Clone, Debug)]
pub struct StateRow {
    pub kind: String,
    pub kind_version: i32,
    pub our_role: String,
    pub state: String,
    pub documents: i64,
}

/// How many documents of these kinds are in which state.
pub async fn by_state(tx: &mut TenantTx, kinds: &[String]) -> Result<Vec<StateRow>, Error> {
    Ok(sqlx::query_as!(
        StateRow,
        r#"select kind, kind_version, our_role, state, count(*) as "documents!" from document where kind = any($1)
           group by kind, kind_version, our_role, state"#,
        kinds,
    )
    .fetch_all(tx.conn())
    .await?)
}
