//! Coupons and points of ours are booked: by a partner or at our own counter, by the same rules and in the same rows.

use std::time::Duration;

use hansa_link::{Permit, model::people::LoyaltyGrant};
use hansa_members::Holder;
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::sha256;
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{By, Loyalty, OWN_TTL, invalid, refused};
use crate::{
    Error,
    model::{self, State},
    store::{
        bookings::{self, BookingRow},
        coupons::{self, KindRow},
        points::{self, ProgramRow},
        settled::{self, SettledRow},
    },
};

/// What is bought.
#[derive(Clone, Debug)]
pub(crate) struct Basket {
    pub amount: i64,
    pub currency: String,
}

/// What is used.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// The coupon of this code.
    Coupon(String),
    /// Points of whoever has this name on the link.
    Named(Uuid, i64),
    /// Points of a member of a pool.
    Member(String, i64, i64),
}

/// A wish to hold something, or to give points.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    pub id: Uuid,
    pub what: What,
    /// None: points are given.
    pub basket: Option<Basket>,
    pub ttl: Option<Duration>,
    pub order_ref: String,
    /// Hex SHA-256 of what was asked.
    pub body_hash: String,
}

/// A program, and whose account.
struct Account {
    holder: Holder,
    program: ProgramRow,
    granted: Option<LoyaltyGrant>,
}

fn empty(by: By<'_>, hold: &Hold) -> BookingRow {
    BookingRow {
        link_id: by.link().0,
        id: hold.id,
        kind: String::new(),
        state: State::Held.as_str().to_owned(),
        version: 1,
        body_hash: hold.body_hash.clone(),
        expires_at: None,
        coupon_kind_id: None,
        serial_no: None,
        pool_id: None,
        no: None,
        points: 0,
        discount: 0,
        funded: 0,
        currency: String::new(),
        benefit: String::new(),
        order_ref: hold.order_ref.clone(),
        reason: String::new(),
        confirmed_at: None,
        reversed_at: None,
    }
}

/// When the hold ends, within the grant.
fn end(now: OffsetDateTime, asked: Option<Duration>, granted: Option<&LoyaltyGrant>) -> Result<OffsetDateTime, Error> {
    let longest = granted.map_or(OWN_TTL, |one| Duration::from_secs(one.ttl_max_seconds.into()));
    let ttl = asked.unwrap_or(longest);
    if ttl < Duration::from_secs(1) || ttl > longest {
        return Err(invalid("ttl", &format!("1 to {} seconds", longest.as_secs())));
    }
    Ok(now + ttl)
}

impl Loyalty {
    /// Holds a coupon or points of ours. The same id again returns what became of it.
    pub(crate) async fn hold(&self, by: By<'_>, hold: &Hold) -> Result<BookingRow, Error> {
        let basket = hold
            .basket
            .as_ref()
            .ok_or_else(|| invalid("basket", "what is bought"))?;
        model::within("basket.amount", basket.amount, 1, model::AMOUNT_MAX)?;
        model::currency(&basket.currency)?;
        model::text("order_ref", &hold.order_ref, 0, model::REFERENCE_MAX)?;
        let mut tx = self.begin("loyalty.hold", by).await?;
        let row = self.held(&mut tx, by, (hold, basket)).await?;
        tx.commit().await?;
        Ok(row)
    }

    async fn held(&self, tx: &mut TenantTx, by: By<'_>, (hold, basket): (&Hold, &Basket)) -> Result<BookingRow, Error> {
        let mut row = empty(by, hold);
        if let Some(known) = self.known(tx, by, hold).await? {
            return Ok(known);
        }
        match &hold.what {
            What::Coupon(code) => self.take_coupon(tx, by, hold, (code, basket), &mut row).await?,
            _ => self.take_points(tx, by, hold, basket, &mut row).await?,
        }
        self.write(tx, by, row, "loyalty.hold").await
    }

