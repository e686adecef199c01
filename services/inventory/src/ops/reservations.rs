//! What a partner may do with our stock under its [`Permit`], and what our own people do with what partners hold.

use data_encoding::HEXLOWER;
use hansa_directory::Session;
use hansa_edge::trace_parent;
use hansa_link::{Permit, model::Visibility};
use hansa_proto::inventory::v1 as wire;
use hansa_tenancy::{Caller, TenantTx};
use hansa_vault::sha256;
use hansa_vocab::LinkId;
use prost::Message as _;
use uuid::Uuid;

use super::{Inventory, catalogue::page_size};
use crate::{
    Error,
    model::{self, Figure, ItemRef, State},
    store::{
        catalogue::split,
        reservations::{self, LineRow, ReservationRow, SeenRow, Step},
    },
};

/// A reservation with its lines.
pub struct Whole {
    pub row: ReservationRow,
    pub lines: Vec<LineRow>,
}

pub(super) fn grant(permit: &Permit, rule: &'static str, text: String) -> Error {
    Error::Grant {
        rule,
        text,
        owner: permit.owner_name().to_owned(),
    }
}

pub(super) fn hash(body: &[u8]) -> String {
    HEXLOWER.encode(&sha256(&[body]))
}

pub(super) fn event(id: Uuid, state: State, reason: &str, version: i64) -> Vec<u8> {
    let reservation = wire::Reservation {
        id: id.to_string(),
        state: crate::api::state(state).into(),
        reason: reason.to_owned(),
        ..wire::Reservation::default()
    };
    wire::ReservationChanged {
        reservation: Some(reservation),
        version: u64::try_from(version).unwrap_or(0),
    }
    .encode_to_vec()
}

