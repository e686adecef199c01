//! What one can do for people. Start reading at [`Outreach::join`], how somebody becomes a member; `own.rs`, what a member sees and
//! decides; and `runs.rs`, how they are written to.

mod enrol;
mod own;
mod partners;
mod runs;
mod ways;

use std::time::Duration;

use hansa_directory::{Session, audit};
use hansa_egress::{Egress, Mail};
use hansa_link::{Links, Permit};
use hansa_loyalty::Loyalty;
use hansa_members::{Belongings, BelongingsFuture, Holder, Members};
use hansa_pages::{Pages, Stay};
use hansa_tenancy::{Errand, Module, Round, Tenancy, TenantTx, Timed};
use hansa_vault::{Vault, derived_id, sha256};
use hansa_vocab::{LinkId, TenantId};
use prost::Message;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use self::{
    enrol::Joiner,
    partners::message,
    runs::{NewInvitations, NewMessage, Tally},
    ways::{GuideCount, NewWay, Way},
};
use crate::{
    Error,
    store::{runs as rows, ways as way_rows},
};

/// What the page of a way is for.
pub const ENROL_PAGE: &str = "enrol";
/// What a member's own page is for.
pub const MEMBER_PAGE: &str = "member";
/// Mails, and people of whom a partner is told, in one pass.
const PASS_MAX: i64 = 200;

/// How people become members, are asked and are written to, for all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outreach {
    tenancy: Tenancy,
    vault: Vault,
    links: Links,
    members: Members,
    loyalty: Loyalty,
    pages: Pages,
    egress: Egress,
}

/// Fills in the pages of this room.
#[derive(Clone, Debug)]
pub struct OutreachPage {
    outreach: Outreach,
    purpose: &'static str,
}

/// What stands for a request without maps: the same id with another one is refused.
pub(crate) fn hash_of(message: &impl Message) -> String {
    data_encoding::HEXLOWER.encode(&sha256(&[&message.encode_to_vec()]))
}

/// An id that follows from what it is of.
fn derived(parts: &[&[u8]]) -> Uuid {
    derived_id(parts)
}

fn refused(permit: &Permit, text: &str) -> Error {
    Error::Grant {
        text: text.to_owned(),
        owner: permit.owner_name().to_owned(),
    }
}

impl Outreach {
    /// On this node.
    #[must_use]
    pub fn new(
        (tenancy, vault, links): (Tenancy, Vault, Links),
        (members, loyalty): (Members, Loyalty),
        (pages, egress): (Pages, Egress),
    ) -> Self {
        Self {
            tenancy,
            vault,
            links,
            members,
            loyalty,
            pages,
            egress,
        }
    }

    /// Who fills in pages of this purpose.
    #[must_use]
    pub fn page(&self, purpose: &'static str) -> OutreachPage {
        OutreachPage {
            outreach: self.clone(),
            purpose,
        }
    }

    fn now(&self) -> OffsetDateTime {
        self.tenancy.clock().now()
    }

    pub(crate) fn new_id(&self) -> Uuid {
        self.tenancy.ids().uuid()
    }

    /// Writes down who did what, in the transaction of it.
    async fn note(&self, tx: &mut TenantTx, session: &Session, action: &str, resource: &str) -> Result<(), Error> {
        let (line, actor) = (self.tenancy.ids().uuid(), session.staff().to_string());
        Ok(audit(tx, line, &actor, action, resource, &session.rule()).await?)
    }

    /// The same of what the node, a partner or a member did.
    async fn note_of(&self, tx: &mut TenantTx, actor: &str, action: &str, resource: &str) -> Result<(), Error> {
        Ok(audit(tx, self.tenancy.ids().uuid(), actor, action, resource, "").await?)
    }

    /// A partner's transaction; its link still says what its permit says.
    async fn begin_for(&self, name: &'static str, permit: &Permit) -> Result<TenantTx, Error> {
        let mut tx = self.tenancy.begin(name, permit).await?;
        match permit.holds(&mut tx).await? {
            true => Ok(tx),
            false => Err(Error::Stale),
        }
    }

    /// The address of a member's own page; empty when this node serves no pages.
    async fn own_page(&self, tx: &mut TenantTx, pool: Uuid, number: i64) -> Result<String, Error> {
        if !self.pages.served() {
            return Ok(String::new());
        }
        let row = way_rows::correspondent(tx, pool, number, self.new_id()).await?;
        let whose = (LinkId(Uuid::nil()), row.id);
        Ok(self.pages.address(tx, MEMBER_PAGE, whose, Stay::default()).await?)
    }

    /// A mail to a member, with the way to their own page below it.
    async fn write_to(
        &self,
        tx: &mut TenantTx,
        (about, to): (Uuid, &str),
        (language, partner): (&str, &str),
        (subject, text): (&str, &str),
        address: &str,
    ) -> Result<(), Error> {
        let owner = self.tenancy.tenant(tx.tenant()).await?.name;
        let foot = crate::model::words::foot(language, (&owner, partner), address);
        let letter = Mail {
            from: owner,
            to: to.to_owned(),
            subject: subject.to_owned(),
            text: format!("{text}{foot}"),
        };
        Ok(self.egress.mail(tx, about, &letter).await?)
    }

    /// One pass over one tenant: mails whose turn it is, and partners who are to be told of somebody.
    async fn see_to(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("outreach.due", tenant);
        self.look_at_members(&errand).await?;
        self.mail_due(&errand).await?;
        self.tell_partners(errand).await?;
        let mut tx = self.tenancy.begin("outreach.next_due", &errand).await?;
        let now = self.now();
        let next = rows::next_due(&mut tx, now).await?;
        // What was left for the next pass is due already; not in the same instant, so that others have their turn.
        Ok(next.map(|next| next.max(now + Duration::from_millis(50))))
    }
}

impl Timed for Outreach {
    fn module(&self) -> Module {
        Module::Outreach
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        Box::pin(async move { Ok(self.see_to(tenant).await?) })
    }
}

impl Belongings for Outreach {
    /// They have one page from now on: the other's.
    fn moved<'a>(&'a self, tx: &'a mut TenantTx, from: Holder, _into: i64) -> BelongingsFuture<'a> {
        self.erased(tx, from)
    }

    fn erased<'a>(&'a self, tx: &'a mut TenantTx, holder: Holder) -> BelongingsFuture<'a> {
        Box::pin(async move {
            match way_rows::forget(tx, holder.pool_id, holder.number).await {
                Ok(()) => Ok(()),
                Err(Error::Sql(error)) => Err(error.into()),
                Err(_) => Err(hansa_members::Error::Damaged("correspondent")),
            }
        })
    }
}
