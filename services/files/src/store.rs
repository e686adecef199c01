//! SQL of files, nothing else.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, model::CHUNK_MAX};

/// Keeps the bytes of a file; nothing happens when it is here.
pub async fn keep(tx: &mut TenantTx, file: &str, bytes: &[u8]) -> Result<(), Error> {
    for (chunk, place) in bytes.chunks(CHUNK_MAX).zip(0_i16..) {
        sqlx::query!(
            "insert into file_chunk (file, place, bytes) values ($1, $2, $3) on conflict (file, place) do nothing",
            file,
            place,
            chunk,
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// Those of these files that are here.
pub async fn here(tx: &mut TenantTx, files: &[String]) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select file from file_chunk where file = any($1::varchar[]) and place = 0",
        files
    )
    .fetch_all(tx.conn())
    .await?)
}

pub async fn chunk(tx: &mut TenantTx, file: &str, place: i16) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar!(
        "select bytes from file_chunk where file = $1 and place = $2",
        file,
        place
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub async fn remove(tx: &mut TenantTx, file: &str) -> Result<(), Error> {
    sqlx::query!("delete from file_chunk where file = $1", file)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What is still to be done about a file.
#[derive(Clone, Debug)]
pub struct DueRow {
    pub file: String,
    pub what: String,
    pub due_at: OffsetDateTime,
    pub document_id: Option<Uuid>,
    pub entry_id: Option<Uuid>,
    pub link_id: Option<Uuid>,
    pub salt: String,
    pub size: i64,
    pub tries: i16,
}

/// Something is to be done about it, unless something is already.
pub async fn add_due(tx: &mut TenantTx, row: &DueRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into file_due (file, what, due_at, document_id, link_id, salt, size, entry_id) values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (file) do nothing",
        row.file,
        row.what,
        row.due_at,
        row.document_id,
        row.link_id,
        row.salt,
        row.size,
        row.entry_id,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Nothing is to be done about these any more.
pub async fn done(tx: &mut TenantTx, files: &[String]) -> Result<(), Error> {
    sqlx::query!("delete from file_due where file = any($1::varchar[])", files)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes what is due, until `lease`: whoever takes it does it, and when it dies somebody else does then.
pub async fn take_due(
    tx: &mut TenantTx,
    now: OffsetDateTime,
    lease: OffsetDateTime,
    limit: i64,
) -> Result<Vec<DueRow>, Error> {
    Ok(sqlx::query_as!(
        DueRow,
        "update file_due set due_at = $2, tries = least(tries + 1, 1000) where file in (
             select file from file_due where due_at <= $1 order by due_at limit $3 for update skip locked)
         returning file, what, due_at, document_id, entry_id, link_id, salt, size, tries",
        now,
        lease,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// It could not be done now.
pub async fn put_off(tx: &mut TenantTx, file: &str, due_at: OffsetDateTime, trouble: &str) -> Result<(), Error> {
    sqlx::query!(
        "update file_due set due_at = $2, trouble = left($3, 80) where file = $1",
        file,
        due_at,
        trouble,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn next_due(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(sqlx::query_scalar!("select min(due_at) from file_due")
        .fetch_one(tx.conn())
        .await?)
}

/// What was said of these the last time: (file, trouble).
pub async fn troubles(tx: &mut TenantTx, files: &[String]) -> Result<Vec<(String, String)>, Error> {
    let rows = sqlx::query!(
        "select file, trouble from file_due where file = any($1::varchar[])",
        files
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.file, row.trouble)).collect())
}
