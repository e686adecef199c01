//! A partner takes stock under its [`Permit`].

use std::{sync::Arc, time::Duration};

use hansa_edge::trace_parent;
use hansa_link::Permit;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Inventory,
    catalogue::base_units,
    reservations::{Whole, event, grant, hash, still_guarded, whole},
};
use crate::{
    Error,
    model::{self, Line, State},
    store::{
        catalogue::split,
        reservations::{self, ReservationRow},
        take::{self, Ask, AskLine, Terms, Took},
    },
};

/// How often a place is chosen again when others were faster.
const CHOICES_MAX: u32 = 3;
const TTL_MIN: Duration = Duration::from_secs(1);

/// A request to reserve, checked.
pub struct Reserve {
    pub id: Uuid,
    pub lines: Vec<Line>,
    pub ttl: Option<Duration>,
    pub order_ref: String,
    /// The bytes that were asked, for comparing repeats.
    pub body: Vec<u8>,
}

impl Inventory {
    /// Holds stock for the partner on the permit's link, all lines or none.
    ///
    /// Repeating a call with the same id returns the first reservation and takes no more stock.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfStock`] when too few units are free; nothing is held then.
    pub(crate) async fn reserve(&self, permit: &Permit, request: &Reserve) -> Result<Whole, Error> {
        let ttl = ttl(permit, request.ttl)?;
        self.links.room(permit, permit.link()).await?;
        self.links.rouse(permit, permit.link()).await?;
        let ask = Arc::new(self.ask(request, ttl));
        let mut shared = self.take_together(permit, &ask).await;
        for _ in 0..CHOICES_MAX {
            let took = match shared.take() {
                Some(took) => took,
                None => self.take(permit, std::slice::from_ref(&ask)).await?.remove(0),
            };
            if let Some(expires_at) = took.expires_at {
                let row = made(permit, &ask, expires_at);
                return Ok(Whole { row, lines: took.lines });
            }
            // A repeat comes first: the first answer holds, whatever the stock is now.
            if let Some(first) = self.first_answer(permit, request).await? {
                return Ok(first);
            }
            self.explain(permit, request).await?;
            if !took.chosen {
                return Err(Error::OutOfStock);
            }
        }
        Err(Error::OutOfStock)
    }

    fn ask(&self, request: &Reserve, ttl: Duration) -> Ask {
        let lines = request.lines.iter().map(|line| {
            let (gtin, sku) = split(&line.item);
            let (value, scale) = line.quantity.shortest();
            AskLine {
                gtin,
                sku,
                location: line.location.clone(),
                lot: line.lot.clone(),
                // What is out of bounds chooses nothing, and is said by name afterwards; here it must not overflow.
                value: value.clamp(0, model::UNITS_MAX + 1),
                scale: i16::from(scale),
                unit: line.quantity.unit().to_string(),
            }
        });
        Ask {
            id: request.id,
            body_hash: hash(&request.body),
            order_ref: request.order_ref.clone(),
            ttl_millis: i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX),
            event_id: self.tenancy.ids().uuid(),
            event: event(request.id, State::Held, "", 1),
            trace_parent: trace_parent(),
            lines: lines.collect(),
        }
    }

    /// One transaction for all these requests; what it did for each.
    pub(super) async fn take(&self, permit: &Permit, asks: &[Arc<Ask>]) -> Result<Vec<Took>, Error> {
        let stock = permit.grant();
        let mut tx = self.tenancy.begin("inventory.reserve", permit).await?;
        let sum_max = match stock.open_quantity_max {
            Some(most) => most.saturating_sub(reservations::open_quantity(&mut tx, permit.link()).await?),
            None => i64::MAX,
        };
        let terms = Terms {
            link: permit.link(),
            epoch: permit.epoch(),
            grant_version: permit.grant_version(),
            actor: &permit.peer().to_string(),
            covered_skus: &stock.skus,
            covered_locations: &stock.locations,
            safety_stock: stock.safety_stock,
            line_max: stock.quantity_max.unwrap_or(i64::MAX).min(model::UNITS_MAX),
            sum_max,
        };
        let all = take::take(&mut tx, &terms, asks).await?.ok_or(Error::Stale)?;
        if all.iter().any(|took| took.expires_at.is_some()) {
            tx.wake();
            tx.set_timer().await?;
            tx.commit().await?;
        }
        Ok(all)
    }

    /// Why nothing was taken, when it is not the stock: an amount that can't be, or a rule of the grant.
    async fn explain(&self, permit: &Permit, request: &Reserve) -> Result<(), Error> {
        let stock = permit.grant();
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
}

/// How long the hold lasts, within the grant.
fn ttl(permit: &Permit, asked: Option<Duration>) -> Result<Duration, Error> {
    let stock = permit.grant();
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

/// Base units of a line, within the grant.
fn units(permit: &Permit, units: i64) -> Result<i64, Error> {
    if !(1..=model::UNITS_MAX).contains(&units) {
        return Err(Error::Invalid {
            field: "quantity",
            text: "must be above zero".to_owned(),
        });
    }
    match permit.grant().quantity_max.filter(|most| units > *most) {
        Some(most) => {
            let text = format!("at most {most} units a line on this link");
            Err(grant(permit, "grant.stock.quantity_max", text))
        }
        None => Ok(units),
    }
}

/// The row that a reservation has begun with.
fn made(permit: &Permit, ask: &Ask, expires_at: OffsetDateTime) -> ReservationRow {
    ReservationRow {
        link_id: permit.link().0,
        id: ask.id,
        state: State::Held,
        expires_at,
        version: 1,
        body_hash: ask.body_hash.clone(),
        order_ref: ask.order_ref.clone(),
        reason: String::new(),
        over: false,
    }
}