    /// Holds a coupon for a partner and uses it up, in a transaction that does more for it: what it is worth in minor units, of which
    /// currency, and how that reads.
    ///
    /// # Errors
    ///
    /// What the partner would be told.
    pub async fn redeem_for(
        &self,
        tx: &mut TenantTx,
        permit: &Permit,
        id: Uuid,
        (code, (amount, currency), order_ref): (&str, (i64, &str), &str),
    ) -> Result<(i64, String, String), Error> {
        let basket = Basket {
            amount,
            currency: currency.to_owned(),
        };
        model::within("basket.amount", amount, 1, model::AMOUNT_MAX)?;
        model::currency(currency)?;
        model::text("order_ref", order_ref, 0, model::REFERENCE_MAX)?;
        let said = [
            code.as_bytes(),
            &amount.to_be_bytes(),
            currency.as_bytes(),
            order_ref.as_bytes(),
        ];
        let hold = Hold {
            id,
            what: What::Coupon(code.to_owned()),
            basket: None,
            ttl: None,
            order_ref: order_ref.to_owned(),
            body_hash: data_encoding::HEXLOWER.encode(&sha256(&said)),
        };
        let by = By::Partner(permit);
        self.held(tx, by, (&hold, &basket)).await?;
        let row = self.stepped(tx, by, id, (State::Confirmed, "")).await?;
        Ok((row.discount, row.currency, row.benefit))
    }

    /// Gives a member points. The same id again gives none.
    pub(crate) async fn credit(&self, by: By<'_>, hold: &Hold) -> Result<BookingRow, Error> {
        model::text("order_ref", &hold.order_ref, 0, model::REFERENCE_MAX)?;
        let mut tx = self.begin("loyalty.credit", by).await?;
        if let Some(known) = self.known(&mut tx, by, hold).await? {
            return Ok(known);
        }
        let (now, points) = (self.now(), points_of(&hold.what)?);
        let account = self.account(&mut tx, by, &hold.what).await?;
        if let (By::Partner(permit), Some(granted)) = (by, &account.granted) {
            let most = i64::try_from(granted.credit_per_day_max).unwrap_or(i64::MAX);
            if most == 0 {
                return Err(refused(permit, "giving points is not granted"));
            }
            let today = now.replace_time(time::Time::MIDNIGHT);
            let left = most - points::credited_since(&mut tx, permit.link(), today).await?;
            if points > left {
                return Err(Error::CreditLimit { left });
            }
        }
        let worth = model::worth(points, account.program.value);
        let row = BookingRow {
            kind: "credit".to_owned(),
            state: State::Confirmed.as_str().to_owned(),
            pool_id: Some(account.holder.pool_id),
            no: Some(account.holder.number),
            points,
            // A partner that gives points of ours pays for them.
            funded: if by.link().0.is_nil() { 0 } else { -worth },
            currency: account.program.currency.clone(),
            benefit: account.program.unit.clone(),
            confirmed_at: Some(now),
            ..empty(by, hold)
        };
        points::lock(&mut tx, account.holder.pool_id, account.holder.number).await?;
        self.change(&mut tx, &row, points, "credit").await?;
        self.settle(&mut tx, &row, false, now).await?;
        let row = self.write(&mut tx, by, row, "loyalty.credit").await?;
        tx.commit().await?;
        Ok(row)
    }

    /// What an id has led to already; or it is this transaction's alone.
    async fn known(&self, tx: &mut TenantTx, by: By<'_>, hold: &Hold) -> Result<Option<BookingRow>, Error> {
        if bookings::take(tx, (by.link(), hold.id), &hold.body_hash, "").await? {
            return Ok(None);
        }
        let known = bookings::lock(tx, by.link(), hold.id).await?;
        let known = known.ok_or(Error::Damaged("booking"))?;
        match (known.body_hash == hold.body_hash, known.kind.is_empty()) {
            (true, _) => Ok(Some(known)),
            (_, true) => Err(Error::Ended(State::Voided)),
            _ => Err(Error::IdReused(hold.id)),
        }
    }

    async fn write(&self, tx: &mut TenantTx, by: By<'_>, row: BookingRow, action: &str) -> Result<BookingRow, Error> {
        bookings::fill(tx, &row).await?;
        let resource = format!("booking/{}/{}", by.link(), row.id);
        self.note(tx, by, action, &resource).await?;
        if row.expires_at.is_some() {
            tx.set_timer().await?;
        }
        Ok(row)
    }

