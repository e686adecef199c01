//! What a partner may do with our stock under its [`Permit`], and what our own people do with what partners hold.

use std::time::Duration;

use hansa_directory::Session;
use hansa_edge::trace_parent;
use hansa_link::{Permit, model::Visibility};
use hansa_proto::inventory::v1 as wire;
use hansa_tenancy::{Caller, TenantTx};
use hansa_vault::sha256;
use hansa_vocab::LinkId;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Inventory,
    catalogue::{base_units, page_size},
};
use crate::{
    Error,
    model::{self, Figure, ItemRef, Line, State},
    store::{
        catalogue::split,
        reservations::{self, Ask, LineRow, ReservationRow, SeenRow, Step, Took},
    },
};

/// How often the owner's choice of place is tried again when others were faster.
const CHOICES_MAX: u32 = 3;
const TTL_MIN: Duration = Duration::from_secs(1);

/// A reservation with its lines.
pub struct Whole {
    pub row: ReservationRow,
    pub lines: Vec<LineRow>,
}

/// A request to reserve, checked.
pub struct Reserve {
    pub id: Uuid,
    pub lines: Vec<Line>,
    pub ttl: Option<Duration>,
    pub order_ref: String,
    /// The bytes that were asked, for comparing repeats.
    pub body: Vec<u8>,
}

fn grant(permit: &Permit, rule: &'static str, text: String) -> Error {
    Error::Grant {
        rule,
        text,
        owner: permit.owner_name().to_owned(),
    }
}

