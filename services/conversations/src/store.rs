//! SQL of threads, nothing else.

pub mod notices;

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A thread.
#[derive(Clone, Debug)]
pub struct ThreadRow {
    pub id: Uuid,
    pub subject_kind: String,
    pub subject_id: Uuid,
    /// The link to whoever counts; none = we do.
    pub counted_by: Option<Uuid>,
    pub last: i64,
    /// Hex.
    pub head: String,
    pub last_at: OffsetDateTime,
    pub told: i64,
}

/// Makes a thread unless it is there.
pub async fn ensure(tx: &mut TenantTx, row: &ThreadRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into thread (id, subject_kind, subject_id, counted_by, last_at) values ($1, $2, $3, $4, $5) on conflict do nothing",
        row.id,
        row.subject_kind,
        row.subject_id,
        row.counted_by,
        row.last_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The thread, and its row lock.
pub async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Option<ThreadRow>, Error> {
    Ok(sqlx::query_as!(
        ThreadRow,
        "select id, subject_kind, subject_id, counted_by, last, head, last_at, told from thread where id = $1 for update",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// The thread as it is.
pub async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<ThreadRow>, Error> {
    Ok(sqlx::query_as!(
        ThreadRow,
        "select id, subject_kind, subject_id, counted_by, last, head, last_at, told from thread where id = $1",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Threads in which something was said, newest first, before this one; `unread`: only where this reader has not read all.
pub async fn list(
    tx: &mut TenantTx,
    (reader, unread): (&str, bool),
    before: Option<(OffsetDateTime, Uuid)>,
    limit: i64,
) -> Result<Vec<ThreadRow>, Error> {
    let (at, id) = before.unzip();
    Ok(sqlx::query_as!(
        ThreadRow,
        "select t.id, t.subject_kind, t.subject_id, t.counted_by, t.last, t.head, t.last_at, t.told from thread t
         where t.last > 0 and ($3::timestamptz is null or (t.last_at, t.id) < ($3, $4::uuid))
             and (not $2 or t.last > coalesce((select r.place from thread_read r where r.thread_id = t.id and r.reader = $1), 0))
         order by t.last_at desc, t.id desc limit $5",
        reader,
        unread,
        at,
        id,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The thread has come so far.
pub async fn advance(tx: &mut TenantTx, row: &ThreadRow) -> Result<(), Error> {
    sqlx::query!(
        "update thread set last = $2, head = $3, last_at = $4, told = $5 where id = $1",
        row.id,
        row.last,
        row.head,
        row.last_at,
        row.told,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An entry.
#[derive(Clone, Debug)]
pub struct EntryRow {
    pub thread_id: Uuid,
    pub id: Uuid,
    pub place: Option<i64>,
    pub kind: String,
    pub of_id: Option<Uuid>,
    pub enterprise: String,
    pub enterprise_name: String,
    pub staff_id: Option<Uuid>,
    pub state: String,
    pub reason: String,
    pub at: OffsetDateTime,
    pub body_hash: String,
    pub sealed: Vec<u8>,
}

/// Keeps an entry; what was sent and has its place now is brought to it.
pub async fn keep(tx: &mut TenantTx, row: &EntryRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into thread_entry (thread_id, id, place, kind, of_id, enterprise, enterprise_name, staff_id, state, at, body_hash, sealed)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (thread_id, id) do update set place = excluded.place, state = excluded.state, sealed = excluded.sealed, reason = ''",
        row.thread_id,
        row.id,
        row.place,
        row.kind,
        row.of_id,
        row.enterprise,
        row.enterprise_name,
        row.staff_id,
        row.state,
        row.at,
        row.body_hash,
        row.sealed,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An entry of ours gets no place.
pub async fn refuse(tx: &mut TenantTx, thread: Uuid, id: Uuid, reason: &str) -> Result<(), Error> {
    sqlx::query!(
        "update thread_entry set state = 'refused', reason = left($3, 40) where thread_id = $1 and id = $2 and state = 'sent'",
        thread,
        id,
        reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An entry of this id.
pub async fn entry(tx: &mut TenantTx, thread: Uuid, id: Uuid) -> Result<Option<EntryRow>, Error> {
    Ok(sqlx::query_as!(
        EntryRow,
        "select thread_id, id, place, kind, of_id, enterprise, enterprise_name, staff_id, state, reason, at, body_hash, sealed
         from thread_entry where thread_id = $1 and id = $2",
        thread,
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// What was said after this place, by place.
pub async fn said(tx: &mut TenantTx, thread: Uuid, after: i64, limit: i64) -> Result<Vec<EntryRow>, Error> {
    Ok(sqlx::query_as!(
        EntryRow,
        "select thread_id, id, place, kind, of_id, enterprise, enterprise_name, staff_id, state, reason, at, body_hash, sealed
         from thread_entry where thread_id = $1 and kind = 'said' and place > $2 order by place limit $3",
        thread,
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// All entries with a place after this one, by place.
pub async fn placed(tx: &mut TenantTx, thread: Uuid, after: i64, limit: i64) -> Result<Vec<EntryRow>, Error> {
    Ok(sqlx::query_as!(
        EntryRow,
        "select thread_id, id, place, kind, of_id, enterprise, enterprise_name, staff_id, state, reason, at, body_hash, sealed
         from thread_entry where thread_id = $1 and place > $2 order by place limit $3",
        thread,
        after,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What has no place, oldest first.
pub async fn unplaced(tx: &mut TenantTx, thread: Uuid, limit: i64) -> Result<Vec<EntryRow>, Error> {
    Ok(sqlx::query_as!(
        EntryRow,
        "select thread_id, id, place, kind, of_id, enterprise, enterprise_name, staff_id, state, reason, at, body_hash, sealed
         from thread_entry where thread_id = $1 and place is null and kind = 'said' order by id limit $2",
        thread,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Edits and withdrawals of these entries that have their place, by place.
pub async fn about(tx: &mut TenantTx, thread: Uuid, entries: &[Uuid]) -> Result<Vec<EntryRow>, Error> {
    Ok(sqlx::query_as!(
        EntryRow,
        "select thread_id, id, place, kind, of_id, enterprise, enterprise_name, staff_id, state, reason, at, body_hash, sealed
         from thread_entry where thread_id = $1 and of_id = any($2) and place is not null order by place",
        thread,
        entries,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How far these threads are read, by whom: (thread, reader, place).
pub async fn reads(tx: &mut TenantTx, threads: &[Uuid]) -> Result<Vec<(Uuid, String, i64)>, Error> {
    let rows = sqlx::query!(
        "select thread_id, reader, place from thread_read where thread_id = any($1)",
        threads,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.thread_id, row.reader, row.place))
        .collect())
}

/// Somebody has read so far; true when that is further than before.
pub async fn mark_read(tx: &mut TenantTx, thread: Uuid, reader: &str, place: i64) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into thread_read (thread_id, reader, place) values ($1, $2, $3)
         on conflict (thread_id, reader) do update set place = excluded.place where thread_read.place < excluded.place",
        thread,
        reader,
        place,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whoever had read all before has read what they said themselves.
pub async fn read_own(tx: &mut TenantTx, thread: Uuid, reader: &str, place: i64) -> Result<(), Error> {
    sqlx::query!(
        "insert into thread_read (thread_id, reader, place) select $1::uuid, $2::varchar, $3::bigint where $3 = 1
             or exists (select from thread_read r where r.thread_id = $1 and r.reader = $2 and r.place = $3 - 1)
         on conflict (thread_id, reader) do update set place = excluded.place where thread_read.place = excluded.place - 1",
        thread,
        reader,
        place,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Who of ours may write on a link.
#[derive(Clone, Debug)]
pub struct RuleRow {
    pub link_id: Uuid,
    pub roles: String,
    pub names: bool,
}

pub async fn put_rule(tx: &mut TenantTx, row: &RuleRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into contact_rule (link_id, roles, names) values ($1, $2, $3)
         on conflict (link_id) do update set roles = excluded.roles, names = excluded.names",
        row.link_id,
        row.roles,
        row.names,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The rules of these links; of all when none is named.
pub async fn rules(tx: &mut TenantTx, links: Option<&[Uuid]>) -> Result<Vec<RuleRow>, Error> {
    Ok(sqlx::query_as!(
        RuleRow,
        "select link_id, roles, names from contact_rule where $1::uuid[] is null or link_id = any($1) order by link_id limit 10000",
        links,
    )
    .fetch_all(tx.conn())
    .await?)
}
