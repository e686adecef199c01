//! SQL of runs of mails, and of what each member got.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A run.
#[derive(Clone, Debug)]
pub struct RunRow {
    pub id: Uuid,
    pub kind: String,
    pub pool_id: Uuid,
    pub link_id: Option<Uuid>,
    pub recipient_key: Uuid,
    pub purpose: String,
    pub notice_hash: String,
    pub body_hash: String,
    pub subject: String,
    pub body: String,
    pub language: String,
    pub remind_days: i32,
    pub messages_max: i32,
    pub within_days: i32,
    pub after_no: Option<i64>,
    pub members_max: i64,
    pub made_at: OffsetDateTime,
    pub stopped: bool,
}

/// False: the id is there already.
pub async fn insert(tx: &mut TenantTx, row: &RunRow) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into run (id, kind, pool_id, link_id, recipient_key, purpose, notice_hash, body_hash, subject, body, language, remind_days,
             messages_max, within_days, after_no, members_max, made_at, stopped)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) on conflict do nothing",
        row.id,
        row.kind,
        row.pool_id,
        row.link_id,
        row.recipient_key,
        row.purpose,
        row.notice_hash,
        row.body_hash,
        row.subject,
        row.body,
        row.language,
        row.remind_days,
        row.messages_max,
        row.within_days,
        row.after_no,
        row.members_max,
        row.made_at,
        row.stopped,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<RunRow>, Error> {
    Ok(sqlx::query_as!(
        RunRow,
        "select id, kind, pool_id, link_id, recipient_key, purpose, notice_hash, body_hash, subject, body, language, remind_days,
             messages_max, within_days, after_no, members_max, made_at, stopped
         from run where id = $1",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Runs that people began, newest first.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<RunRow>, Error> {
    Ok(sqlx::query_as!(
        RunRow,
        "select id, kind, pool_id, link_id, recipient_key, purpose, notice_hash, body_hash, subject, body, language, remind_days,
             messages_max, within_days, after_no, members_max, made_at, stopped
         from run where subject <> '' order by made_at desc, id limit 200",
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A run that has not looked at all members yet, and its row lock.
pub async fn open(tx: &mut TenantTx) -> Result<Option<RunRow>, Error> {
    Ok(sqlx::query_as!(
        RunRow,
        "select id, kind, pool_id, link_id, recipient_key, purpose, notice_hash, body_hash, subject, body, language, remind_days,
             messages_max, within_days, after_no, members_max, made_at, stopped
         from run where after_no is not null and not stopped order by made_at limit 1 for update skip locked",
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Members up to this number have been looked at, so many more; none: all of them.
pub async fn looked(tx: &mut TenantTx, id: Uuid, after: Option<i64>, count: i64) -> Result<(), Error> {
    sqlx::query!(
        "update run set after_no = $2, members_max = members_max - $3 where id = $1",
        id,
        after,
        count
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// No more mails go out.
pub async fn stop(tx: &mut TenantTx, id: Uuid) -> Result<(), Error> {
    sqlx::query!("update run set stopped = true where id = $1", id)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "update sent set state = case when state = 'waiting' then 'stopped' else state end, due_at = null where run_id = $1",
        id
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// These members belong to a run; those who do already stay as they are.
pub async fn add(
    tx: &mut TenantTx,
    run: &RunRow,
    numbers: &[i64],
    state: &str,
    (at, due_at): (OffsetDateTime, Option<OffsetDateTime>),
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "insert into sent (run_id, no, pool_id, link_id, state, at, due_at)
         select $1, no, $2, $3, $4, $5, $6 from unnest($7::bigint[]) as new (no) on conflict do nothing",
        run.id,
        run.pool_id,
        run.link_id,
        state,
        at,
        due_at,
        numbers,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// A member of a run.
#[derive(Clone, Debug)]
pub struct SentRow {
    pub run_id: Uuid,
    pub no: i64,
    pub state: String,
}

/// Whose turn it is, with their row locks.
pub async fn due(tx: &mut TenantTx, now: OffsetDateTime, most: i64) -> Result<Vec<SentRow>, Error> {
    Ok(sqlx::query_as!(
        SentRow,
        "select run_id, no, state from sent where due_at <= $1 order by due_at, run_id, no limit $2 for update skip locked",
        now,
        most,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What has become of a member of a run.
pub async fn became(
    tx: &mut TenantTx,
    row: &SentRow,
    (state, reminded): (&str, bool),
    at: OffsetDateTime,
    due_at: Option<OffsetDateTime>,
) -> Result<(), Error> {
    sqlx::query!(
        "update sent set state = $3, reminded = reminded or $4, at = $5, due_at = $6 where run_id = $1 and no = $2",
        row.run_id,
        row.no,
        state,
        reminded,
        at,
        due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It is mailed later.
pub async fn put_off(tx: &mut TenantTx, row: &SentRow, due_at: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "update sent set due_at = $3 where run_id = $1 and no = $2",
        row.run_id,
        row.no,
        due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Messages that a member has got since then: of this partner, and of all.
pub async fn got(
    tx: &mut TenantTx,
    (pool, number): (Uuid, i64),
    link: Option<Uuid>,
    (of_link, of_all): (OffsetDateTime, OffsetDateTime),
) -> Result<(i64, i64), Error> {
    let row = sqlx::query!(
        r#"select count(*) filter (where link_id = $3 and at >= $4) as "of_link!", count(*) filter (where at >= $5) as "of_all!"
           from sent where pool_id = $1 and no = $2 and at >= least($4, $5) and state = 'mailed' and link_id is not null"#,
        pool,
        number,
        link,
        of_link,
        of_all,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((row.of_link, row.of_all))
}

/// What a member is asked and has not answered, newest first.
pub async fn unanswered(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<Vec<(Uuid, String)>, Error> {
    let rows = sqlx::query!(
        "select s.run_id, r.notice_hash from sent s join run r on r.id = s.run_id
         where s.pool_id = $1 and s.no = $2 and s.state = 'mailed' and r.kind = 'invitation' order by s.at desc limit 20",
        pool,
        number,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.run_id, row.notice_hash)).collect())
}

/// A member answers; false when they were not asked, or have answered.
pub async fn answered(tx: &mut TenantTx, (run, pool, number): (Uuid, Uuid, i64), state: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update sent set state = $4, due_at = null where run_id = $1 and pool_id = $2 and no = $3 and state = 'mailed'",
        run,
        pool,
        number,
        state,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Those of these members who have declined to agree to the same.
pub async fn declined(
    tx: &mut TenantTx,
    pool: Uuid,
    (recipient_key, purpose): (Uuid, &str),
    numbers: &[i64],
) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"select asked.no as "no!" from unnest($4::bigint[]) as asked (no)
           where exists (select from sent s join run r on r.id = s.run_id where s.pool_id = $1 and s.no = asked.no
               and s.state = 'declined' and r.recipient_key = $2 and r.purpose = $3)"#,
        pool,
        recipient_key,
        purpose,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// How many are in which state, and how many were reminded.
pub async fn counts(tx: &mut TenantTx, run: Uuid) -> Result<Vec<(String, i64, i64)>, Error> {
    let rows = sqlx::query!(
        r#"select state, count(*) as "count!", count(*) filter (where reminded) as "reminded!" from sent where run_id = $1 group by state"#,
        run,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.state, row.count, row.reminded))
        .collect())
}

/// When something is to be done next: a mail, a reminder, a partner that is to be told; or now, when a run has members to look at.
pub async fn next_due(tx: &mut TenantTx, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, Error> {
    Ok(sqlx::query_scalar!(
        "select least((select min(due_at) from sent where due_at is not null), (select min(due_at) from enrolment where due_at is not null),
             (select $1::timestamptz where exists (select from run where after_no is not null and not stopped)))",
        now,
    )
    .fetch_one(tx.conn())
    .await?)
}
