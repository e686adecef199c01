//! SQL of who is written to about threads, nothing else.

use hansa_tenancy::TenantTx;
use uuid::Uuid;

use crate::Error;

/// How somebody of ours wants to be written to.
#[derive(Debug)]
pub struct NoticeRow {
    pub staff_id: Uuid,
    /// Wrapped.
    pub email: String,
    pub language: String,
    pub after_minutes: i32,
    pub everywhere: bool,
}

pub async fn put(tx: &mut TenantTx, row: &NoticeRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into mail_notice (staff_id, email, language, after_minutes, everywhere) values ($1, $2, $3, $4, $5)
         on conflict (staff_id) do update set email = $2, language = $3, after_minutes = $4, everywhere = $5",
        row.staff_id,
        row.email,
        row.language,
        row.after_minutes,
        row.everywhere,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn remove(tx: &mut TenantTx, staff: Uuid) -> Result<(), Error> {
    sqlx::query!("delete from mail_notice where staff_id = $1", staff)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn find(tx: &mut TenantTx, staff: Uuid) -> Result<Option<NoticeRow>, Error> {
    Ok(sqlx::query_as!(
        NoticeRow,
        "select staff_id, email, language, after_minutes, everywhere from mail_notice where staff_id = $1",
        staff,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Those who want to be written to about a thread, and have read all that they were written to about before; not whoever speaks.
pub async fn to_mail(tx: &mut TenantTx, thread: Uuid, speaker: Uuid) -> Result<Vec<NoticeRow>, Error> {
    Ok(sqlx::query_as!(
        NoticeRow,
        "select n.staff_id, n.email, n.language, n.after_minutes, n.everywhere from mail_notice n
         left join thread_read r on r.thread_id = $1 and r.reader = n.staff_id::varchar
         where n.staff_id <> $2 and coalesce(r.mailed <= r.place, true)
             and (n.everywhere or r.reader is not null
                 or exists (select from thread_entry e where e.thread_id = $1 and e.staff_id = n.staff_id))
         order by n.staff_id limit 500",
        thread,
        speaker,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Somebody is written to about what was said up to there.
pub async fn mailed(tx: &mut TenantTx, thread: Uuid, reader: &str, place: i64) -> Result<(), Error> {
    sqlx::query!(
        "insert into thread_read (thread_id, reader, place, mailed) values ($1, $2, 0, $3)
         on conflict (thread_id, reader) do update set mailed = $3",
        thread,
        reader,
        place,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
