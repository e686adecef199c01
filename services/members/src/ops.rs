//! What one can do with members. Start reading at [`Members::record`], who agrees; [`Members::publish`], what is handed out of that;
//! [`Members::start_match`], what a partner makes of it; and [`Members::withdraw`], how it ends.

mod answer;
mod canaries;
mod consents;
mod corrections;
mod counting;
mod estimate;
mod joining;
mod matched;
mod matching;
mod merging;
mod people;
mod persons;
mod publish;
mod receipts;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hansa_directory::{Session, audit};
use hansa_link::Links;
use hansa_psi::{Context, Key, Kind};
use hansa_tenancy::{Errand, Module, Places, Round, Tenancy, TenantTx, Timed};
use hansa_vault::{Identifier, Seal, Vault};
use hansa_vocab::{EnterpriseId, LinkId, TenantId};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

pub(crate) use self::{
    answer::Asked,
    consents::NewNotice,
    counting::{HITS_MIN, LIST_MIN},
    matched::Segment,
    matching::{COUNT, Wish},
    people::{Found, Import, Totals, Who},
};
pub use self::{
    consents::Agreed,
    persons::{Admitted, Contact, Holding, NewMember, NoticeText},
};
use crate::{
    Belongings, Error,
    model::{self, fields::Field},
    store::{
        offers,
        people::{self as people_rows, PoolRow},
    },
};

/// Filters that are built, and lists that are matched, at one time for a tenant.
const TOGETHER: usize = 2;
/// What was released to us for so long is deleted, so many at a time.
const EXPIRED: i64 = 1_000;
/// Whoever works on something says so again before this has passed; then somebody else may begin it anew.
const LEASE: Duration = Duration::from_secs(15);

/// Members, for all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Members {
    tenancy: Tenancy,
    vault: Vault,
    links: Links,
    places: Arc<Places>,
    pub(crate) belongings: Arc<Mutex<Vec<Arc<dyn Belongings>>>>,
}

/// Where an identifier lies: it opens nowhere else.
fn identifier_place(pool: Uuid, number: i64, kind: &str) -> Vec<u8> {
    format!("members/identifier/{pool}/{number}/{kind}").into_bytes()
}

/// Where what is known of a member lies.
fn member_place(pool: Uuid, number: i64) -> Vec<u8> {
    format!("members/member/{pool}/{number}").into_bytes()
}

/// An identifier as it lies in the database.
fn open_identifier(
    seal: &Seal,
    pool: Uuid,
    (number, kind, sealed): (i64, &str, &str),
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let sealed = data_encoding::BASE64.decode(sealed.as_bytes());
    let sealed = sealed.map_err(|_| Error::Damaged("member_identifier"))?;
    Ok(seal.open(&identifier_place(pool, number, kind), &sealed)?)
}

/// The kind of an identifier, as the matching knows it.
fn kind(word: &str) -> Kind {
    if word == "email" { Kind::Email } else { Kind::Phone }
}

/// The member's name on one link; no other link has it, and it stays the same.
fn pseudonym(seal: &Seal, link: LinkId, pool: Uuid, number: i64) -> Uuid {
    seal.tag(
        "pseudonym",
        &[link.0.as_bytes(), pool.as_bytes(), &number.to_be_bytes()],
    )
}

fn fields_of(pool: &PoolRow) -> Result<Vec<Field>, Error> {
    serde_json::from_str(&pool.fields).map_err(|_| Error::Damaged("pool"))
}

/// Goes into every point and token of one offer.
fn context(owner: EnterpriseId, link: LinkId, pool: &str, purpose: &str, epoch: i32) -> Context {
    let epoch = u32::try_from(epoch).unwrap_or(0);
    Context::new(&owner.0, link.0.as_bytes(), pool, purpose, epoch)
}

