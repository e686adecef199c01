//! SQL of what we have booked at partners, as far as we know.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, model::State};

/// A booking of ours at a partner.
#[derive(Clone, Debug)]
pub struct PartnerRow {
    pub link_id: Uuid,
    pub id: Uuid,
    pub kind: String,
    pub state: String,
    pub version: i64,
    pub body_hash: String,
    pub expires_at: Option<OffsetDateTime>,
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

impl PartnerRow {
    pub fn state(&self) -> Result<State, Error> {
        State::read(&self.state)
    }
}

/// Writes down that we are about to ask, unless we have asked before.
pub async fn asking(
    tx: &mut TenantTx,
    (link, id): (LinkId, Uuid),
    kind: &str,
    body_hash: &str,
    order_ref: &str,
    due_at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into partner_booking (link_id, id, kind, state, body_hash, order_ref, due_at) values ($1, $2, $3, 'unknown', $4, $5, $6)
         on conflict do nothing",
        link.0,
        id,
        kind,
        body_hash,
        order_ref,
        due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

pub async fn find(tx: &mut TenantTx, link: LinkId, id: Uuid) -> Result<Option<PartnerRow>, Error> {
    Ok(sqlx::query_as!(
        PartnerRow,
        "select link_id, id, kind, state, version, body_hash, expires_at, points, discount, funded, currency, benefit, order_ref, reason,
             confirmed_at, reversed_at
         from partner_booking where link_id = $1 and id = $2",
        link.0,
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// What the issuer says of a booking; what is older than what is known changes nothing.
pub async fn heard(tx: &mut TenantTx, row: &PartnerRow, due_at: Option<OffsetDateTime>) -> Result<(), Error> {
    sqlx::query!(
        "update partner_booking set state = $3, version = $4, expires_at = $5, points = $6, discount = $7, funded = $8, currency = $9,
             benefit = $10, reason = $11, confirmed_at = $12, reversed_at = $13, due_at = $14
         where link_id = $1 and id = $2 and version <= $4",
        row.link_id,
        row.id,
        row.state,
        row.version,
        row.expires_at,
        row.points,
        row.discount,
        row.funded,
        row.currency,
        row.benefit,
        row.reason,
        row.confirmed_at,
        row.reversed_at,
        due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Nothing came of it: the issuer has refused.
pub async fn refused(tx: &mut TenantTx, link: LinkId, id: Uuid, reason: &str) -> Result<(), Error> {
    sqlx::query!(
        "update partner_booking set state = 'voided', reason = $3, due_at = null
         where link_id = $1 and id = $2 and state = 'unknown'",
        link.0,
        id,
        reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes those whose issuer is to be asked again, and says until when nobody else does.
pub async fn take_due(
    tx: &mut TenantTx,
    now: OffsetDateTime,
    until: OffsetDateTime,
    most: i64,
) -> Result<Vec<(Uuid, Uuid, String)>, Error> {
    let rows = sqlx::query!(
        "update partner_booking set due_at = $2 where (link_id, id) in
             (select link_id, id from partner_booking where due_at <= $1 order by due_at limit $3 for update skip locked)
         returning link_id, id, state",
        now,
        until,
        most,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.link_id, row.id, row.state)).collect())
}

/// The issuer is asked then what became of it.
pub async fn ask_again(tx: &mut TenantTx, link: LinkId, id: Uuid, due_at: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "update partner_booking set due_at = least(due_at, $3) where link_id = $1 and id = $2",
        link.0,
        id,
        due_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Nobody asks any more: the link is over.
pub async fn give_up(tx: &mut TenantTx, link: LinkId, id: Uuid) -> Result<(), Error> {
    sqlx::query!(
        "update partner_booking set due_at = null where link_id = $1 and id = $2",
        link.0,
        id,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Our bookings at one partner, or at all, newest id first.
pub async fn list(
    tx: &mut TenantTx,
    link: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<PartnerRow>, Error> {
    Ok(sqlx::query_as!(
        PartnerRow,
        "select link_id, id, kind, state, version, body_hash, expires_at, points, discount, funded, currency, benefit, order_ref, reason,
             confirmed_at, reversed_at
         from partner_booking where ($1::uuid is null or link_id = $1) and ($2::uuid is null or id < $2)
         order by id desc, link_id limit $3",
        link,
        before,
        limit,
    )
    .fetch_all(tx.conn())
    .await?)
}
