//! What one can do with documents. Start reading at [`Documents::act`].

mod accepting;
mod account;
mod approve;
mod arrivals;
mod begin;
mod bounds;
mod customers;
mod due;
mod effects;
mod erase;
mod files;
mod goods;
mod guests;
mod kinds;
mod many;
mod matching;
mod number;
mod outlook;
mod papers;
mod rule;
mod seen;
mod stock;
mod system;
mod terms;
mod upgrade;
mod verify;
mod view;

pub(crate) use begin::Begun;
pub(crate) use customers::Reader;
pub use customers::{CustomerPages, PURPOSE as CUSTOMER_PAGE};
use effects::Following;
pub use erase::Erasure;
pub use guests::PURPOSE as GUEST_PAGE;
pub(crate) use many::{Batch, Outcome, Recipient};
pub use outlook::Outlook;
pub(crate) use papers::Taken;
pub(crate) use rule::{Asked, Decision, Open};
pub use seen::{Listed, Look, Told};
pub(crate) use stock::Progress;
pub use system::{SystemWish, forms};
pub use terms::Signer;
pub use view::{Circle, Paper};
pub(crate) use view::{Known, Place, Whole, opened};

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use data_encoding::HEXLOWER;
use hansa_directory::{Session, audit};
use hansa_egress::Egress;
use hansa_files::Files;
use hansa_link::Links;
use hansa_pages::Pages;
use hansa_proto::{
    documents::v1::{Act, ActSent, SectionHash, SectionText, Version},
    types::v1::Signed,
};
use hansa_tenancy::{Tenancy, TenantTx};
use hansa_vault::{EnterpriseKeys, Vault, random, sha256};
use hansa_vocab::LinkId;
use hansa_workflow::Workflow;
use prost::Message as _;
use uuid::Uuid;

use crate::{
    Error,
    admission::{Admission, Doing},
    events::ACT,
    keeper::{AddressBook, Hand, Ledger, Matcher, PriceBook, Purse, StockKeeper},
    model::{Contents, Kind, Refusal, content, version},
    store,
};

/// The documents of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Documents {
    pub(crate) tenancy: Tenancy,
    pub(crate) vault: Vault,
    pub(crate) links: Links,
    pub(crate) workflow: Workflow,
    pub(crate) egress: Egress,
    pub(crate) files: Files,
    pub(crate) pages: Pages,
    pub(crate) keeper: Arc<OnceLock<Box<dyn StockKeeper>>>,
    purse: Arc<OnceLock<Box<dyn Purse>>>,
    matcher: Arc<OnceLock<Box<dyn Matcher>>>,
    book: Arc<OnceLock<Box<dyn AddressBook>>>,
    prices: Arc<OnceLock<Box<dyn PriceBook>>>,
    ledger: Arc<OnceLock<Box<dyn Ledger>>>,
    admission: Arc<OnceLock<Box<dyn Admission>>>,
    pub(crate) hands: Arc<OnceLock<Vec<Box<dyn Hand>>>>,
    /// Those that every tenant has.
    shipped: Arc<kinds::Shipped>,
    numbers: Arc<number::Numbers>,
}

/// What one of our people wants to do with a document.
#[derive(Debug)]
pub struct Wish {
    /// Which document.
    pub document: Uuid,
    /// Of the act; none = a new one. The same again changes nothing.
    pub id: Option<Uuid>,
    /// What, as the kind calls it.
    pub act: String,
    /// The version that they have seen.
    pub base: u64,
    /// The sections that the act writes.
    pub contents: Contents,
    /// The proposal that is answered.
    pub proposal: Option<Uuid>,
}

impl Wish {
    /// What stands for it.
    fn hash(&self) -> String {
        let mut bytes = format!("{}\0{}\0{:?}\0", self.act, self.base, self.proposal).into_bytes();
        for (name, content) in &self.contents {
            bytes.extend(name.bytes());
            bytes.extend(content.encode_length_delimited_to_vec());
        }
        hex(&sha256(&[&bytes]))
    }
}

impl Documents {
    /// The documents of this node.
    ///
    /// # Errors
    ///
    /// When a kind that is shipped does not hold.
    pub fn new(
        tenancy: Tenancy,
        vault: Vault,
        links: Links,
        (workflow, egress, files, pages): (Workflow, Egress, Files, Pages),
    ) -> Result<Self, String> {
        let kinds = kinds::shipped().map_err(|bad| bad.to_string())?;
        Ok(Self {
            tenancy,
            vault,
            links,
            workflow,
            egress,
            files,
            pages,
            keeper: Arc::default(),
            purse: Arc::default(),
            matcher: Arc::default(),
            book: Arc::default(),
            prices: Arc::default(),
            ledger: Arc::default(),
            admission: Arc::default(),
            hands: Arc::default(),
            shipped: Arc::new(kinds),
            numbers: Arc::default(),
        })
    }

