//! What we do at partners: ask them all, hold their stock, and find out what became of it.

use std::time::{Duration, Instant};

use hansa_directory::Session;
use hansa_link::Partner;
use hansa_proto::inventory::v1::{self as wire, inventory_partner_service_client::InventoryPartnerServiceClient};
use hansa_vocab::{Fault, LinkId};
use prost::Message as _;
use uuid::Uuid;

use super::{
    Inventory,
    catalogue::page_size,
    reservations::{hash, page_key},
};
use crate::{
    Error,
    model::{self, State},
    store::partners::{self, PartnerRow},
};

/// How long a partner may take over a command.
const COMMAND_DEADLINE: Duration = Duration::from_secs(5);
/// How long all partners together may take over a question, unless it is said.
const QUERY_DEADLINE: Duration = Duration::from_secs(2);
const QUERY_DEADLINES: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(10);

/// What one partner answered, or why it did not.
#[derive(Debug)]
pub struct PartnerAnswer {
    /// Which link.
    pub link: LinkId,
    /// What they are called.
    pub partner: String,
    /// Its figures, or the reason why there are none.
    pub answer: Result<Vec<wire::Availability>, Fault>,
    /// How long it took.
    pub took: Duration,
}

/// What is done to a reservation at a partner.
enum Command {
    Confirm,
    Release(String),
    Outcome { close: bool },
}

impl Inventory {
    /// Asks one partner, or all: answers plus named failures, within the deadline.
    pub(crate) async fn query_partners(
        &self,
        session: &Session,
        link: Option<LinkId>,
        items: Vec<wire::ItemRef>,
        deadline: Option<Duration>,
    ) -> Result<Vec<PartnerAnswer>, Error> {
        let deadline = deadline.unwrap_or(QUERY_DEADLINE);
        if !QUERY_DEADLINES.contains(&deadline) {
            return Err(Error::Invalid {
                field: "deadline",
                text: "10 ms to 10 s".to_owned(),
            });
        }
        let partners = match link {
            Some(link) => vec![self.links.partner(session, link).await?],
            None => self.links.active(session).await?,
        };
        let mut asking = tokio::task::JoinSet::new();
        for partner in partners {
            let items = items.clone();
            asking.spawn(async move { ask(partner, items, deadline).await });
        }
        let mut answers = asking.join_all().await;
        answers.sort_by(|one, other| (&one.partner, one.link).cmp(&(&other.partner, other.link)));
        Ok(answers)
    }

    /// Holds stock at a partner. What is sent is written down first, so that an answer that never came can be asked for.
    pub(crate) async fn reserve_at(
        &self,
        session: &Session,
        link: LinkId,
        mut request: wire::ReserveRequest,
    ) -> Result<PartnerRow, Error> {
        let id = if request.id.is_empty() {
            self.tenancy.ids().uuid()
        } else {
            request.id.parse().map_err(|_| Error::Invalid {
                field: "id",
                text: "not a UUID".to_owned(),
            })?
        };
        request.id = id.to_string();
        request.order_ref = model::text("order_ref", &request.order_ref, model::REFERENCE_MAX)?;
        let partner = self.links.partner(session, link).await?;
        let body = request.encode_to_vec();
        let mut tx = self.tenancy.begin("inventory.reserve_at", session).await?;
        partners::asking(&mut tx, link, id, &request.order_ref, &hash(&body), &body).await?;
        let known = partners::find(&mut tx, link, id)
            .await?
            .ok_or(Error::Damaged("partner_reservation"))?;
        tx.commit().await?;
        if known.body_hash != hash(&body) {
            return Err(Error::IdReused(id));
        }
        let mut client = InventoryPartnerServiceClient::new(partner.channel.clone());
        let sent = client.reserve(partner.request(request, COMMAND_DEADLINE)).await;
        match sent {
            Ok(answer) => self.hear(session, link, id, answer.into_inner().reservation).await,
            Err(status) => {
                self.refused(session, link, id, partner.fault(&status), known.state)
                    .await
            }
        }
    }

    /// A refusal has had no effect; anything else leaves the outcome unknown.
    async fn refused(
        &self,
        session: &Session,
        link: LinkId,
        id: Uuid,
        fault: Fault,
        before: State,
    ) -> Result<PartnerRow, Error> {
        use hansa_vocab::Kind;
        let unknown = matches!(fault.kind, Kind::Deadline | Kind::Internal)
            || (fault.kind == Kind::Unavailable && fault.reason != "LINK_CHANGED");
        if !unknown && before == State::Unknown {
            let mut tx = self.tenancy.begin("inventory.refused_at", session).await?;
            partners::heard(&mut tx, link, id, State::Void, None, &fault.reason).await?;
            tx.commit().await?;
        }
        Err(Error::Partner(Box::new(fault)))
    }