pub(super) fn hash(body: &[u8]) -> String {
    sha256(&[body]).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn event(id: Uuid, state: State, reason: &str, version: i64) -> Vec<u8> {
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
        let stock = permit.stock();
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
        if rows.is_empty() && !reservations::guarded(&mut tx, link, epoch, version).await? {
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

    /// Holds stock for the partner on the permit's link, all lines or none.
    ///
    /// Repeating a call with the same id returns the first reservation and takes no more stock.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfStock`] when too few units are free; nothing is held then.
    pub(crate) async fn reserve(&self, permit: &Permit, request: &Reserve) -> Result<Whole, Error> {
        let ttl = self.ttl(permit, request.ttl)?;
        self.links.rouse(permit, permit.link()).await?;
        for _ in 0..CHOICES_MAX {
            let mut tx = self.tenancy.begin("inventory.reserve", permit).await?;
            let took = self.take(&mut tx, permit, request, ttl).await?;
            if let Some(expires_at) = took.expires_at.filter(|_| took.lines.len() == request.lines.len()) {
                tx.wake();
                tx.commit().await?;
                let row = made(permit, request, expires_at);
                return Ok(Whole { row, lines: took.lines });
            }
            drop(tx);
            if !took.guarded {
                return Err(Error::Stale);
            }
            // A repeat comes first: the first answer holds, whatever the stock is now.
            if let Some(first) = self.first_answer(permit, request).await? {
                return Ok(first);
            }
            self.explain(permit, request).await?;
            if usize::try_from(took.chosen).is_ok_and(|chosen| chosen < request.lines.len()) {
                return Err(Error::OutOfStock);
            }
        }
        Err(Error::OutOfStock)
    }

    fn ttl(&self, permit: &Permit, asked: Option<Duration>) -> Result<Duration, Error> {
        let stock = permit.stock();
        if !stock.may_reserve {
            return Err(grant(
                permit,
                "grant.stock.may_reserve",
                "this link may not reserve".to_owned(),
            ));
        }
        let longest = Duration::from_secs(u64::from(stock.ttl_max_seconds));
        let ttl = asked.unwrap_or(longest);
        if ttl > longest {
            let text = format!("a hold lasts at most {} seconds on this link", stock.ttl_max_seconds);
            return Err(grant(permit, "grant.stock.ttl_max_seconds", text));
        }
        if ttl < TTL_MIN {
            return Err(Error::Invalid {
                field: "ttl",
                text: "at least 1 second".to_owned(),
            });
        }
        Ok(ttl)
    }

    /// What the one statement did.
    async fn take(&self, tx: &mut TenantTx, permit: &Permit, request: &Reserve, ttl: Duration) -> Result<Took, Error> {
        let stock = permit.stock();
        let sum_max = match stock.open_quantity_max {
            Some(most) => most.saturating_sub(reservations::open_quantity(tx, permit.link()).await?),
            None => i64::MAX,
        };
        let lines = &request.lines;
        let (gtins, skus): (Vec<String>, Vec<String>) = lines.iter().map(|line| split(&line.item)).unzip();
        let (values, scales): (Vec<i64>, Vec<i16>) = lines
            .iter()
            .map(|line| line.quantity.shortest())
            // What is out of bounds chooses nothing, and is said by name afterwards; here it must not overflow.
            .map(|(value, scale)| (value.clamp(0, model::UNITS_MAX + 1), i16::from(scale)))
            .unzip();
        let of = |text: fn(&Line) -> String| -> Vec<String> { lines.iter().map(text).collect() };
        let ask = Ask {
            link: permit.link(),
            epoch: permit.epoch(),
            grant_version: permit.grant_version(),
            id: request.id,
            body_hash: &hash(&request.body),
            order_ref: &request.order_ref,
            ttl_millis: i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX),
            actor: &permit.peer().to_string(),
            event_id: self.tenancy.ids().uuid(),
            event: &event(request.id, State::Held, "", 1),
            trace_parent: &trace_parent(),
            gtins: &gtins,
            skus: &skus,
            locations: &of(|line| line.location.clone()),
            lots: &of(|line| line.lot.clone()),
            values: &values,
            scales: &scales,
            units: &of(|line| line.quantity.unit().to_string()),
            covered_skus: &stock.skus,
            covered_locations: &stock.locations,
            safety_stock: stock.safety_stock,
            line_max: stock.quantity_max.unwrap_or(i64::MAX).min(model::UNITS_MAX),
            sum_max,
        };
        reservations::take(tx, &ask).await
    }

    /// Why nothing was taken, when it is not the stock: an amount that can't be, or a rule of the grant.
    async fn explain(&self, permit: &Permit, request: &Reserve) -> Result<(), Error> {
        let stock = permit.stock();
        let (gtins, skus): (Vec<String>, Vec<String>) = request.lines.iter().map(|line| split(&line.item)).unzip();
        let mut tx = self.tenancy.begin("inventory.explain", permit).await?;
        still_guarded(&mut tx, permit).await?;
        let named = reservations::named(&mut tx, &gtins, &skus, &stock.skus).await?;
        let mut sum: i64 = 0;
        for (line, item) in request.lines.iter().zip(named) {
            // What the partner may not see is out of stock to it, like what is not there.
            let item = item.ok_or(Error::OutOfStock)?;
            sum = sum.saturating_add(units(permit, base_units(line.quantity, &item.unit, item.scale)?)?);
        }
        if let Some(most) = stock.open_quantity_max {
            let open = reservations::open_quantity(&mut tx, permit.link()).await?;
            if open.saturating_add(sum) > most {
                let text = format!("at most {most} units open at one time on this link, {open} are");
                return Err(grant(permit, "grant.stock.open_quantity_max", text));
            }
        }
        Ok(())
    }

    async fn first_answer(&self, permit: &Permit, request: &Reserve) -> Result<Option<Whole>, Error> {
        let mut tx = self.tenancy.begin("inventory.first_answer", permit).await?;
        still_guarded(&mut tx, permit).await?;
        let Some(first) = whole(&mut tx, permit.link(), request.id).await? else {
            return Ok(None);
        };
        if first.row.state == State::Void {
            return Err(Error::IdVoid(request.id));
        }
        if first.row.body_hash != hash(&request.body) {
            return Err(Error::IdReused(request.id));
        }
        Ok(Some(first))
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
async fn still_guarded(tx: &mut TenantTx, permit: &Permit) -> Result<(), Error> {
    if reservations::guarded(tx, permit.link(), permit.epoch(), permit.grant_version()).await? {
        Ok(())
    } else {
        Err(Error::Stale)
    }
}

/// Base units of a line, within the grant.
fn units(permit: &Permit, units: i64) -> Result<i64, Error> {
    if !(1..=model::UNITS_MAX).contains(&units) {
        return Err(Error::Invalid {
            field: "quantity",
            text: "must be above zero".to_owned(),
        });
    }
    match permit.stock().quantity_max.filter(|most| units > *most) {
        Some(most) => {
            let text = format!("at most {most} units a line on this link");
            Err(grant(permit, "grant.stock.quantity_max", text))
        }
        None => Ok(units),
    }
}

/// The row that a reservation has begun with.
fn made(permit: &Permit, request: &Reserve, expires_at: OffsetDateTime) -> ReservationRow {
    ReservationRow {
        link_id: permit.link().0,
        id: request.id,
        state: State::Held,
        expires_at,
        version: 1,
        body_hash: hash(&request.body),
        order_ref: request.order_ref.clone(),
        reason: String::new(),
        over: false,
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

async fn whole(tx: &mut TenantTx, link: LinkId, id: Uuid) -> Result<Option<Whole>, Error> {
    let Some(row) = reservations::lock(tx, link, id).await? else {
        return Ok(None);
    };
    let lines = reservations::lines(tx, link, id).await?;
    Ok(Some(Whole { row, lines }))
}

fn some(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}
