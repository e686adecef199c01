//! SQL of what leaves the house, nothing else.

pub mod issuer;
pub mod mail;

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// Who is told.
#[derive(Clone, Debug)]
pub struct WebhookRow {
    pub id: Uuid,
    pub url: String,
    pub topics: String,
    pub disabled: String,
    pub created_at: OffsetDateTime,
}

pub async fn insert_webhook(tx: &mut TenantTx, row: &WebhookRow, secret: &str) -> Result<(), Error> {
    sqlx::query!(
        "insert into webhook (id, url, topics, secret, created_at) values ($1, $2, $3, $4, $5)",
        row.id,
        row.url,
        row.topics,
        secret,
        row.created_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn webhooks(tx: &mut TenantTx) -> Result<Vec<WebhookRow>, Error> {
    Ok(sqlx::query_as!(
        WebhookRow,
        "select id, url, topics, disabled, created_at from webhook order by id limit 1000",
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Nobody is told there any more; how many there were.
pub async fn remove_webhook(tx: &mut TenantTx, id: Uuid) -> Result<u64, Error> {
    let done = sqlx::query!("delete from webhook where id = $1", id)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected())
}

pub async fn disable_webhook(tx: &mut TenantTx, id: Uuid, why: &str) -> Result<(), Error> {
    sqlx::query!("update webhook set disabled = left($2, 200) where id = $1", id, why)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Writes down, for all whom it interests, what is to be told; false when it interests nobody.
pub async fn publish(tx: &mut TenantTx, topic: &str, payload: &str, now: OffsetDateTime) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into delivery (webhook_id, topic, payload, due_at)
         select id, $1::varchar, $2, $3 from webhook
         where disabled = '' and (topics = '' or $1::varchar = any(string_to_array(topics, ' ')))",
        topic,
        payload,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// What is told, and how that went.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    pub id: Uuid,
    pub webhook_id: Uuid,
    pub topic: String,
    pub payload: String,
    pub state: String,
    pub attempts: i16,
    pub due_at: OffsetDateTime,
    pub status: Option<i16>,
    pub trouble: String,
    pub created_at: OffsetDateTime,
}

/// What has to be told now, with where and by which secret.
#[derive(Clone, Debug)]
pub struct DueRow {
    pub id: Uuid,
    pub webhook_id: Uuid,
    pub payload: String,
    pub attempts: i16,
    pub url: String,
    pub secret: String,
}

/// Takes what is due, until `lease`: whoever takes it tells it, and when it dies somebody else does then.
pub async fn take_due(
    tx: &mut TenantTx,
    now: OffsetDateTime,
    lease: OffsetDateTime,
    limit: i64,
) -> Result<Vec<DueRow>, Error> {
    Ok(sqlx::query_as!(
        DueRow,
        "update delivery d set due_at = $2, attempts = d.attempts + 1
         from webhook w
         where w.id = d.webhook_id and d.id in (
             select e.id from delivery e join webhook v on v.id = e.webhook_id
             where e.state = 'pending' and e.due_at <= $1 and v.disabled = '' order by e.due_at limit $3 for update of e skip locked)
         returning d.id, d.webhook_id, d.payload, d.attempts, w.url, w.secret",
        now,
        lease,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// When something is to be told next.
pub async fn next_due(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(sqlx::query_scalar!(
        "select min(d.due_at) from delivery d join webhook w on w.id = d.webhook_id where d.state = 'pending' and w.disabled = ''",
    )
    .fetch_one(tx.conn())
    .await?)
}

/// How telling it went.
pub struct Went<'a> {
    pub id: Uuid,
    pub state: &'a str,
    pub due_at: OffsetDateTime,
    pub status: Option<i16>,
    pub trouble: &'a str,
}

pub async fn went(tx: &mut TenantTx, went: &Went<'_>) -> Result<(), Error> {
    sqlx::query!(
        "update delivery set state = $2, due_at = $3, status = $4, trouble = left($5, 200) where id = $1 and state = 'pending'",
        went.id,
        went.state,
        went.due_at,
        went.status,
        went.trouble,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Deliveries of a webhook, newest first.
pub async fn deliveries(tx: &mut TenantTx, webhook: Uuid, state: &str) -> Result<Vec<DeliveryRow>, Error> {
    Ok(sqlx::query_as!(
        DeliveryRow,
        "select id, webhook_id, topic, payload, state, attempts, due_at, status, trouble, created_at from delivery
         where webhook_id = $1 and ($2::varchar = '' or state = $2) order by created_at desc, id limit 200",
        webhook,
        state,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// From the first attempt on, and its webhook is told again.
pub async fn again(tx: &mut TenantTx, id: Uuid, now: OffsetDateTime) -> Result<Option<DeliveryRow>, Error> {
    let row = sqlx::query_as!(
        DeliveryRow,
        "update delivery set state = 'pending', attempts = 0, due_at = $2 where id = $1
         returning id, webhook_id, topic, payload, state, attempts, due_at, status, trouble, created_at",
        id,
        now,
    )
    .fetch_optional(tx.conn())
    .await?;
    if let Some(row) = &row {
        disable_webhook(tx, row.webhook_id, "").await?;
    }
    Ok(row)
}

/// What was told long ago goes.
pub async fn forget(tx: &mut TenantTx, before: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "delete from delivery where id in (select id from delivery where state <> 'pending' and created_at < $1 limit 1000)",
        before,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
