//! What we book at partners: written down before it is sent, so that an answer that never came can be asked for; the node goes on asking.

use std::time::Duration;

use hansa_directory::Session;
use hansa_link::{Partner, model::LinkState};
use hansa_proto::loyalty::v1::{self as wire, loyalty_partner_service_client::LoyaltyPartnerServiceClient};
use hansa_tenancy::{Caller, Errand};
use hansa_vault::sha256;
use hansa_vocab::{Fault, Kind, LinkId};
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Loyalty, PASS_MAX};
use crate::{
    Error,
    model::{self, State},
    store::partners::{self, PartnerRow},
};

/// How long a partner may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// A partner that has not answered is asked again after this.
const AGAIN: Duration = Duration::from_secs(10);
/// A hold that we have not confirmed is looked at so long after its end.
const AFTER_END: Duration = Duration::from_secs(5);

/// What is asked of a partner.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Hold(wire::HoldRequest),
    Credit(wire::CreditRequest),
    Confirm,
    Void(String),
    Reverse(String),
    Outcome { close: bool },
}

impl Ask {
    /// What kind of booking it begins; none when it goes on with one.
    fn begins(&self) -> Option<(&'static str, Vec<u8>, &str)> {
        match self {
            Self::Hold(asked) => {
                let kind = match asked.what {
                    Some(wire::hold_request::What::Points(_)) => "spend",
                    _ => "coupon",
                };
                Some((kind, asked.encode_to_vec(), &asked.order_ref))
            }
            Self::Credit(asked) => Some(("credit", asked.encode_to_vec(), &asked.order_ref)),
            _ => None,
        }
    }
}

/// Nothing has happened there: whatever was asked is over.
fn over(fault: &Fault) -> bool {
    let unknown = matches!(fault.kind, Kind::Deadline | Kind::Internal)
        || (fault.kind == Kind::Unavailable && !matches!(&*fault.reason, "LINK_CHANGED" | "COUPON_HELD"));
    !unknown
}

impl Loyalty {
    /// Holds something at a partner, or gives points there. The same id again asks what became of it.
    pub(crate) async fn book_at(
        &self,
        session: &Session,
        link: LinkId,
        id: Uuid,
        ask: Ask,
    ) -> Result<PartnerRow, Error> {
        let (kind, body, order_ref) = ask.begins().ok_or(Error::NotFound("booking"))?;
        let body_hash = data_encoding::HEXLOWER.encode(&sha256(&[&body]));
        let order_ref = model::text("order_ref", order_ref, 0, model::REFERENCE_MAX)?;
        self.links.partner(session, link).await?;
        let mut tx = self.tenancy.begin("loyalty.book_at", session).await?;
        let due_at = self.now() + AGAIN;
        partners::asking(&mut tx, (link, id), kind, &body_hash, &order_ref, due_at).await?;
        let known = partners::find(&mut tx, link, id).await?;
        let known = known.ok_or(Error::Damaged("partner_booking"))?;
        tx.set_timer().await?;
        tx.commit().await?;
        if known.body_hash != body_hash {
            return Err(Error::IdReused(id));
        }
        match known.state()? {
            State::Unknown => self.ask(session, link, id, ask).await,
            _ => Ok(known),
        }
    }

    /// Goes on with a booking of ours at a partner.
    pub(crate) async fn go_on_at(
        &self,
        session: &Session,
        link: LinkId,
        id: Uuid,
        ask: Ask,
    ) -> Result<PartnerRow, Error> {
        let known = self.known_at(session, link, id).await?;
        match (&ask, known.state()?) {
            // What is over there is over here.
            (Ask::Outcome { .. }, State::Voided | State::Expired | State::Reversed) => Ok(known),
            (Ask::Void(_), State::Voided | State::Expired) => Ok(known),
            (Ask::Confirm, State::Voided | State::Reversed) => Err(Error::Ended(known.state()?)),
            // Before anything else it must be known whether it came there at all.
            (Ask::Void(_), State::Unknown) => self.ask(session, link, id, Ask::Outcome { close: true }).await,
            _ => self.ask(session, link, id, ask).await,
        }
    }

    async fn known_at(&self, caller: &impl Caller, link: LinkId, id: Uuid) -> Result<PartnerRow, Error> {
        let mut tx = self.tenancy.begin("loyalty.known_at", caller).await?;
        let known = partners::find(&mut tx, link, id).await?;
        known.ok_or(Error::NotFound("booking"))
    }

    async fn ask(&self, caller: &impl Caller, link: LinkId, id: Uuid, ask: Ask) -> Result<PartnerRow, Error> {
        let partner = self.links.partner(caller, link).await?;
        let begins = ask.begins().is_some();
        match call(&partner, id, ask).await {
            Ok(booking) => self.hear(caller, link, id, booking).await,
            Err(fault) => {
                let mut tx = self.tenancy.begin("loyalty.refused_at", caller).await?;
                match over(&fault) {
                    true if begins => partners::refused(&mut tx, link, id, &fault.reason).await?,
                    true => {}
                    // A lost answer to a confirmation or a reversal is asked for too.
                    false => {
                        partners::ask_again(&mut tx, link, id, self.now() + AGAIN).await?;
                        tx.set_timer().await?;
                    }
                }
                tx.commit().await?;
                Err(Error::Partner(Box::new(fault)))
            }
        }
    }

