//! SQL of what is due on documents, nothing else.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// Documents on which something is due by now.
pub async fn waking(tx: &mut TenantTx, now: OffsetDateTime, limit: i64) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar!(
        "select id from document where wake_at <= $1 order by wake_at limit $2",
        now,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Running documents of a version of a kind are looked at again now: those with a partner, or those with none.
pub async fn look_again(
    tx: &mut TenantTx,
    (kind, version, ends): (&str, i32, &[String]),
    link: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update document d set wake_at = $5
         where d.kind = $1 and d.kind_version = $2 and d.issuer and d.version > 0 and d.state <> all($3)
           and case when $4::uuid is null
               then not exists (select from document_party where document_id = d.id and link_id is not null)
               else exists (select from document_party where document_id = d.id and link_id = $4) end",
        kind,
        version,
        ends,
        link,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// What has come of time on a document so far.
#[derive(Debug)]
pub struct Woken {
    pub reminded: i16,
    pub overdue: bool,
    /// When something is due next.
    pub wake_at: Option<OffsetDateTime>,
}

/// That of a document whose lock we hold, if something is due on it by now.
pub async fn woken(tx: &mut TenantTx, id: Uuid, now: OffsetDateTime) -> Result<Option<Woken>, Error> {
    Ok(sqlx::query_as!(
        Woken,
        "select reminded, overdue, wake_at from document where id = $1 and wake_at <= $2",
        id,
        now,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// It has come so far.
pub async fn put(tx: &mut TenantTx, id: Uuid, woken: &Woken) -> Result<(), Error> {
    sqlx::query!(
        "update document set reminded = $2, overdue = $3, wake_at = $4 where id = $1",
        id,
        woken.reminded,
        woken.overdue,
        woken.wake_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// When something is due next.
pub async fn next_due(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(
        sqlx::query_scalar!("select min(wake_at) from document where wake_at is not null")
            .fetch_one(tx.conn())
            .await?,
    )
}
