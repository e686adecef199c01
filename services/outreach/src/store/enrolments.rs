//! SQL of who came by a way, or was enrolled by a partner.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// Somebody who has enrolled.
#[derive(Clone, Debug)]
pub struct EnrolmentRow {
    pub id: Uuid,
    pub way_id: Option<Uuid>,
    pub link_id: Option<Uuid>,
    pub way: String,
    pub guide: String,
    pub body_hash: String,
    pub pool_id: Uuid,
    pub no: Option<i64>,
    pub known: bool,
    pub agreed: bool,
    pub asked: bool,
    pub partner: String,
    pub sealed: Vec<u8>,
    pub attempts: i16,
    pub at: OffsetDateTime,
    pub due_at: Option<OffsetDateTime>,
}

/// False: the id is there already.
pub async fn insert(tx: &mut TenantTx, row: &EnrolmentRow) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into enrolment (id, way_id, link_id, way, guide, body_hash, pool_id, no, known, agreed, asked, partner, sealed, at, due_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing",
        row.id,
        row.way_id,
        row.link_id,
        row.way,
        row.guide,
        row.body_hash,
        row.pool_id,
        row.no,
        row.known,
        row.agreed,
        row.asked,
        row.partner,
        row.sealed,
        row.at,
        row.due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<EnrolmentRow>, Error> {
    Ok(sqlx::query_as!(
        EnrolmentRow,
        "select id, way_id, link_id, way, guide, body_hash, pool_id, no, known, agreed, asked, partner, sealed, attempts, at, due_at
         from enrolment where id = $1",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// How many came by a way since then.
pub async fn by_way_since(tx: &mut TenantTx, way: Uuid, since: OffsetDateTime) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from enrolment where way_id = $1 and at >= $2"#,
        way,
        since,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// How many a partner has enrolled into a pool since then; alone with its enrolments until the end of the transaction.
pub async fn by_link_since(tx: &mut TenantTx, link: Uuid, pool: Uuid, since: OffsetDateTime) -> Result<i64, Error> {
    sqlx::query!("select id from link where id = $1 for no key update", link)
        .fetch_optional(tx.conn())
        .await?;
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from enrolment where link_id = $1 and at >= $3 and pool_id = $2 and way_id is null"#,
        link,
        pool,
        since,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Takes those whose partner is to be told, and says until when nobody else does.
pub async fn take_due(
    tx: &mut TenantTx,
    now: OffsetDateTime,
    until: OffsetDateTime,
    most: i64,
) -> Result<Vec<EnrolmentRow>, Error> {
    Ok(sqlx::query_as!(
        EnrolmentRow,
        "update enrolment set due_at = $2, attempts = attempts + 1 where id in
             (select id from enrolment where due_at <= $1 order by due_at limit $3 for update skip locked)
         returning id, way_id, link_id, way, guide, body_hash, pool_id, no, known, agreed, asked, partner, sealed, attempts, at, due_at",
        now,
        until,
        most,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The partner has been told, or is told no more: what it was to be told goes.
pub async fn told(tx: &mut TenantTx, id: Uuid, state: &str, reason: &str) -> Result<(), Error> {
    sqlx::query!(
        "update enrolment set partner = $2, reason = $3, sealed = '', due_at = null where id = $1",
        id,
        state,
        reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The partner is told later.
pub async fn later(tx: &mut TenantTx, id: Uuid, due_at: OffsetDateTime, reason: &str) -> Result<(), Error> {
    sqlx::query!(
        "update enrolment set due_at = $2, reason = $3 where id = $1 and partner = 'pending'",
        id,
        due_at,
        reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What came of a way, for one guide.
#[derive(Clone, Debug)]
pub struct GuideRow {
    pub guide: String,
    pub joined: i64,
    pub known: i64,
    pub agreed: i64,
    pub at_partner: i64,
    pub numbers: Vec<i64>,
}

/// What came of a way, by guide: at most 1,000 guides.
pub async fn by_guide(tx: &mut TenantTx, way: Uuid) -> Result<Vec<GuideRow>, Error> {
    Ok(sqlx::query_as!(
        GuideRow,
        r#"select guide, count(*) filter (where no is not null and not known) as "joined!",
               count(*) filter (where no is not null and known) as "known!", count(*) filter (where agreed) as "agreed!",
               count(*) filter (where partner = 'done') as "at_partner!",
               coalesce(array_agg(distinct no) filter (where no is not null), '{}')::bigint[] as "numbers!"
           from enrolment where way_id = $1 group by guide order by guide limit 1000"#,
        way,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What came of whom a partner has enrolled into a pool: how many, who of them agreed, as it has said itself, and their numbers.
pub async fn by_partner(tx: &mut TenantTx, link: Uuid, pool: Uuid, way: &str) -> Result<(i64, i64, Vec<i64>), Error> {
    let row = sqlx::query!(
        r#"select count(*) as "enrolled!", count(*) filter (where asked) as "asked!",
               coalesce(array_agg(distinct no) filter (where no is not null), '{}')::bigint[] as "numbers!"
           from enrolment where link_id = $1 and pool_id = $2 and way_id is null and ($3 = '' or way = $3)"#,
        link,
        pool,
        way,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok((row.enrolled, row.asked, row.numbers))
}
