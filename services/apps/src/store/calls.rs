//! SQL of systems and of what they are asked, nothing else.

use hansa_tenancy::TenantTx;
use hansa_vault::Seal;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A system of ours.
#[derive(Clone, Debug)]
pub struct BackendRow {
    pub app: String,
    pub over: String,
    pub url: String,
    pub secret: String,
    pub since: OffsetDateTime,
}

pub async fn put_backend(tx: &mut TenantTx, row: &BackendRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into app_backend (app, over, url, secret, since) values ($1, $2, $3, $4, $5)
         on conflict (app) do update set over = excluded.over, url = excluded.url, secret = excluded.secret, since = excluded.since",
        row.app,
        row.over,
        row.url,
        row.secret,
        row.since,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// It answers no more; how many there were.
pub async fn remove_backend(tx: &mut TenantTx, app: &str) -> Result<u64, Error> {
    let done = sqlx::query!("delete from app_backend where app = $1", app)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected())
}

pub async fn backend(tx: &mut TenantTx, app: &str) -> Result<Option<BackendRow>, Error> {
    Ok(sqlx::query_as!(
        BackendRow,
        "select app, over, url, secret, since from app_backend where app = $1",
        app
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// A system of ours, and how it does: calls since then that were answered, that were not, and that are tried again.
#[derive(Clone, Debug)]
pub struct BackendShown {
    pub app: String,
    pub over: String,
    pub url: String,
    pub since: OffsetDateTime,
    pub answered: i64,
    pub failed: i64,
    pub waiting: i64,
}

pub async fn backends(tx: &mut TenantTx, since: OffsetDateTime) -> Result<Vec<BackendShown>, Error> {
    Ok(sqlx::query_as!(
        BackendShown,
        r#"select b.app, b.over, b.url, b.since,
             count(*) filter (where c.state in ('done', 'refused')) as "answered!",
             count(*) filter (where c.state = 'failed') as "failed!",
             count(*) filter (where c.due_at is not null) as "waiting!"
         from app_backend b left join app_call c on c.app = b.app and c.asked_at >= $1
         group by b.app order by b.app limit 1000"#,
        since,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What a system is asked.
#[derive(Clone, Debug)]
pub struct CallRow {
    pub caller: String,
    pub id: Uuid,
    pub app: String,
    pub operation: String,
    pub body_hash: String,
    pub request: Vec<u8>,
    pub state: String,
    pub output: String,
    pub refused: String,
    pub trouble: String,
    pub attempts: i16,
    pub asked_at: OffsetDateTime,
    pub due_at: Option<OffsetDateTime>,
    pub document_id: Option<Uuid>,
}

/// A call as it lies in the database.
struct Row {
    caller: String,
    id: Uuid,
    app: String,
    operation: String,
    body_hash: String,
    request: Vec<u8>,
    state: String,
    answer: Vec<u8>,
    trouble: String,
    attempts: i16,
    asked_at: OffsetDateTime,
    due_at: Option<OffsetDateTime>,
    document_id: Option<Uuid>,
}

impl Row {
    fn open(self, seal: &Seal) -> Result<CallRow, Error> {
        let at = |what: &[u8]| place(what, &self.caller, self.id);
        let (output, refused) = match self.answer.is_empty() {
            true => Default::default(),
            false => {
                let clear = seal.open(&at(b"answer"), &self.answer)?;
                serde_json::from_slice(&clear).map_err(|_| Error::Damaged("app_call"))?
            }
        };
        Ok(CallRow {
            request: seal.open(&at(b"request"), &self.request)?.to_vec(),
            output,
            refused,
            caller: self.caller,
            id: self.id,
            app: self.app,
            operation: self.operation,
            body_hash: self.body_hash,
            state: self.state,
            trouble: self.trouble,
            attempts: self.attempts,
            asked_at: self.asked_at,
            due_at: self.due_at,
            document_id: self.document_id,
        })
    }
}

fn place(what: &[u8], caller: &str, id: Uuid) -> Vec<u8> {
    [b"app-call\0", what, &id.as_bytes()[..], caller.as_bytes()].concat()
}

/// Writes down that it is asked; false when that stands there.
pub async fn ask(seal: &Seal, tx: &mut TenantTx, row: &CallRow) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into app_call (caller, id, app, operation, body_hash, request, asked_at, due_at, document_id, attempts)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing",
        row.caller,
        row.id,
        row.app,
        row.operation,
        row.body_hash,
        seal.close(&place(b"request", &row.caller, row.id), &row.request)?,
        row.asked_at,
        row.due_at,
        row.document_id,
        row.attempts,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A call, and its row lock.
pub async fn call(seal: &Seal, tx: &mut TenantTx, caller: &str, id: Uuid) -> Result<Option<CallRow>, Error> {
    let row = sqlx::query_as!(
        Row,
        "select caller, id, app, operation, body_hash, request, state, answer, trouble, attempts, asked_at, due_at, document_id
         from app_call where caller = $1 and id = $2 for update",
        caller,
        id,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| row.open(seal)).transpose()
}

/// It is asked once more, from now.
pub async fn ask_again(tx: &mut TenantTx, row: &CallRow) -> Result<(), Error> {
    sqlx::query!(
        "update app_call set state = 'asked', attempts = $3, asked_at = $4, due_at = $5, trouble = '' where caller = $1 and id = $2",
        row.caller,
        row.id,
        row.attempts,
        row.asked_at,
        row.due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What became of it.
pub async fn heard(seal: &Seal, tx: &mut TenantTx, row: &CallRow) -> Result<(), Error> {
    let answer = serde_json::to_vec(&(&row.output, &row.refused)).map_err(|_| Error::Damaged("app_call"))?;
    sqlx::query!(
        "update app_call set state = $3, answer = $4, trouble = left($5, 200), due_at = $6 where caller = $1 and id = $2",
        row.caller,
        row.id,
        row.state,
        seal.close(&place(b"answer", &row.caller, row.id), &answer)?,
        row.trouble,
        row.due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes what is due, less that of systems that are busy, until `lease`: whoever takes it asks, and when it dies somebody else does then.
pub async fn take_due(
    seal: &Seal,
    tx: &mut TenantTx,
    (now, lease): (OffsetDateTime, OffsetDateTime),
    busy: &[String],
    limit: i64,
) -> Result<Vec<CallRow>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "update app_call c set due_at = $2, attempts = c.attempts + 1
         where (c.caller, c.id) in (
             select d.caller, d.id from app_call d join app_backend b on b.app = d.app
             where d.due_at <= $1 and d.app <> all($4::varchar[]) order by d.due_at limit $3 for update of d skip locked)
         returning caller, id, app, operation, body_hash, request, state, answer, trouble, attempts, asked_at, due_at, document_id",
        now,
        lease,
        limit,
        busy,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| row.open(seal)).collect()
}

/// When something is tried next, of what there is a system for that is not busy.
pub async fn next_due(tx: &mut TenantTx, busy: &[String]) -> Result<Option<OffsetDateTime>, Error> {
    Ok(sqlx::query_scalar!(
        "select min(c.due_at) from app_call c join app_backend b on b.app = c.app
         where c.due_at is not null and c.app <> all($1::varchar[])",
        busy,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// What was asked long ago goes.
pub async fn forget(tx: &mut TenantTx, before: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "delete from app_call where (caller, id) in
             (select caller, id from app_call where due_at is null and asked_at < $1 limit 1000)",
        before,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What was asked about these documents goes.
pub async fn forget_of(tx: &mut TenantTx, documents: &[Uuid]) -> Result<(), Error> {
    sqlx::query!("delete from app_call where document_id = any($1)", documents)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What a system of ours was asked, newest first.
pub async fn calls(seal: &Seal, tx: &mut TenantTx, app: &str, state: &str) -> Result<Vec<CallRow>, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select caller, id, app, operation, body_hash, request, state, answer, trouble, attempts, asked_at, due_at, document_id
         from app_call where app = $1 and ($2::varchar = '' or state = $2) order by asked_at desc, id limit 200",
        app,
        state,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(|row| row.open(seal)).collect()
}
