//! SQL of mails, nothing else.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Went;
use crate::Error;

/// A mail, and how sending it went.
#[derive(Clone, Debug)]
pub struct MailRow {
    pub id: Uuid,
    /// Wrapped; empty once nothing is sent any more.
    pub letter: String,
    pub state: String,
    pub attempts: i16,
    pub due_at: OffsetDateTime,
    pub trouble: String,
    /// What it is about.
    pub subject_id: Uuid,
    pub created_at: OffsetDateTime,
}

pub async fn insert(
    tx: &mut TenantTx,
    (id, about): (Uuid, Uuid),
    letter: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into mail (id, letter, due_at, subject_id) values ($1, $2, $3, $4)",
        id,
        letter,
        now,
        about,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What nobody has tried to send yet goes.
pub async fn recall(tx: &mut TenantTx, about: Uuid) -> Result<(), Error> {
    sqlx::query!(
        "delete from mail where subject_id = $1 and state = 'pending' and attempts = 0",
        about,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes what is due, until `lease`: whoever takes it sends it, and when it dies somebody else does then.
pub async fn take_due(
    tx: &mut TenantTx,
    now: OffsetDateTime,
    lease: OffsetDateTime,
    limit: i64,
) -> Result<Vec<MailRow>, Error> {
    Ok(sqlx::query_as!(
        MailRow,
        "update mail set due_at = $2, attempts = attempts + 1
         where id in (select id from mail where state = 'pending' and due_at <= $1 order by due_at limit $3 for update skip locked)
         returning id, letter, state, attempts, due_at, trouble, subject_id, created_at",
        now,
        lease,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// When something is to be sent next.
pub async fn next_due(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(
        sqlx::query_scalar!("select min(due_at) from mail where state = 'pending'")
            .fetch_one(tx.conn())
            .await?,
    )
}

pub async fn went(tx: &mut TenantTx, went: &Went<'_>) -> Result<(), Error> {
    sqlx::query!(
        "update mail set state = $2::varchar, due_at = $3, trouble = left($4, 200), letter = case when $2::varchar = 'pending' then letter else '' end
         where id = $1 and state = 'pending'",
        went.id,
        went.state,
        went.due_at,
        went.trouble,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Newest first: all, or those about one thing.
pub async fn list(tx: &mut TenantTx, about: Option<Uuid>) -> Result<Vec<MailRow>, Error> {
    Ok(sqlx::query_as!(
        MailRow,
        "select id, letter, state, attempts, due_at, trouble, subject_id, created_at from mail
         where $1::uuid is null or subject_id = $1 order by created_at desc, id limit 200",
        about,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Mails about one thing that were given up.
pub async fn refused(tx: &mut TenantTx, about: Uuid) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "refused!" from mail where subject_id = $1 and state = 'failed'"#,
        about
    )
    .fetch_one(tx.conn())
    .await?)
}

/// What was sent long ago goes.
pub async fn forget(tx: &mut TenantTx, before: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "delete from mail where id in (select id from mail where state <> 'pending' and created_at < $1 limit 1000)",
        before,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