impl Members {
    /// Members on this node.
    #[must_use]
    pub fn new(tenancy: Tenancy, vault: Vault, links: Links) -> Self {
        Self {
            tenancy,
            vault,
            links,
            places: Places::new(TOGETHER),
            belongings: Arc::default(),
        }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
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

    /// The same of what the node or a partner did.
    async fn note_of(&self, tx: &mut TenantTx, actor: &str, action: &str, resource: &str) -> Result<(), Error> {
        Ok(audit(tx, self.tenancy.ids().uuid(), actor, action, resource, "").await?)
    }

    /// Our own pool of this code.
    pub(crate) async fn own_pool(&self, tx: &mut TenantTx, code: &str) -> Result<PoolRow, Error> {
        let pool = people_rows::pool(tx, code).await?;
        pool.filter(|pool| pool.link_id.is_none())
            .ok_or(Error::NotFound("pool"))
    }

    fn key_of(&self, wrapped: &str) -> Result<Key, Error> {
        let bytes = self.vault.unwrap("psi", wrapped)?;
        let bytes = bytes.as_slice().try_into().map_err(|_| Error::Damaged("offer"))?;
        Key::from_bytes(bytes).ok_or(Error::Damaged("offer"))
    }

    /// Makes a pool, or changes its name and fields.
    pub(crate) async fn put_pool(
        &self,
        session: &Session,
        code: &str,
        name: &str,
        fields: &[Field],
    ) -> Result<(), Error> {
        let code = model::word("code", code)?;
        let plain = |text: &str| (1..=120).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if !plain(name) || code.starts_with("shared-") {
            let text = "a name has 1 to 120 characters; codes that begin with shared- are the node's".to_owned();
            return Err(Error::Invalid { field: "name", text });
        }
        model::fields::check(fields)?;
        let row = PoolRow {
            id: self.new_id(),
            code,
            name: name.to_owned(),
            fields: serde_json::to_string(fields).map_err(|_| Error::Damaged("pool"))?,
            link_id: None,
            partner_pool: None,
            purpose: None,
        };
        let mut tx = self.tenancy.begin("members.put_pool", session).await?;
        people_rows::put_pool(&mut tx, &row)
            .await?
            .ok_or(Error::NotFound("pool"))?;
        self.note(&mut tx, session, "pool.write", &format!("pool/{}", row.code))
            .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn pools(&self, session: &Session) -> Result<Vec<(PoolRow, i64)>, Error> {
        let mut tx = self.tenancy.begin("members.pools", session).await?;
        people_rows::pools(&mut tx).await
    }

    /// Begins what is due, each with a place of its own, and says when the next thing is.
    async fn see_to(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("members.due", tenant);
        let (now, until) = (self.now(), self.now() + LEASE);
        let mut tx = self.tenancy.begin("members.due", &errand).await?;
        let gone = people_rows::expire_shared(&mut tx, now, EXPIRED).await?;
        if gone > 0 {
            let resource = format!("shared-members/{gone}");
            self.note_of(&mut tx, errand.name(), "member.expire", &resource).await?;
        }
        let free = i64::try_from(self.places.free(tenant)).unwrap_or(0);
        if free > 0 {
            let offers = offers::take_due(&mut tx, now, until, free).await?;
            let left = free - i64::try_from(offers.len()).unwrap_or(free);
            let matches = crate::store::matches::take_due(&mut tx, now, until, left).await?;
            let next = offers::next_due(&mut tx).await?;
            tx.commit().await?;
            for offer in offers {
                let (members, place) = (self.clone(), self.places.take(tenant));
                tokio::spawn(async move {
                    let _place = place;
                    members.hand_out(errand, offer).await;
                });
            }
            for row in matches {
                let (members, place) = (self.clone(), self.places.take(tenant));
                tokio::spawn(async move {
                    let _place = place;
                    members.go_on(errand, row).await;
                });
            }
            return Ok(next);
        }
        let next = offers::next_due(&mut tx).await?;
        tx.commit().await?;
        Ok(next.map(|next| next.max(now + Duration::from_millis(500))))
    }
}

impl Timed for Members {
    fn module(&self) -> Module {
        Module::Members
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        Box::pin(async move { Ok(self.see_to(tenant).await?) })
    }
}

/// Both halves of an identifier, for the matching.
fn person((word, identifier): &(String, Zeroizing<Vec<u8>>)) -> (Kind, &[u8]) {
    (kind(word), identifier.as_slice())
}

/// By what an identifier is found here.
fn tag_of(seal: &Seal, pool: Uuid, identifier: &Identifier) -> Uuid {
    seal.tag(identifier.kind(), &[pool.as_bytes(), identifier.as_bytes()])
}
