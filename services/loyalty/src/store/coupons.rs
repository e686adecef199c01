//! SQL of coupons and their kinds.

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, model::Off};

/// A kind of coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindRow {
    pub id: Uuid,
    pub code: String,
    pub pool_id: Uuid,
    pub benefit: String,
    pub currency: String,
    pub amount: i64,
    pub permille: i32,
    pub discount_max: i64,
    pub basket_min: i64,
    pub issuer_permille: i32,
    pub scope: String,
    pub link_id: Option<Uuid>,
    pub valid_from: OffsetDateTime,
    pub valid_until: OffsetDateTime,
    pub issued_max: i64,
    pub issued: i64,
}

impl KindRow {
    /// What is taken off a price.
    pub fn off(&self) -> Off {
        Off {
            amount: self.amount,
            permille: self.permille.into(),
            discount_max: self.discount_max,
            basket_min: self.basket_min,
            issuer_permille: self.issuer_permille.into(),
        }
    }
}

/// A coupon.
#[derive(Clone, Debug)]
pub struct CouponRow {
    pub kind_id: Uuid,
    pub serial_no: i64,
    pub no: Option<i64>,
    pub state: String,
}

/// The kind of this code, as it is there now, and its row lock; made if it is new.
pub async fn put_kind(tx: &mut TenantTx, row: &KindRow) -> Result<KindRow, Error> {
    sqlx::query!(
        "insert into coupon_kind (id, code, pool_id, benefit, currency, amount, permille, discount_max, basket_min, issuer_permille,
             scope, link_id, valid_from, valid_until, issued_max)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing",
        row.id,
        row.code,
        row.pool_id,
        row.benefit,
        row.currency,
        row.amount,
        row.permille,
        row.discount_max,
        row.basket_min,
        row.issuer_permille,
        row.scope,
        row.link_id,
        row.valid_from,
        row.valid_until,
        row.issued_max,
    )
    .execute(tx.conn())
    .await?;
    lock_kind(tx, &row.code).await?.ok_or(Error::Damaged("coupon_kind"))
}

/// The kind of this code, and its row lock.
pub async fn lock_kind(tx: &mut TenantTx, code: &str) -> Result<Option<KindRow>, Error> {
    Ok(sqlx::query_as!(
        KindRow,
        "select id, code, pool_id, benefit, currency, amount, permille, discount_max, basket_min, issuer_permille, scope, link_id,
             valid_from, valid_until, issued_max, issued
         from coupon_kind where code = $1 for no key update",
        code,
    )
    .fetch_optional(tx.conn())
    .await?)
}

pub async fn kind(tx: &mut TenantTx, id: Uuid) -> Result<Option<KindRow>, Error> {
    Ok(sqlx::query_as!(
        KindRow,
        "select id, code, pool_id, benefit, currency, amount, permille, discount_max, basket_min, issuer_permille, scope, link_id,
             valid_from, valid_until, issued_max, issued
         from coupon_kind where id = $1",
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Kinds, newest first.
pub async fn kinds(tx: &mut TenantTx) -> Result<Vec<KindRow>, Error> {
    Ok(sqlx::query_as!(
        KindRow,
        "select id, code, pool_id, benefit, currency, amount, permille, discount_max, basket_min, issuer_permille, scope, link_id,
             valid_from, valid_until, issued_max, issued
         from coupon_kind order by id desc limit 1000",
    )
    .fetch_all(tx.conn())
    .await?)
}

/// A kind is called otherwise, or ends at another time.
pub async fn change_kind(tx: &mut TenantTx, id: Uuid, benefit: &str, until: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "update coupon_kind set benefit = $2, valid_until = $3 where id = $1",
        id,
        benefit,
        until,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Coupons of a kind that is locked: of these members, or of nobody. A member who has one keeps that.
pub async fn issue(
    tx: &mut TenantTx,
    kind: Uuid,
    serials: &[i64],
    tags: &[Uuid],
    numbers: &[Option<i64>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into coupon (kind_id, serial_no, tag, no)
         select $1, serial_no, tag, no from unnest($2::bigint[], $3::uuid[], $4::bigint[]) as new (serial_no, tag, no)",
        kind,
        serials,
        tags,
        numbers as &[Option<i64>],
    )
    .execute(tx.conn())
    .await?;
    let last = serials.iter().max().copied().unwrap_or(0);
    sqlx::query!(
        "update coupon_kind set issued = greatest(issued, $2) where id = $1",
        kind,
        last,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Coupons of a kind, by serial number, from one on.
pub async fn from(tx: &mut TenantTx, kind: Uuid, first: i64, count: i64) -> Result<Vec<CouponRow>, Error> {
    Ok(sqlx::query_as!(
        CouponRow,
        "select kind_id, serial_no, no, state from coupon where kind_id = $1 and serial_no >= $2 and serial_no < $2 + $3 order by serial_no",
        kind,
        first,
        count,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The coupons of a kind that these members have.
pub async fn of_members(tx: &mut TenantTx, kind: Uuid, numbers: &[i64]) -> Result<Vec<CouponRow>, Error> {
    Ok(sqlx::query_as!(
        CouponRow,
        "select c.kind_id, c.serial_no, c.no, c.state from unnest($2::bigint[]) as asked (no)
         cross join lateral (select kind_id, serial_no, no, state from coupon c where c.no = asked.no and c.kind_id = $1 limit 1) as c
         order by c.serial_no",
        kind,
        numbers,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// What a member of a pool has, newest kind first.
pub async fn of_member(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<Vec<CouponRow>, Error> {
    Ok(sqlx::query_as!(
        CouponRow,
        "select c.kind_id, c.serial_no, c.no, c.state from coupon c join coupon_kind k on k.id = c.kind_id
         where c.no = $2 and k.pool_id = $1 order by c.kind_id desc limit 1000",
        pool,
        number,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The coupon with this tag, and its row lock.
pub async fn lock_tagged(tx: &mut TenantTx, tag: Uuid) -> Result<Option<CouponRow>, Error> {
    Ok(sqlx::query_as!(
        CouponRow,
        "select kind_id, serial_no, no, state from coupon where tag = $1 for no key update",
        tag,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Brings a coupon from one state to another; false when it was in none such.
pub async fn step(tx: &mut TenantTx, (kind, serial_no): (Uuid, i64), from: &str, next: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update coupon set state = $4 where kind_id = $1 and serial_no = $2 and state = $3",
        kind,
        serial_no,
        from,
        next,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A member goes: what nobody has used is good for nothing any more, and whose it was is forgotten.
pub async fn forget(tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<(), Error> {
    sqlx::query!(
        "update coupon set no = null, state = case when state = 'issued' then 'withdrawn' else state end
         where no = $2 and kind_id in (select id from coupon_kind where pool_id = $1)",
        pool,
        number,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What one member has is another's from now on; of a kind that that one has already, whoever bears it.
pub async fn moved(tx: &mut TenantTx, pool: Uuid, from: i64, into: i64) -> Result<(), Error> {
    sqlx::query!(
        "update coupon set no = case when exists (select from coupon c where c.no = $3 and c.kind_id = coupon.kind_id) then null else $3 end
         where no = $2 and kind_id in (select id from coupon_kind where pool_id = $1)",
        pool,
        from,
        into,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