impl Inventory {
    /// Figures of these items, as far as the partner's grant shows them.
    ///
    /// # Errors
    ///
    /// [`Error::Grant`] when it shows nothing.
    pub(crate) async fn query(
        &self,
        permit: &Permit,
        items: &[ItemRef],
        locations: &[String],
    ) -> Result<Vec<(SeenRow, Figure)>, Error> {
        let stock = permit.grant();
        if stock.visibility == Visibility::None {
            return Err(grant(
                permit,
                "grant.stock.visibility",
                "this link does not show stock".to_owned(),
            ));
        }
        if items.is_empty() || items.len() > model::ITEMS_MAX || locations.len() > 200 {
            return Err(Error::Invalid {
                field: "items",
                text: "1 to 1000 items, at most 200 locations".to_owned(),
            });
        }
        let (gtins, skus): (Vec<String>, Vec<String>) = items.iter().map(split).unzip();
        let (gtins, skus): (Vec<_>, Vec<_>) = (some(gtins), some(skus));
        let mut tx = self.tenancy.begin("inventory.query", permit).await?;
        let (link, epoch, version) = (permit.link(), permit.epoch(), permit.grant_version());
        let covered = (stock.skus.as_slice(), stock.locations.as_slice());
        let rows = reservations::seen(&mut tx, link, epoch, version, &gtins, &skus, locations, covered).await?;
        if rows.is_empty() && !permit.holds(&mut tx).await? {
            return Err(Error::Stale);
        }
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let free = model::available(row.on_hand, row.reserved, row.safety_stock, stock);
                model::figure(free, &stock.visibility).map(|figure| (row, figure))
            })
            .collect())
    }

    /// Makes the partner's hold firm.
    pub(crate) async fn confirm(&self, permit: &Permit, id: Uuid) -> Result<Whole, Error> {
        let actor = permit.peer().to_string();
        self.step(permit, Some(permit), permit.link(), id, State::Confirmed, "", &actor)
            .await
    }

    /// Gives the partner's reservation back.
    pub(crate) async fn release(&self, permit: &Permit, id: Uuid, reason: &str) -> Result<Whole, Error> {
        let reason = model::text("reason", reason, model::REFERENCE_MAX)?;
        let actor = permit.peer().to_string();
        self.step(
            permit,
            Some(permit),
            permit.link(),
            id,
            State::Released,
            &reason,
            &actor,
        )
        .await
    }

    /// What became of this id; with `close`, an id that was never seen is given up for good.
    pub(crate) async fn outcome(&self, permit: &Permit, id: Uuid, close: bool) -> Result<Whole, Error> {
        let mut tx = self.tenancy.begin("inventory.outcome", permit).await?;
        still_guarded(&mut tx, permit).await?;
        if close {
            reservations::void(&mut tx, permit.link(), id).await?;
        }
        let whole = whole(&mut tx, permit.link(), id)
            .await?
            .ok_or(Error::NotFound("reservation"))?;
        tx.commit().await?;
        Ok(whole)
    }

    /// Ships a confirmed reservation: its units leave the house.
    pub(crate) async fn fulfil(&self, session: &Session, link: LinkId, id: Uuid) -> Result<Whole, Error> {
        self.step(
            session,
            None,
            link,
            id,
            State::Fulfilled,
            "",
            &session.staff().to_string(),
        )
        .await
    }

    /// Gives back a reservation that a partner holds with us.
    pub(crate) async fn release_ours(
        &self,
        session: &Session,
        link: LinkId,
        id: Uuid,
        why: &str,
    ) -> Result<Whole, Error> {
        let reason = model::text("reason", why, model::REFERENCE_MAX)?;
        self.step(
            session,
            None,
            link,
            id,
            State::Released,
            &reason,
            &session.staff().to_string(),
        )
        .await
    }

    /// One step of a reservation, under its row lock; a step that is done already returns what is there.
    #[expect(clippy::too_many_arguments, reason = "one step, and each is a part of it")]
    pub(super) async fn step(
        &self,
        caller: &impl Caller,
        permit: Option<&Permit>,
        link: LinkId,
        id: Uuid,
        next: State,
        reason: &str,
        actor: &str,
    ) -> Result<Whole, Error> {
        self.links.rouse(caller, link).await?;
        let mut tx = self.tenancy.begin("inventory.step", caller).await?;
        if let Some(permit) = permit {
            still_guarded(&mut tx, permit).await?;
        }
        let row = reservations::lock(&mut tx, link, id)
            .await?
            .ok_or(Error::NotFound("reservation"))?;
        if !row.state.step(next, row.over)? {
            let event = event(id, next, reason, row.version + 1);
            let step = Step {
                link,
                id,
                next,
                reason,
                actor,
                event_id: self.tenancy.ids().uuid(),
                event: &event,
                trace_parent: &trace_parent(),
            };
            if next != State::Confirmed {
                let kind = match next {
                    State::Fulfilled => "fulfil",
                    State::Expired => "expire",
                    _ => "release",
                };
                let lines = reservations::lines(&mut tx, link, id).await?.len();
                let settled = reservations::settle(&mut tx, &step, kind).await?;
                if usize::try_from(settled) != Ok(lines) {
                    return Err(Error::Short);
                }
            }
            reservations::advance(&mut tx, &step).await?;
        }
        let whole = whole(&mut tx, link, id).await?.ok_or(Error::Damaged("reservation"))?;
        tx.wake();
        tx.commit().await?;
        Ok(whole)
    }

    pub(crate) async fn held_by_partners(
        &self,
        session: &Session,
        link: Option<LinkId>,
        page: &str,
        size: u32,
    ) -> Result<Vec<Whole>, Error> {
        let before = page_key(page)?;
        let mut tx = self.tenancy.begin("inventory.held_by_partners", session).await?;
        let mut all = Vec::new();
        for (link, id) in reservations::list(&mut tx, link.map(|link| link.0), before, page_size(size)?).await? {
            all.extend(whole(&mut tx, LinkId(link), id).await?);
        }
        Ok(all)
    }
}

/// A revocation or a changed grant that has committed by now ends the call.
pub(super) async fn still_guarded(tx: &mut TenantTx, permit: &Permit) -> Result<(), Error> {
    if permit.holds(tx).await? {
        Ok(())
    } else {
        Err(Error::Stale)
    }
}

/// The place in a list of ids where a page begins.
pub(super) fn page_key(page: &str) -> Result<Option<Uuid>, Error> {
    let bad = |_| Error::Invalid {
        field: "page",
        text: "not a page of this list".to_owned(),
    };
    if page.is_empty() {
        Ok(None)
    } else {
        page.parse().map(Some).map_err(bad)
    }
}

pub(super) async fn whole(tx: &mut TenantTx, link: LinkId, id: Uuid) -> Result<Option<Whole>, Error> {
    let Some(row) = reservations::lock(tx, link, id).await? else {
        return Ok(None);
    };
    let lines = reservations::lines(tx, link, id).await?;
    Ok(Some(Whole { row, lines }))
}

fn some(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}