    async fn take_coupon(
        &self,
        tx: &mut TenantTx,
        by: By<'_>,
        hold: &Hold,
        (code, basket): (&str, &Basket),
        row: &mut BookingRow,
    ) -> Result<(), Error> {
        let code = model::typed(code).ok_or(Error::NoSuchCoupon)?;
        let tag = self.vault.seal(tx).await?.tag("coupon-code", &[code.as_bytes()]);
        let coupon = coupons::lock_tagged(tx, tag).await?.ok_or(Error::NoSuchCoupon)?;
        let kind = coupons::kind(tx, coupon.kind_id)
            .await?
            .ok_or(Error::Damaged("coupon"))?;
        let granted = self.may_redeem(tx, by, &kind).await?;
        match &*coupon.state {
            "issued" => {}
            "held" => return Err(Error::CouponHeld),
            other => return Err(Error::CouponUsed(other.to_owned())),
        }
        let now = self.now();
        if now < kind.valid_from || now >= kind.valid_until {
            return Err(Error::NotValidNow {
                from: kind.valid_from,
                until: kind.valid_until,
            });
        }
        if basket.currency != kind.currency {
            return Err(Error::Basket(format!(
                "the coupon is good for baskets in {}",
                kind.currency
            )));
        }
        let (discount, funded) = kind.off().of(basket.amount)?;
        self::coupon(tx, (kind.id, coupon.serial_no), "issued", "held").await?;
        *row = BookingRow {
            kind: "coupon".to_owned(),
            expires_at: Some(end(now, hold.ttl, granted.as_ref())?),
            coupon_kind_id: Some(kind.id),
            serial_no: Some(coupon.serial_no),
            discount,
            // Nobody owes us anything at our own counter.
            funded: if by.link().0.is_nil() { 0 } else { funded },
            currency: kind.currency,
            benefit: kind.benefit,
            ..row.clone()
        };
        Ok(())
    }

    /// A partner learns no more of a coupon that is not for it than of one that is not there.
    async fn may_redeem(&self, tx: &mut TenantTx, by: By<'_>, kind: &KindRow) -> Result<Option<LoyaltyGrant>, Error> {
        let pool = self.members.pool_code(tx, kind.pool_id).await?;
        let here = match &*kind.scope {
            "partners" => true,
            "partner" => by.link().0.is_nil() || kind.link_id == Some(by.link().0),
            _ => by.link().0.is_nil(),
        };
        let granted = by.granted(&pool).map_err(|_| Error::NoSuchCoupon)?;
        if !here || granted.as_ref().is_some_and(|granted| !granted.coupons) {
            return Err(Error::NoSuchCoupon);
        }
        Ok(granted)
    }

    async fn take_points(
        &self,
        tx: &mut TenantTx,
        by: By<'_>,
        hold: &Hold,
        basket: &Basket,
        row: &mut BookingRow,
    ) -> Result<(), Error> {
        let points = points_of(&hold.what)?;
        let account = self.account(tx, by, &hold.what).await?;
        if let (By::Partner(permit), Some(granted)) = (by, &account.granted)
            && !granted.spend
        {
            return Err(refused(permit, "taking points is not granted"));
        }
        let (holder, program) = (account.holder, account.program);
        if basket.currency != program.currency {
            return Err(Error::Basket(format!("points are worth {}", program.currency)));
        }
        let worth = model::worth(points, program.value);
        if worth > basket.amount {
            return Err(Error::Basket("the points are worth more than the basket".to_owned()));
        }
        let standing = points::lock(tx, holder.pool_id, holder.number).await?;
        let free = standing.balance - standing.held;
        if points > free {
            return Err(Error::PointsShort { free: free.max(0) });
        }
        points::hold(tx, holder.pool_id, holder.number, points).await?;
        *row = BookingRow {
            kind: "spend".to_owned(),
            expires_at: Some(end(self.now(), hold.ttl, account.granted.as_ref())?),
            pool_id: Some(holder.pool_id),
            no: Some(holder.number),
            points,
            discount: worth,
            funded: if by.link().0.is_nil() { 0 } else { worth },
            currency: program.currency,
            benefit: program.unit,
            ..row.clone()
        };
        Ok(())
    }

