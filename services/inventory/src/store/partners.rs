//! What we hold at partners, as far as we know.

use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, model::State};

/// A reservation of ours at a partner.
pub struct PartnerRow {
    pub link_id: Uuid,
    pub id: Uuid,
    pub state: State,
    pub expires_at: Option<OffsetDateTime>,
    pub order_ref: String,
    pub reason: String,
    pub body_hash: String,
    pub body: Vec<u8>,
}

/// Writes down that we are about to ask, unless we have asked before.
pub async fn asking(
    tx: &mut TenantTx,
    link: LinkId,
    id: Uuid,
    order_ref: &str,
    body_hash: &str,
    body: &[u8],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into partner_reservation (link_id, id, state, order_ref, body_hash, body) values ($1, $2, 'unknown', $3, $4, $5)
         on conflict do nothing",
        link.0,
        id,
        order_ref,
        body_hash,
        body,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What the partner said; an end is never taken back.
pub async fn heard(
    tx: &mut TenantTx,
    link: LinkId,
    id: Uuid,
    state: State,
    expires_at: Option<OffsetDateTime>,
    reason: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "update partner_reservation set state = $3, expires_at = coalesce($4, expires_at), reason = $5
         where link_id = $1 and id = $2 and state in ('unknown', 'held', 'confirmed')
             and not (state = 'confirmed' and $3 = 'held')",
        link.0,
        id,
        state.as_str(),
        expires_at,
        reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What the partner's event says; an older one, and one that an answer has overtaken, changes nothing. False when there is no
/// such reservation.
pub async fn told(
    tx: &mut TenantTx,
    link: LinkId,
    id: Uuid,
    version: i64,
    state: State,
    reason: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update partner_reservation set version = greatest(version, $3),
            state = case when version < $3 and state in ('unknown', 'held', 'confirmed')
                    and not (state = 'confirmed' and $4::varchar = 'held') then $4::varchar else state end,
            reason = case when version < $3 and state in ('unknown', 'held', 'confirmed') then $5 else reason end
         where link_id = $1 and id = $2",
        link.0,
        id,
        version,
        state.as_str(),
        reason,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn find(tx: &mut TenantTx, link: LinkId, id: Uuid) -> Result<Option<PartnerRow>, Error> {
    let row = sqlx::query!(
        "select state, expires_at, order_ref, reason, body_hash, body from partner_reservation where link_id = $1 and id = $2",
        link.0,
        id,
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(PartnerRow {
            link_id: link.0,
            id,
            state: row.state.parse()?,
            expires_at: row.expires_at,
            order_ref: row.order_ref,
            reason: row.reason,
            body_hash: row.body_hash,
            body: row.body,
        })
    })
    .transpose()
}

/// Newest first, before this one.
pub async fn list(
    tx: &mut TenantTx,
    link: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<PartnerRow>, Error> {
    let rows = sqlx::query!(
        "select link_id, id, state, expires_at, order_ref, reason, body_hash, body from partner_reservation
         where ($1::uuid is null or link_id = $1) and ($2::uuid is null or id < $2) order by id desc, link_id limit $3",
        link,
        before,
        limit,
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(PartnerRow {
                link_id: row.link_id,
                id: row.id,
                state: row.state.parse()?,
                expires_at: row.expires_at,
                order_ref: row.order_ref,
                reason: row.reason,
                body_hash: row.body_hash,
                body: row.body,
            })
        })
        .collect()
}
