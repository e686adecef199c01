//! SQL of what is booked of our coupons and points.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, model::State};

/// One use of a coupon or of points.
#[derive(Clone, Debug)]
pub struct BookingRow {
    pub link_id: Uuid,
    pub id: Uuid,
    /// "coupon", "spend" or "credit"; empty: it was given up before it came.
    pub kind: String,
    pub state: String,
    pub version: i64,
    pub body_hash: String,
    pub expires_at: Option<OffsetDateTime>,
    pub coupon_kind_id: Option<Uuid>,
    pub serial_no: Option<i64>,
    pub pool_id: Option<Uuid>,
    pub no: Option<i64>,
    pub points: i64,
    pub discount: i64,
    pub funded: i64,
    pub currency: String,
    pub benefit: String,
    pub order_ref: String,
    pub reason: String,
    pub confirmed_at: Option<OffsetDateTime>,
    pub reversed_at: Option<OffsetDateTime>,
}

impl BookingRow {
    pub fn state(&self) -> Result<State, Error> {
        State::read(&self.state)
    }
}

/// Takes an id, which leads to nothing yet; false when it was taken already. Whoever comes with it at the same time waits for the first.
pub async fn take(tx: &mut TenantTx, (link, id): (LinkId, Uuid), body_hash: &str, reason: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into booking (link_id, id, kind, state, body_hash, reason) values ($1, $2, '', 'voided', $3, $4) on conflict do nothing",
        link.0,
        id,
        body_hash,
        reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes down what an id that was taken in this transaction leads to.
pub async fn fill(tx: &mut TenantTx, row: &BookingRow) -> Result<(), Error> {
    sqlx::query!(
        "update booking set kind = $3, state = $4, expires_at = $5, coupon_kind_id = $6, serial_no = $7, pool_id = $8, no = $9, points = $10,
             discount = $11, funded = $12, currency = $13, benefit = $14, order_ref = $15, confirmed_at = $16
         where link_id = $1 and id = $2",
        row.link_id,
        row.id,
        row.kind,
        row.state,
        row.expires_at,
        row.coupon_kind_id,
        row.serial_no,
        row.pool_id,
        row.no,
        row.points,
        row.discount,
        row.funded,
        row.currency,
        row.benefit,
        row.order_ref,
        row.confirmed_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A booking, and its row lock.
pub async fn lock(tx: &mut TenantTx, link: LinkId, id: Uuid) -> Result<Option<BookingRow>, Error> {
    Ok(sqlx::query_as!(
        BookingRow,
        "select link_id, id, kind, state, version, body_hash, expires_at, coupon_kind_id, serial_no, pool_id, no, points, discount, funded,
             currency, benefit, order_ref, reason, confirmed_at, reversed_at
         from booking where link_id = $1 and id = $2 for no key update",
        link.0,
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Bookings of one link, or of all, newest id first.
pub async fn list(
    tx: &mut TenantTx,
    link: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<BookingRow>, Error> {
    Ok(sqlx::query_as!(
        BookingRow,
        "select link_id, id, kind, state, version, body_hash, expires_at, coupon_kind_id, serial_no, pool_id, no, points, discount, funded,
             currency, benefit, order_ref, reason, confirmed_at, reversed_at
         from booking where ($1::uuid is null or link_id = $1) and ($2::uuid is null or id < $2)
         order by id desc, link_id limit $3",
        link,
        before,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The next state of a booking that is locked.
pub async fn step(
    tx: &mut TenantTx,
    (link, id): (LinkId, Uuid),
    next: State,
    reason: &str,
    at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "update booking set state = $3::varchar, reason = $4, version = version + 1,
             confirmed_at = case when $3::varchar = 'confirmed' then $5 else confirmed_at end,
             reversed_at = case when $3::varchar = 'reversed' then $5 else reversed_at end
         where link_id = $1 and id = $2",
        link.0,
        id,
        next.as_str(),
        reason,
        at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Holds whose time is over, and those of links that are no more; whether the time is over.
pub async fn due(tx: &mut TenantTx, now: OffsetDateTime, most: i64) -> Result<Vec<(Uuid, Uuid, bool)>, Error> {
    let rows = sqlx::query!(
        r#"select b.link_id, b.id, b.expires_at <= $1 as "over!" from booking b left join link l on l.id = b.link_id
           where b.state = 'held' and (b.expires_at <= $1 or l.state = 'revoked')
           order by b.expires_at limit $2"#,
        now,
        most,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.link_id, row.id, row.over)).collect())
}

/// When something is to be done next: a hold ends, points are gone, or a partner is asked again.
pub async fn next_due(tx: &mut TenantTx) -> Result<Option<OffsetDateTime>, Error> {
    Ok(sqlx::query_scalar!(
        "select least((select min(expires_at) from booking where state = 'held'),
             (select min(idle_at) from points_account where idle_at is not null),
             (select min(due_at) from partner_booking where due_at is not null))"
    )
    .fetch_one(tx.conn())
    .await?)
}

/// What is held of one member's points is of another's from now on.
pub async fn moved(tx: &mut TenantTx, pool: Uuid, from: i64, into: i64) -> Result<(), Error> {
    sqlx::query!(
        "update booking set no = $3 where state = 'held' and pool_id = $1 and no = $2",
        pool,
        from,
        into,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