    /// Whose points, what they are worth, and what a partner may do with them.
    async fn account(&self, tx: &mut TenantTx, by: By<'_>, what: &What) -> Result<Account, Error> {
        let holder = match what {
            What::Named(name, _) => self.members.named(tx, by.link(), *name).await?,
            What::Member(pool, number, _) => {
                let pool_id = self.members.pool_id(tx, pool).await?;
                let active = self.members.active(tx, pool_id, &[*number]).await?;
                active.first().map(|number| Holder {
                    pool_id,
                    pool: pool.clone(),
                    number: *number,
                })
            }
            What::Coupon(_) => None,
        };
        let holder = holder.ok_or(Error::NoSuchMember)?;
        // To a partner to whom the pool is not granted, nobody is known by any name.
        let granted = by.granted(&holder.pool)?;
        let program = points::program(tx, holder.pool_id).await?.ok_or(Error::NoProgram)?;
        Ok(Account {
            holder,
            program,
            granted,
        })
    }

    /// Uses up what is held.
    pub(crate) async fn confirm(&self, by: By<'_>, id: Uuid) -> Result<BookingRow, Error> {
        self.step(by, id, State::Confirmed, "").await
    }

    /// Gives back what is held.
    pub(crate) async fn void(&self, by: By<'_>, id: Uuid, reason: &str) -> Result<BookingRow, Error> {
        self.step(by, id, State::Voided, reason).await
    }

    /// Takes back what was confirmed.
    pub(crate) async fn reverse(&self, by: By<'_>, id: Uuid, reason: &str) -> Result<BookingRow, Error> {
        self.step(by, id, State::Reversed, reason).await
    }

