//! What one can do with coupons and points. Start reading at [`Loyalty::hold`], where it is decided who may use what;
//! [`Loyalty::hold_at`] asks a partner the same; and `see_to`, what goes on by itself.

mod booking;
mod coupons;
mod partners;
mod points;
mod settlement;

use std::time::Duration;

use hansa_directory::{Session, audit};
use hansa_link::{Links, Permit, model::people::LoyaltyGrant};
use hansa_members::Members;
use hansa_tenancy::{Errand, Module, Round, Tenancy, TenantTx, Timed};
use hansa_vault::Vault;
use hansa_vocab::{LinkId, TenantId};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use self::{
    booking::{Basket, Hold, What},
    coupons::{NewCoupons, Shown},
    partners::Ask,
    points::Statement,
    settlement::{Difference, after},
};
use crate::{
    Error,
    store::{bookings, points as rows},
};

/// Things of one kind that are seen to in one pass.
const PASS_MAX: i64 = 200;
/// Longest hold at our own counter.
const OWN_TTL: Duration = Duration::from_secs(900);

/// Coupons and points, for all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Loyalty {
    tenancy: Tenancy,
    vault: Vault,
    links: Links,
    members: Members,
}

/// Who books something of ours.
#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    /// A partner.
    Partner(&'a Permit),
    /// Our own counter.
    Counter(&'a Session),
    /// The node itself, for whoever booked on this link.
    Node(&'a Errand, LinkId),
}

impl By<'_> {
    /// The link; nil for our own counter.
    fn link(self) -> LinkId {
        match self {
            Self::Partner(permit) => permit.link(),
            Self::Counter(_) => LinkId(Uuid::nil()),
            Self::Node(_, link) => link,
        }
    }

    fn actor(self) -> String {
        match self {
            Self::Partner(permit) => permit.peer().to_string(),
            Self::Counter(session) => session.staff().to_string(),
            Self::Node(errand, _) => errand.name().to_owned(),
        }
    }

    fn rule(self) -> String {
        match self {
            Self::Counter(session) => session.rule(),
            _ => String::new(),
        }
    }

    /// What a partner may do with this pool.
    fn granted(self, pool: &str) -> Result<Option<LoyaltyGrant>, Error> {
        let Self::Partner(permit) = self else {
            return Ok(None);
        };
        let granted = permit.grant().loyalty.iter().find(|one| one.pool == pool);
        granted
            .cloned()
            .map(Some)
            .ok_or_else(|| refused(permit, "coupons and points of this pool are not granted"))
    }
}

fn refused(permit: &Permit, text: &str) -> Error {
    Error::Grant {
        text: text.to_owned(),
        owner: permit.owner_name().to_owned(),
    }
}

impl Loyalty {
    /// Coupons and points on this node.
    #[must_use]
    pub fn new(tenancy: Tenancy, vault: Vault, links: Links, members: Members) -> Self {
        Self {
            tenancy,
            vault,
            links,
            members,
        }
    }

    fn now(&self) -> OffsetDateTime {
        self.tenancy.clock().now()
    }

    pub(crate) fn new_id(&self) -> Uuid {
        self.tenancy.ids().uuid()
    }

    /// A transaction of whoever books; a partner's link still says what its permit says.
    async fn begin(&self, name: &'static str, by: By<'_>) -> Result<TenantTx, Error> {
        match by {
            By::Partner(permit) => {
                let mut tx = self.tenancy.begin(name, permit).await?;
                match permit.holds(&mut tx).await? {
                    true => Ok(tx),
                    false => Err(Error::Stale),
                }
            }
            By::Counter(session) => Ok(self.tenancy.begin(name, session).await?),
            By::Node(errand, _) => Ok(self.tenancy.begin(name, errand).await?),
        }
    }

    /// Writes down who did what, in the transaction of it.
    async fn note(&self, tx: &mut TenantTx, by: By<'_>, action: &str, resource: &str) -> Result<(), Error> {
        let line = self.tenancy.ids().uuid();
        Ok(audit(tx, line, &by.actor(), action, resource, &by.rule()).await?)
    }

    /// Gives back what nobody confirmed in time, lets idle points go, and asks partners what became of what we booked there.
    async fn see_to(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("loyalty.due", tenant);
        let mut tx = self.tenancy.begin("loyalty.due", &errand).await?;
        let due = bookings::due(&mut tx, self.now(), PASS_MAX).await?;
        self.let_go(&mut tx, &errand).await?;
        tx.commit().await?;
        for (link, id, over) in due {
            // One that can't be given back keeps nobody else waiting.
            if let Err(error) = self.lapse(&errand, LinkId(link), id, over).await {
                tracing::warn!(%error, booking.id = %id, "a hold whose time is over was not given back");
            }
        }
        self.ask_again(errand).await?;
        let mut tx = self.tenancy.begin("loyalty.next_due", &errand).await?;
        bookings::next_due(&mut tx).await
    }

    /// Points that nobody has used for too long are gone.
    async fn let_go(&self, tx: &mut TenantTx, errand: &Errand) -> Result<(), Error> {
        let now = self.now();
        let idle = rows::idle(tx, now, PASS_MAX).await?;
        for (pool, number, balance, held) in &idle {
            let (points, idle_at) = match held {
                // Somebody is using some just now.
                1.. => (0, Some(now + time::Duration::days(1))),
                _ => (-(*balance).max(0), None),
            };
            let change = rows::Change {
                pool: *pool,
                number: *number,
                points,
                cause: "idle",
                booking: (LinkId(Uuid::nil()), Uuid::nil()),
                at: now,
                idle_at,
            };
            match points {
                0 => rows::idle_later(tx, *pool, *number, idle_at).await?,
                _ => rows::change(tx, &change).await?,
            }
        }
        if !idle.is_empty() {
            let by = By::Node(errand, LinkId(Uuid::nil()));
            self.note(tx, by, "points.idle", &format!("accounts/{}", idle.len()))
                .await?;
        }
        Ok(())
    }
}

impl Timed for Loyalty {
    fn module(&self) -> Module {
        Module::Loyalty
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        Box::pin(async move { Ok(self.see_to(tenant).await?) })
    }
}

fn invalid(field: &'static str, text: &str) -> Error {
    let text = text.to_owned();
    Error::Invalid { field, text }
}