    /// Who keeps the stock that documents speak of; the first one stays.
    pub fn install(&self, keeper: impl StockKeeper + 'static) {
        let _ = self.keeper.set(Box::new(keeper));
    }

    /// Who buys and sells: keeps the budgets that documents bind, the prices that are agreed and the accounts, compares what is to be
    /// paid, and knows whom papers mean. The first one stays.
    pub fn install_buying(&self, buying: impl Purse + Matcher + PriceBook + Ledger + AddressBook + Clone + 'static) {
        let _ = self.purse.set(Box::new(buying.clone()));
        let _ = self.matcher.set(Box::new(buying.clone()));
        let _ = self.prices.set(Box::new(buying.clone()));
        let _ = self.ledger.set(Box::new(buying.clone()));
        let _ = self.book.set(Box::new(buying));
    }

    /// Who does what comes of acts; the first ones stay.
    pub fn install_hands(&self, hands: Vec<Box<dyn Hand>>) {
        let _ = self.hands.set(hands);
    }

    /// Who answers for kinds that are shared beside grants; the first one stays.
    pub fn install_admission(&self, admission: impl Admission + 'static) {
        let _ = self.admission.set(Box::new(admission));
    }

    /// Whoever answers for this kind; nobody for those that every enterprise has.
    pub(crate) fn answers_for(&self, kind: &Kind) -> Option<&dyn Admission> {
        if self.shipped.contains_key(&(kind.name.clone(), kind.version)) {
            return None;
        }
        self.admission.get().map(AsRef::as_ref)
    }

    /// Begins a document of ours with these partners; the same again changes nothing.
    ///
    /// # Errors
    ///
    /// What stands in the way, as its caller is to be told.
    pub async fn begin(
        &self,
        session: &Session,
        id: Uuid,
        kind: &str,
        links: &BTreeMap<String, LinkId>,
    ) -> Result<Paper, Error> {
        self.create(session, Some(id), kind, links).await.map(Paper::from)
    }

    /// Does something with a document: see [`Wish`].
    ///
    /// # Errors
    ///
    /// What stands in the way, as its caller is to be told.
    pub async fn act(&self, session: &Session, wish: Wish) -> Result<Paper, Error> {
        self.acted(session, wish).await.map(Paper::from)
    }

    /// Does something with a document: at ours it counts at once or waits for others to agree, at a partner's it is sent.
    pub(crate) async fn acted(&self, session: &Session, mut wish: Wish) -> Result<Whole, Error> {
        let id = wish.document;
        let mut tx = self.tenancy.begin("documents.act", session).await?;
        let known = self.locked(&mut tx, id).await?;
        self.others_hear(&mut tx, &known).await?;
        let (act_id, body_hash) = (wish.id.unwrap_or_else(|| self.tenancy.ids().uuid()), wish.hash());
        match store::asked(&mut tx, id, act_id).await? {
            Some(asked) if asked == body_hash => return self.whole(&mut tx, known).await,
            Some(_) => return Err(Error::IdReused(act_id)),
            None => papers::carry(&mut wish.contents, &known.contents),
        }
        let (sections, texts) = self.sections(&mut tx, &known, &wish).await?;
        let doing = Doing {
            act: &wish.act,
            begins: known.row.version == 0,
            we_count: known.row.issuer,
            files: !content::files(&wish.contents).is_empty(),
        };
        let person = self.person(&mut tx, session, &known, doing).await?;
        let act = Act {
            document_id: id.to_string(),
            id: act_id.to_string(),
            name: wish.act,
            role: known.row.our_role.clone(),
            base: wish.base,
            sections,
            proposal: wish.proposal.map(|id| id.to_string()).unwrap_or_default(),
            actor: person.name,
            actor_role: person.role,
        };
        let us = self.vault.identity(&mut tx).await?;
        let actor = session.staff().to_string();
        let sent = ActSent {
            act: Some(version::sign_act(&us, &act)),
            texts,
            start: Self::start(&known),
        };
        let asked = Asked {
            act: &act,
            sent: &sent,
            contents: &wish.contents,
            body_hash: &body_hash,
            actor: &actor,
        };
        let decision = self.judge(&mut tx, &known, &asked).await?;
        self.named(&mut tx, &wish.contents).await?;
        self.listed_well(&mut tx, &wish.contents).await?;
        let waits = self
            .waits(&mut tx, session, &known, (&asked, &decision), person.admitted)
            .await?;
        if waits {
            store::insert_act(&*self.vault.seal(&mut tx).await?, &mut tx, &asked.row(id, "held", "")?).await?;
        } else {
            self.perform(&mut tx, &known, &asked, decision).await?;
        }
        let resource = format!("document/{id}");
        audit(
            &mut tx,
            self.tenancy.ids().uuid(),
            &actor,
            "document.act",
            &resource,
            &session.rule(),
        )
        .await?;
        // What waits has changed nothing.
        let known = if waits { known } else { self.locked(&mut tx, id).await? };
        let whole = self.whole(&mut tx, known).await?;
        tx.commit().await?;
        Ok(whole)
    }