    pub(crate) async fn confirm_at(&self, session: &Session, link: LinkId, id: Uuid) -> Result<PartnerRow, Error> {
        self.command(session, link, id, Command::Confirm).await
    }

    pub(crate) async fn release_at(
        &self,
        session: &Session,
        link: LinkId,
        id: Uuid,
        why: &str,
    ) -> Result<PartnerRow, Error> {
        let reason = model::text("reason", why, model::REFERENCE_MAX)?;
        self.command(session, link, id, Command::Release(reason)).await
    }

    /// What we know of a reservation at a partner; asks the partner unless it has ended.
    pub(crate) async fn at_partner(
        &self,
        session: &Session,
        link: LinkId,
        id: Uuid,
        close: bool,
    ) -> Result<PartnerRow, Error> {
        let known = self.known(session, link, id).await?;
        if matches!(known.state, State::Unknown | State::Held | State::Confirmed) {
            return self.command(session, link, id, Command::Outcome { close }).await;
        }
        Ok(known)
    }

    async fn known(&self, session: &Session, link: LinkId, id: Uuid) -> Result<PartnerRow, Error> {
        let mut tx = self.tenancy.begin("inventory.at_partner", session).await?;
        partners::find(&mut tx, link, id)
            .await?
            .ok_or(Error::NotFound("reservation"))
    }

    async fn command(&self, session: &Session, link: LinkId, id: Uuid, command: Command) -> Result<PartnerRow, Error> {
        self.known(session, link, id).await?;
        let partner = self.links.partner(session, link).await?;
        let mut client = InventoryPartnerServiceClient::new(partner.channel.clone());
        let text = id.to_string();
        let answered = match command {
            Command::Confirm => {
                let ask = partner.request(wire::ConfirmRequest { id: text }, COMMAND_DEADLINE);
                client.confirm(ask).await.map(|answer| answer.into_inner().reservation)
            }
            Command::Release(reason) => {
                let ask = partner.request(wire::ReleaseRequest { id: text, reason }, COMMAND_DEADLINE);
                client.release(ask).await.map(|answer| answer.into_inner().reservation)
            }
            Command::Outcome { close } => {
                let ask = partner.request(wire::GetOutcomeRequest { id: text, close }, COMMAND_DEADLINE);
                client
                    .get_outcome(ask)
                    .await
                    .map(|answer| answer.into_inner().reservation)
            }
        };
        match answered {
            Ok(reservation) => self.hear(session, link, id, reservation).await,
            Err(status) => Err(Error::Partner(Box::new(partner.fault(&status)))),
        }
    }

    async fn hear(
        &self,
        session: &Session,
        link: LinkId,
        id: Uuid,
        reservation: Option<wire::Reservation>,
    ) -> Result<PartnerRow, Error> {
        let told = reservation.ok_or(Error::Damaged("partner's answer"))?;
        let state = crate::api::read_state(told.state())?;
        let expires_at = told.expires_at.as_ref().and_then(crate::api::instant);
        let reason = model::text("reason", &told.reason, model::REFERENCE_MAX).unwrap_or_default();
        let mut tx = self.tenancy.begin("inventory.heard", session).await?;
        partners::heard(&mut tx, link, id, state, expires_at, &reason).await?;
        let row = partners::find(&mut tx, link, id)
            .await?
            .ok_or(Error::NotFound("reservation"))?;
        tx.commit().await?;
        Ok(row)
    }

    pub(crate) async fn held_at_partners(
        &self,
        session: &Session,
        link: Option<LinkId>,
        page: &str,
        size: u32,
    ) -> Result<Vec<PartnerRow>, Error> {
        let mut tx = self.tenancy.begin("inventory.held_at_partners", session).await?;
        partners::list(&mut tx, link.map(|link| link.0), page_key(page)?, page_size(size)?).await
    }
}

async fn ask(partner: Partner, items: Vec<wire::ItemRef>, deadline: Duration) -> PartnerAnswer {
    let started = Instant::now();
    let request = partner.request(
        wire::QueryAvailabilityRequest {
            items,
            locations: Vec::new(),
        },
        deadline,
    );
    let mut client = InventoryPartnerServiceClient::new(partner.channel.clone());
    let answer = match tokio::time::timeout(deadline, client.query_availability(request)).await {
        Ok(Ok(answer)) => Ok(answer.into_inner().availabilities),
        Ok(Err(status)) => Err(partner.fault(&status)),
        Err(_) => Err(partner.fault(&tonic::Status::deadline_exceeded(""))),
    };
    PartnerAnswer {
        link: partner.link,
        partner: partner.name,
        answer,
        took: started.elapsed(),
    }
}
