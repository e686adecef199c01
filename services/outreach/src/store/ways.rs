//! SQL of ways, of members' own pages, and of when they are left alone.

use hansa_tenancy::TenantTx;
use uuid::Uuid;

use crate::{Error, model::courtesy::Courtesy};

/// A way to become a member.
#[derive(Clone, Debug)]
pub struct WayRow {
    pub id: Uuid,
    pub code: String,
    pub title: String,
    pub pool_id: Uuid,
    pub language: String,
    pub region: String,
    pub fields: String,
    pub guide: String,
    pub notice_hash: String,
    pub link_id: Option<Uuid>,
    pub partner_pool: String,
    pub terms: String,
    pub ended: bool,
    pub shown: i64,
}

/// Makes a way, or changes it; its id.
pub async fn put(tx: &mut TenantTx, row: &WayRow) -> Result<Uuid, Error> {
    Ok(sqlx::query_scalar!(
        "insert into way (id, code, title, pool_id, language, region, fields, guide, notice_hash, link_id, partner_pool, terms, ended)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (code) do update set title = $3, pool_id = $4, language = $5, region = $6, fields = $7, guide = $8, notice_hash = $9,
             link_id = $10, partner_pool = $11, terms = $12, ended = $13
         returning id",
        row.id,
        row.code,
        row.title,
        row.pool_id,
        row.language,
        row.region,
        row.fields,
        row.guide,
        row.notice_hash,
        row.link_id,
        row.partner_pool,
        row.terms,
        row.ended,
    )
    .fetch_one(tx.conn())
    .await?)
}

pub async fn of_code(tx: &mut TenantTx, code: &str) -> Result<Option<WayRow>, Error> {
    Ok(sqlx::query_as!(
        WayRow,
        "select id, code, title, pool_id, language, region, fields, guide, notice_hash, link_id, partner_pool, terms, ended, shown
         from way where code = $1",
        code,
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<WayRow>, Error> {
    Ok(sqlx::query_as!(
        WayRow,
        "select id, code, title, pool_id, language, region, fields, guide, notice_hash, link_id, partner_pool, terms, ended, shown
         from way where id = $1",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub async fn list(tx: &mut TenantTx) -> Result<Vec<WayRow>, Error> {
    Ok(sqlx::query_as!(
        WayRow,
        "select id, code, title, pool_id, language, region, fields, guide, notice_hash, link_id, partner_pool, terms, ended, shown
         from way order by code limit 1000",
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Its page was shown once more.
pub async fn shown(tx: &mut TenantTx, id: Uuid) -> Result<(), Error> {
    sqlx::query!("update way set shown = shown + 1 where id = $1", id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A member's own page.
#[derive(Clone, Copy, Debug)]
pub struct CorrespondentRow {
    pub id: Uuid,
    pub pool_id: Uuid,
    pub no: i64,
    pub silent: bool,
}

/// A member's own page, made if it is new.
pub async fn correspondent(tx: &mut TenantTx, pool: Uuid, number: i64, id: Uuid) -> Result<CorrespondentRow, Error> {
    sqlx::query!(
        "insert into correspondent (pool_id, no, id) values ($1, $2, $3) on conflict do nothing",
        pool,
        number,
        id,
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query_as!(
        CorrespondentRow,
        "select id, pool_id, no, silent from correspondent where pool_id = $1 and no = $2",
        pool,
        number,
    );
    Ok(row.fetch_one(tx.conn()).await?)
}

pub async fn correspondent_of(tx: &mut TenantTx, id: Uuid) -> Result<Option<CorrespondentRow>, Error> {
    Ok(sqlx::query_as!(
        CorrespondentRow,
        "select id, pool_id, no, silent from correspondent where id = $1",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub async fn be_silent(tx: &mut TenantTx, id: Uuid, silent: bool) -> Result<(), Error> {
    sqlx::query!("update correspondent set silent = $2 where id = $1", id, silent)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A member goes: their page does too, and nothing is sent to them any more.
pub async fn forget(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<(), Error> {
    sqlx::query!("delete from correspondent where pool_id = $1 and no = $2", pool, number)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "update sent set state = case when state = 'waiting' then 'stopped' else state end, due_at = null where pool_id = $1 and no = $2",
        pool,
        number,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn put_courtesy(tx: &mut TenantTx, pool: Uuid, row: &Courtesy) -> Result<(), Error> {
    sqlx::query!(
        "insert into courtesy (pool_id, zone, quiet_from, quiet_until, messages_max, within_days) values ($1, $2, $3, $4, $5, $6)
         on conflict (pool_id) do update set zone = $2, quiet_from = $3, quiet_until = $4, messages_max = $5, within_days = $6",
        pool,
        row.zone,
        row.quiet_from,
        row.quiet_until,
        row.messages_max,
        row.within_days,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What holds for a pool.
pub async fn courtesy(tx: &mut TenantTx, pool: Uuid) -> Result<Option<Courtesy>, Error> {
    let row = sqlx::query_as!(
        Courtesy,
        "select zone, quiet_from, quiet_until, messages_max, within_days from courtesy where pool_id = $1",
        pool,
    );
    Ok(row.fetch_optional(tx.conn()).await?)
}