    /// Does what was judged: at ours it counts or waits for others, at a partner's it is sent. Our stock goes with it.
    async fn perform(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        asked: &Asked<'_>,
        decision: Decision,
    ) -> Result<(), Error> {
        let following = self.performed(tx, known, asked, decision).await?;
        self.follow(tx, known.row.id, following).await
    }

    /// The same, without the acts that answer what came of it.
    async fn performed(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        asked: &Asked<'_>,
        decision: Decision,
    ) -> Result<Vec<Following>, Error> {
        let following = if known.row.issuer {
            self.rule(tx, known, asked, decision).await?
        } else {
            self.send(tx, known, asked).await?;
            Vec::new()
        };
        self.bring(tx, (&known.row, &known.kind), asked.actor, true).await?;
        Ok(following)
    }

    /// What the others could not hear must not count: the refusal says who can change it.
    async fn others_hear(&self, tx: &mut TenantTx, known: &Known) -> Result<(), Error> {
        for (_, link) in known.linked() {
            self.links.make_way(tx, link).await?;
        }
        Ok(())
    }

    /// What an act signs: the sections that it writes, or those of the proposal that it answers.
    async fn sections(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        wish: &Wish,
    ) -> Result<(Vec<SectionHash>, Vec<SectionText>), Error> {
        if let Some(proposal) = wish.proposal {
            if !wish.contents.is_empty() {
                return Err(Error::Invalid {
                    field: "contents",
                    text: "what answers a proposal writes nothing itself".to_owned(),
                });
            }
            let open = self.proposals(tx, &[known.row.id]).await?;
            let open = open.into_iter().find(|open| open.id == proposal);
            return Ok((open.map(|open| open.act.sections).unwrap_or_default(), Vec::new()));
        }
        let mut all = (Vec::new(), Vec::new());
        for (name, content) in &wish.contents {
            let (text, hash) = content::seal(&known.kind, name, content, random()?);
            all.0.push(hash);
            all.1.push(text);
        }
        Ok(all)
    }

    /// Sends an act of ours to the issuer.
    async fn send(
        &self,
        tx: &mut TenantTx,
        Known { row, parties, .. }: &Known,
        asked: &Asked<'_>,
    ) -> Result<(), Error> {
        let link = parties
            .first()
            .and_then(|issuer| issuer.link_id)
            .ok_or(Error::Damaged("document_party"))?;
        store::insert_act(&*self.vault.seal(tx).await?, tx, &asked.row(row.id, "sent", "")?).await?;
        self.post(tx, LinkId(link), (row.id, row.version), ACT, asked.sent)
            .await?;
        tx.wake();
        Ok(())
    }

    /// Tells a partner of a document as it is with this version.
    pub(crate) async fn post(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        (document, version): (Uuid, i64),
        kind: &str,
        message: &impl prost::Message,
    ) -> Result<(), Error> {
        let key = Self::key(document);
        Ok(self.links.post(tx, link, (&key, version), (kind, message)).await?)
    }

    /// A version as it was signed.
    pub(crate) async fn signed(&self, tx: &mut TenantTx, id: Uuid, number: i64) -> Result<Option<Signed>, Error> {
        let body = store::version(tx, id, number).await?;
        body.map(|body| Signed::decode(body.as_slice()).map_err(|_| Error::Damaged("document_version")))
            .transpose()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Why an act of a partner does not count, in a word that never changes.
pub(crate) fn reason(error: Error) -> Result<&'static str, Error> {
    match error {
        Error::Refused(refusal) => Ok(Refusal::reason(&refusal)),
        other => Err(other),
    }
}

pub(crate) fn is_party(keys: &EnterpriseKeys, version: &Version) -> Option<String> {
    version::role_of(&version.parties, keys.enterprise.as_bytes()).map(str::to_owned)
}
