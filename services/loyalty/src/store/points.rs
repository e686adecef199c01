//! SQL of points: what they are worth, who has how many, and every change of that.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// What points of a pool are called and worth.
#[derive(Clone, Debug)]
pub struct ProgramRow {
    pub pool_id: Uuid,
    pub unit: String,
    pub value: i64,
    pub currency: String,
    pub idle_days: i32,
}

/// What a member has.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountRow {
    pub balance: i64,
    pub held: i64,
    pub version: i64,
}

/// A change of a balance.
#[derive(Clone, Debug)]
pub struct EntryRow {
    pub points: i64,
    pub balance: i64,
    pub cause: String,
    pub link_id: Uuid,
    pub booking_id: Uuid,
    pub at: OffsetDateTime,
}

pub async fn put_program(tx: &mut TenantTx, row: &ProgramRow) -> Result<(), Error> {
    sqlx::query!(
        "insert into program (pool_id, unit, value, currency, idle_days) values ($1, $2, $3, $4, $5)
         on conflict (pool_id) do update set unit = excluded.unit, value = excluded.value, currency = excluded.currency,
             idle_days = excluded.idle_days",
        row.pool_id,
        row.unit,
        row.value,
        row.currency,
        row.idle_days,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn programs(tx: &mut TenantTx) -> Result<Vec<ProgramRow>, Error> {
    Ok(sqlx::query_as!(
        ProgramRow,
        "select pool_id, unit, value, currency, idle_days from program order by pool_id limit 1000"
    )
    .fetch_all(tx.conn())
    .await?)
}

pub async fn program(tx: &mut TenantTx, pool: Uuid) -> Result<Option<ProgramRow>, Error> {
    Ok(sqlx::query_as!(
        ProgramRow,
        "select pool_id, unit, value, currency, idle_days from program where pool_id = $1",
        pool
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// A member's account, made if it is new, and its row lock.
pub async fn lock(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<AccountRow, Error> {
    sqlx::query!(
        "insert into points_account (pool_id, no, balance, version) values ($1, $2, 0, 0) on conflict do nothing",
        pool,
        number,
    )
    .execute(tx.conn())
    .await?;
    let row = sqlx::query_as!(
        AccountRow,
        "select balance, held, version from points_account where pool_id = $1 and no = $2 for no key update",
        pool,
        number,
    );
    Ok(row.fetch_one(tx.conn()).await?)
}

pub async fn account(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<AccountRow, Error> {
    let row = sqlx::query_as!(
        AccountRow,
        "select balance, held, version from points_account where pool_id = $1 and no = $2",
        pool,
        number,
    );
    Ok(row.fetch_optional(tx.conn()).await?.unwrap_or_default())
}

/// Somebody is using so many more, or fewer.
pub async fn hold(tx: &mut TenantTx, pool: Uuid, number: i64, more: i64) -> Result<(), Error> {
    sqlx::query!(
        "update points_account set held = held + $3 where pool_id = $1 and no = $2",
        pool,
        number,
        more,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A change of a balance.
pub struct Change<'a> {
    pub pool: Uuid,
    pub number: i64,
    /// Below zero: taken.
    pub points: i64,
    pub cause: &'a str,
    /// Whose booking.
    pub booking: (LinkId, Uuid),
    pub at: OffsetDateTime,
    /// Unused points are gone then.
    pub idle_at: Option<OffsetDateTime>,
}

/// Changes a balance, and writes that down.
pub async fn change(tx: &mut TenantTx, change: &Change<'_>) -> Result<(), Error> {
    sqlx::query!(
        "with changed as (
             update points_account set balance = balance + $3, version = version + 1, idle_at = $8
             where pool_id = $1 and no = $2 returning balance, version
         )
         insert into points_entry (pool_id, no, version, points, balance, cause, link_id, booking_id, at)
         select $1, $2, version, $3, balance, $4, $5, $6, $7 from changed",
        change.pool,
        change.number,
        change.points,
        change.cause,
        change.booking.0.0,
        change.booking.1,
        change.at,
        change.idle_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The newest changes of an account.
pub async fn entries(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<Vec<EntryRow>, Error> {
    Ok(sqlx::query_as!(
        EntryRow,
        "select points, balance, cause, link_id, booking_id, at from points_entry
         where pool_id = $1 and no = $2 order by version desc limit 1000",
        pool,
        number,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Accounts whose points nobody has used for too long, with their row locks.
pub async fn idle(tx: &mut TenantTx, now: OffsetDateTime, most: i64) -> Result<Vec<(Uuid, i64, i64, i64)>, Error> {
    let rows = sqlx::query!(
        "select pool_id, no, balance, held from points_account where idle_at <= $1 order by idle_at limit $2 for update skip locked",
        now,
        most,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.pool_id, row.no, row.balance, row.held))
        .collect())
}

/// Points that a partner has given since then, less what it took back.
pub async fn credited_since(tx: &mut TenantTx, link: LinkId, since: OffsetDateTime) -> Result<i64, Error> {
    // Alone with this partner's credits until the end of the transaction.
    sqlx::query!("select id from link where id = $1 for no key update", link.0)
        .fetch_optional(tx.conn())
        .await?;
    let sum = sqlx::query_scalar!(
        r#"select coalesce(sum(points), 0)::bigint as "points!" from settlement_entry
           where link_id = $1 and at >= $2 and kind = 'credit' and not reversal"#,
        link.0,
        since,
    );
    Ok(sum.fetch_one(tx.conn()).await?)
}

/// Unused points are gone then, and not before.
pub async fn idle_later(
    tx: &mut TenantTx,
    pool: Uuid,
    number: i64,
    idle_at: Option<OffsetDateTime>,
) -> Result<(), Error> {
    sqlx::query!(
        "update points_account set idle_at = $3 where pool_id = $1 and no = $2",
        pool,
        number,
        idle_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Those of these members who have got or used points, or used a coupon.
pub async fn active(tx: &mut TenantTx, pool: Uuid, numbers: &[i64]) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"select asked.no as "no!" from unnest($2::bigint[]) as asked (no)
           where exists (select from points_entry e where e.pool_id = $1 and e.no = asked.no and e.cause in ('credit', 'spend'))
               or exists (select from coupon c join coupon_kind k on k.id = c.kind_id
                   where c.no = asked.no and c.state = 'redeemed' and k.pool_id = $1)"#,
        pool,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?)
}