    async fn hear(
        &self,
        caller: &impl Caller,
        link: LinkId,
        id: Uuid,
        told: Option<wire::Booking>,
    ) -> Result<PartnerRow, Error> {
        let told = told.ok_or(Error::BadAnswer("a booking is missing"))?;
        let mut tx = self.tenancy.begin("loyalty.hear", caller).await?;
        let known = partners::find(&mut tx, link, id).await?;
        let row = read(known.ok_or(Error::NotFound("booking"))?, &told)?;
        let due_at = match row.state()? {
            State::Held => row.expires_at.map(|end| end + AFTER_END),
            _ => None,
        };
        partners::heard(&mut tx, &row, due_at).await?;
        let row = partners::find(&mut tx, link, id).await?;
        if due_at.is_some() {
            tx.set_timer().await?;
        }
        tx.commit().await?;
        row.ok_or(Error::Damaged("partner_booking"))
    }

    /// Asks partners what became of what we booked there: an answer that never came, a hold whose time is over.
    pub(super) async fn ask_again(&self, errand: Errand) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.tenancy.begin("loyalty.take_due", &errand).await?;
        let due = partners::take_due(&mut tx, now, now + AGAIN, PASS_MAX).await?;
        tx.commit().await?;
        for (link, id, state) in due {
            let loyalty = self.clone();
            // A partner that does not answer holds nobody up.
            tokio::spawn(async move { loyalty.settle_doubt(errand, LinkId(link), id, &state).await });
        }
        Ok(())
    }

    async fn settle_doubt(&self, errand: Errand, link: LinkId, id: Uuid, state: &str) {
        let close = state == State::Unknown.as_str();
        let gone = match self.ask(&errand, link, id, Ask::Outcome { close }).await {
            Ok(_) => false,
            Err(Error::Partner(fault)) => fault.kind == Kind::NotFound,
            // The link is over: what stands in our books stays as it is.
            Err(Error::Link(hansa_link::Error::State { state, .. })) => state == LinkState::Revoked,
            Err(error) => {
                tracing::debug!(%error, "a partner was not asked");
                false
            }
        };
        if gone && let Err(error) = self.give_up(errand, link, id).await {
            tracing::warn!(%error, "a booking at a partner is asked about again");
        }
    }

    async fn give_up(&self, errand: Errand, link: LinkId, id: Uuid) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("loyalty.give_up", &errand).await?;
        partners::give_up(&mut tx, link, id).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn bookings_there(
        &self,
        session: &Session,
        link: Option<Uuid>,
        (before, size): (Option<Uuid>, i64),
    ) -> Result<Vec<PartnerRow>, Error> {
        let mut tx = self.tenancy.begin("loyalty.bookings_there", session).await?;
        partners::list(&mut tx, link, before, size).await
    }
}

/// One call at a partner.
async fn call(partner: &Partner, id: Uuid, ask: Ask) -> Result<Option<wire::Booking>, Fault> {
    let mut client = LoyaltyPartnerServiceClient::new(partner.channel.clone());
    let id = id.to_string();
    macro_rules! done {
        ($method:ident, $message:expr) => {{
            let answer = client.$method(partner.request($message, DEADLINE)).await;
            answer.map(|answer| answer.into_inner().booking)
        }};
    }
    let answer = match ask {
        Ask::Hold(asked) => done!(hold, asked),
        Ask::Credit(asked) => done!(credit, asked),
        Ask::Confirm => done!(confirm, wire::ConfirmRequest { id }),
        Ask::Void(reason) => done!(void, wire::VoidRequest { id, reason }),
        Ask::Reverse(reason) => done!(reverse, wire::ReverseRequest { id, reason }),
        Ask::Outcome { close } => done!(get_outcome, wire::GetOutcomeRequest { id, close }),
    };
    answer.map_err(|status| partner.fault(&status))
}

/// What the issuer says, read with care.
fn read(known: PartnerRow, told: &wire::Booking) -> Result<PartnerRow, Error> {
    let instant = |at: &Option<prost_types::Timestamp>| {
        let at = at.as_ref()?;
        let at =
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos));
        at.ok()
    };
    let bad = Error::BadAnswer;
    let state = match told.state() {
        wire::BookingState::Held => State::Held,
        wire::BookingState::Confirmed => State::Confirmed,
        wire::BookingState::Voided => State::Voided,
        wire::BookingState::Expired => State::Expired,
        wire::BookingState::Reversed => State::Reversed,
        wire::BookingState::Unspecified | wire::BookingState::Unknown => return Err(bad("a booking has no state")),
    };
    let (confirmed_at, reversed_at) = (instant(&told.confirmed_at), instant(&told.reversed_at));
    if (state == State::Confirmed && confirmed_at.is_none()) || (state == State::Reversed && reversed_at.is_none()) {
        return Err(bad("a booking says not when"));
    }
    let most = -model::AMOUNT_MAX..=model::AMOUNT_MAX;
    if !most.contains(&told.discount) || !most.contains(&told.funded) {
        return Err(bad("an amount is out of all bounds"));
    }
    let currency = match &*told.currency {
        "" => String::new(),
        given => model::currency(given).map_err(|_| bad("a currency is none"))?,
    };
    Ok(PartnerRow {
        state: state.as_str().to_owned(),
        version: i64::try_from(told.version).map_err(|_| bad("a version is none"))?,
        expires_at: instant(&told.expires_at),
        points: model::within("points", told.points, 0, model::POINTS_MAX).map_err(|_| bad("points are none"))?,
        discount: told.discount,
        funded: told.funded,
        currency,
        benefit: model::text("benefit", &told.benefit, 0, model::BENEFIT_MAX)
            .map_err(|_| bad("a benefit is no text"))?,
        reason: model::text("reason", &told.reason, 0, model::REFERENCE_MAX).unwrap_or_default(),
        confirmed_at,
        reversed_at,
        ..known
    })
}
