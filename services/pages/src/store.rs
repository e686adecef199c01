//! SQL of pages, nothing else.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// What an address opens.
#[derive(Clone, Debug)]
pub struct PageRow {
    pub purpose: String,
    pub link_id: Uuid,
    pub subject_id: Uuid,
    pub expires_at: OffsetDateTime,
}

/// A page for a while; the one that was there goes on, with all its time and acts again. Its id.
pub async fn open(
    tx: &mut TenantTx,
    id: Uuid,
    (purpose, link, subject): (&str, LinkId, Uuid),
    expires_at: OffsetDateTime,
    acts: i32,
) -> Result<Uuid, Error> {
    Ok(sqlx::query_scalar!(
        "insert into page (id, purpose, link_id, subject_id, expires_at, acts_left) values ($1, $2, $3, $4, $5, $6)
         on conflict (link_id, subject_id, purpose) do update set expires_at = $5, acts_left = $6 returning id",
        id,
        purpose,
        link.0,
        subject,
        expires_at,
        acts,
    )
    .fetch_one(tx.conn())
    .await?)
}

pub async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<PageRow>, Error> {
    Ok(sqlx::query_as!(
        PageRow,
        "select purpose, link_id, subject_id, expires_at from page where id = $1",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// What a room keeps with a page whose time is not over.
pub async fn keep(
    tx: &mut TenantTx,
    (purpose, link, subject): (&str, LinkId, Uuid),
    detail: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "update page set detail = $4 where link_id = $1 and subject_id = $2 and purpose = $3",
        link.0,
        subject,
        purpose,
        detail,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn kept(
    tx: &mut TenantTx,
    (purpose, link, subject): (&str, LinkId, Uuid),
    now: OffsetDateTime,
) -> Result<Option<(String, OffsetDateTime)>, Error> {
    let row = sqlx::query!(
        "select detail, expires_at from page
         where link_id = $1 and subject_id = $2 and purpose = $3 and expires_at > $4 and detail <> ''",
        link.0,
        subject,
        purpose,
        now,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| (row.detail, row.expires_at)))
}

/// The page goes, with all that was kept with it; false when there was none.
pub async fn close(tx: &mut TenantTx, (purpose, link, subject): (&str, LinkId, Uuid)) -> Result<bool, Error> {
    let done = sqlx::query!(
        "delete from page where link_id = $1 and subject_id = $2 and purpose = $3",
        link.0,
        subject,
        purpose,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One act less; false when none is left.
pub async fn spend(tx: &mut TenantTx, id: Uuid) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update page set acts_left = acts_left - 1 where id = $1 and acts_left > 0",
        id
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Pages whose time was over long ago go.
pub async fn forget(tx: &mut TenantTx, before: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!("delete from page where expires_at < $1", before)
        .execute(tx.conn())
        .await?;
    Ok(())
}