    /// A hold that nobody confirmed in time, or whose link is revoked.
    pub(super) async fn lapse(&self, errand: &Errand, link: LinkId, id: Uuid, over: bool) -> Result<(), Error> {
        let (next, reason) = match over {
            true => (State::Expired, ""),
            false => (State::Voided, "LINK_REVOKED"),
        };
        match self.step(By::Node(errand, link), id, next, reason).await {
            // Confirmed or given back between the look and the step.
            Ok(_) | Err(Error::Ended(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// One step of a booking, under its row lock; a step that is done already returns what is there.
    async fn step(&self, by: By<'_>, id: Uuid, next: State, reason: &str) -> Result<BookingRow, Error> {
        let mut tx = self.begin("loyalty.step", by).await?;
        let row = self.stepped(&mut tx, by, id, (next, reason)).await?;
        tx.commit().await?;
        Ok(row)
    }

    async fn stepped(
        &self,
        tx: &mut TenantTx,
        by: By<'_>,
        id: Uuid,
        (next, reason): (State, &str),
    ) -> Result<BookingRow, Error> {
        let reason = model::text("reason", reason, 0, model::REFERENCE_MAX)?;
        let row = bookings::lock(tx, by.link(), id)
            .await?
            .ok_or(Error::NotFound("booking"))?;
        let (now, state) = (self.now(), row.state()?);
        let over = row.expires_at.is_some_and(|end| end <= now);
        if state.step(next, over)? {
            return Ok(row);
        }
        match next {
            State::Confirmed => self.use_up(tx, &row, now).await?,
            State::Reversed => self.take_back(tx, &row, now).await?,
            _ => self.give_back(tx, &row).await?,
        }
        bookings::step(tx, (by.link(), id), next, &reason, now).await?;
        let resource = format!("booking/{}/{id}", by.link());
        self.note(tx, by, &format!("loyalty.{}", next.as_str()), &resource)
            .await?;
        bookings::lock(tx, by.link(), id)
            .await?
            .ok_or(Error::Damaged("booking"))
    }

    async fn use_up(&self, tx: &mut TenantTx, row: &BookingRow, now: OffsetDateTime) -> Result<(), Error> {
        match (row.coupon_kind_id, row.serial_no, row.pool_id, row.no) {
            (Some(kind), Some(serial_no), ..) => coupon(tx, (kind, serial_no), "held", "redeemed").await?,
            (.., Some(pool), Some(number)) => {
                points::lock(tx, pool, number).await?;
                points::hold(tx, pool, number, -row.points).await?;
                self.change(tx, row, -row.points, "spend").await?;
            }
            _ => return Err(Error::Damaged("booking")),
        }
        self.settle(tx, row, false, now).await
    }

    async fn give_back(&self, tx: &mut TenantTx, row: &BookingRow) -> Result<(), Error> {
        match (row.coupon_kind_id, row.serial_no, row.pool_id, row.no) {
            (Some(kind), Some(serial_no), ..) => coupon(tx, (kind, serial_no), "held", "issued").await,
            (.., Some(pool), Some(number)) => {
                points::lock(tx, pool, number).await?;
                points::hold(tx, pool, number, -row.points).await
            }
            _ => Err(Error::Damaged("booking")),
        }
    }

    /// The goods came back.
    async fn take_back(&self, tx: &mut TenantTx, row: &BookingRow, now: OffsetDateTime) -> Result<(), Error> {
        let within = time::Duration::days(model::REVERSED_WITHIN_DAYS);
        if row.confirmed_at.is_none_or(|at| now - at > within) {
            return Err(Error::Ended(State::Confirmed));
        }
        match (row.coupon_kind_id, row.serial_no, row.pool_id, row.no) {
            (Some(kind), Some(serial_no), ..) => coupon(tx, (kind, serial_no), "redeemed", "issued").await?,
            (.., Some(pool), Some(number)) => {
                points::lock(tx, pool, number).await?;
                let back = if row.kind == "credit" { -row.points } else { row.points };
                self.change(tx, row, back, "reversal").await?;
            }
            _ => return Err(Error::Damaged("booking")),
        }
        self.settle(tx, row, true, now).await
    }

    /// Changes the balance of a booking's account, which is locked.
    async fn change(&self, tx: &mut TenantTx, row: &BookingRow, points: i64, cause: &str) -> Result<(), Error> {
        let (Some(pool), Some(number)) = (row.pool_id, row.no) else {
            return Err(Error::Damaged("booking"));
        };
        let now = self.now();
        let days = points::program(tx, pool).await?.map_or(0, |program| program.idle_days);
        let idle_at = (days > 0).then(|| now + time::Duration::days(days.into()));
        if idle_at.is_some() {
            tx.set_timer().await?;
        }
        let change = points::Change {
            pool,
            number,
            points,
            cause,
            booking: (LinkId(row.link_id), row.id),
            at: now,
            idle_at,
        };
        points::change(tx, &change).await
    }

    /// Writes down what is to be settled with a partner.
    async fn settle(
        &self,
        tx: &mut TenantTx,
        row: &BookingRow,
        reversal: bool,
        at: OffsetDateTime,
    ) -> Result<(), Error> {
        if row.link_id.is_nil() {
            return Ok(());
        }
        let entry = SettledRow {
            booking_id: row.id,
            reversal,
            kind: row.kind.clone(),
            currency: row.currency.clone(),
            discount: row.discount,
            funded: row.funded,
            points: row.points,
            at,
        };
        settled::insert(tx, LinkId(row.link_id), &entry).await
    }

    /// What became of this id; with `close`, an id that was never seen is given up for good.
    pub(crate) async fn outcome(&self, by: By<'_>, id: Uuid, close: bool) -> Result<BookingRow, Error> {
        let mut tx = self.begin("loyalty.outcome", by).await?;
        if close && bookings::take(&mut tx, (by.link(), id), "", "CLOSED").await? {
            let resource = format!("booking/{}/{id}", by.link());
            self.note(&mut tx, by, "loyalty.close", &resource).await?;
        }
        let row = bookings::lock(&mut tx, by.link(), id).await?;
        tx.commit().await?;
        row.ok_or(Error::NotFound("booking"))
    }

    pub(crate) async fn bookings(
        &self,
        by: By<'_>,
        link: Option<Uuid>,
        (before, size): (Option<Uuid>, i64),
    ) -> Result<Vec<BookingRow>, Error> {
        let mut tx = self.begin("loyalty.bookings", by).await?;
        bookings::list(&mut tx, link, before, size).await
    }
}

fn points_of(what: &What) -> Result<i64, Error> {
    match what {
        What::Named(_, points) | What::Member(.., points) => model::within("points", *points, 1, model::POINTS_MAX),
        What::Coupon(_) => Err(invalid("points", "a coupon has none")),
    }
}

/// Brings a coupon on that is in this state as long as its booking is.
async fn coupon(tx: &mut TenantTx, of: (Uuid, i64), from: &str, next: &str) -> Result<(), Error> {
    match coupons::step(tx, of, from, next).await? {
        true => Ok(()),
        false => Err(Error::Damaged("coupon")),
    }
}
