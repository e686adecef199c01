//! The customer of one of the parties: a page at that party's node shows how far a document is, mails say what was done, and what the
//! customer does there is done by the party for them, by the same rules as everything else.

use std::collections::{BTreeMap, BTreeSet};

use hansa_directory::{Session, audit};
use hansa_egress::Mail;
use hansa_pages::{Answer, Brought, Page, PageFuture, Pages, Stay, Visit, Visitor};
use hansa_proto::files::v1::FileRef;
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::{Identifier, hmac_sha256};
use hansa_vocab::{Fault, LinkId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Documents, Known, SystemWish, Wish, begin::admitted, guests, view::version_of};
use crate::{
    Error,
    admission::Doing,
    keeper::Came,
    model::{
        Document, Kind, Refusal,
        customer::CustomerKind,
        desk::{self, Fields},
        face::{self, Done, Face, Past, letter},
    },
    store::{self, DocumentRow, Filter, OwnAct},
};

/// What pages of this room are for.
pub const PURPOSE: &str = "customer";
/// As what a customer acts, in what is signed and in the audit.
const CUSTOMER: &str = "customer";
/// As long as an order and what comes after it takes; each mail begins it again.
const STAY: Stay = Stay {
    valid_for: time::Duration::days(365),
    acts_max: 200,
};
/// Things that have happened, on a page.
const PAST_MAX: i64 = 500;
const CONTACT_MAX: usize = 200;

/// Pages of customers.
#[derive(Clone, Debug)]
pub struct CustomerPages(pub Documents);

/// Who reads a page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reader {
    /// Where they read mail; empty = they get none.
    pub email: String,
    /// BCP 47; of their page and mails.
    pub language: String,
    /// Whom they may ask, and how.
    pub contact: String,
}

fn page_of(document: Uuid) -> (LinkId, Uuid) {
    (LinkId(Uuid::nil()), document)
}

/// A document's customer has no page any more.
pub(super) async fn close(pages: &Pages, tx: &mut TenantTx, document: Uuid) -> Result<(), Error> {
    pages.close(tx, PURPOSE, page_of(document)).await?;
    Ok(())
}

impl Documents {
    /// Opens the page of a document's customer, or says anew who reads it; its address, for them alone. `write`: it is sent to them.
    pub(crate) async fn open_customer_page(
        &self,
        session: &Session,
        id: Uuid,
        mut reader: Reader,
        write: bool,
    ) -> Result<String, Error> {
        if reader.contact.is_empty() {
            session.staff_name().clone_into(&mut reader.contact);
        }
        reader.check(write)?;
        let mut tx = self.tenancy.begin("documents.customer", session).await?;
        let known = self.ours_to_show(&mut tx, session, id).await?;
        if known.row.version == 0 {
            let state = known.row.state;
            return Err(Refusal::NotNow { state }.into());
        }
        let address = self.pages.address(&mut tx, PURPOSE, page_of(id), STAY).await?;
        let kept = serde_json::to_vec(&reader).map_err(|_| Error::Damaged("page"))?;
        self.pages.keep(&mut tx, PURPOSE, page_of(id), &kept).await?;
        if write {
            let which = (&known.row, &*known.kind);
            self.write_to_customer(&mut tx, which, (&reader, &address), None)
                .await?;
        }
        self.customer_noted(&mut tx, session, id, "document.customer-open")
            .await?;
        tx.commit().await?;
        Ok(address)
    }

    /// Who reads the page of a document's customer, and until when it is there; nothing when there is none.
    pub(crate) async fn customer_page(
        &self,
        session: &Session,
        id: Uuid,
    ) -> Result<Option<(Reader, OffsetDateTime)>, Error> {
        let mut tx = self.tenancy.begin("documents.customer_page", session).await?;
        self.ours_to_show(&mut tx, session, id).await?;
        self.reader(&mut tx, id).await
    }

    /// Ends it: its address opens nothing any more, and who read it is forgotten.
    pub(crate) async fn close_customer_page(&self, session: &Session, id: Uuid) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("documents.customer_close", session).await?;
        self.ours_to_show(&mut tx, session, id).await?;
        if !self.pages.close(&mut tx, PURPOSE, page_of(id)).await? {
            return Err(Error::NotFound("page"));
        }
        self.customer_noted(&mut tx, session, id, "document.customer-close")
            .await?;
        Ok(tx.commit().await?)
    }

    async fn customer_noted(&self, tx: &mut TenantTx, session: &Session, id: Uuid, what: &str) -> Result<(), Error> {
        let (actor, resource) = (session.staff().to_string(), format!("document/{id}"));
        Ok(audit(tx, self.tenancy.ids().uuid(), &actor, what, &resource, &session.rule()).await?)
    }

    /// A document whose customer is ours, before somebody of ours who may use what it is.
    async fn ours_to_show(&self, tx: &mut TenantTx, session: &Session, id: Uuid) -> Result<Known, Error> {
        let known = self.locked(tx, id).await?;
        match &known.kind.customer {
            Some(customer) if customer.of == known.row.our_role => {}
            Some(customer) => {
                return Err(Refusal::NotYours {
                    by: customer.of.clone(),
                }
                .into());
            }
            None => {
                return Err(Error::Invalid {
                    field: "id",
                    text: "documents of this kind have no customer".to_owned(),
                });
            }
        }
        if let Some(admission) = self.answers_for(&known.kind) {
            let doing = Doing {
                act: "",
                begins: false,
                we_count: known.row.issuer,
                files: false,
            };
            admitted(admission.person(tx, session, &known.kind, doing).await?)?;
        }
        Ok(known)
    }

    async fn reader(&self, tx: &mut TenantTx, id: Uuid) -> Result<Option<(Reader, OffsetDateTime)>, Error> {
        let Some((kept, until)) = self.pages.kept(tx, PURPOSE, page_of(id)).await? else {
            return Ok(None);
        };
        let reader = serde_json::from_slice(&kept).map_err(|_| Error::Damaged("page"))?;
        Ok(Some((reader, until)))
    }

    /// Writes to the customer that something was done, if the kind says so and somebody reads.
    pub(crate) async fn tell_customer(
        &self,
        tx: &mut TenantTx,
        (row, kind): (&DocumentRow, &Kind),
        act: &Came<'_>,
    ) -> Result<(), Error> {
        let ours = kind.customer.as_ref().filter(|customer| customer.of == row.our_role);
        if !ours.is_some_and(|customer| customer.told.iter().any(|one| one == act.name)) {
            return Ok(());
        }
        let Some((reader, _)) = self.reader(tx, row.id).await? else {
            return Ok(());
        };
        let own = act.role == row.our_role && act.actor_role == CUSTOMER;
        // An operator may have served pages, and serve none any more.
        if own || reader.email.is_empty() || !self.pages.served() {
            return Ok(());
        }
        let address = self.pages.address(tx, PURPOSE, page_of(row.id), STAY).await?;
        self.write_to_customer(tx, (row, kind), (&reader, &address), Some(act.name))
            .await
    }

    async fn write_to_customer(
        &self,
        tx: &mut TenantTx,
        (row, kind): (&DocumentRow, &Kind),
        (reader, address): (&Reader, &str),
        act: Option<&str>,
    ) -> Result<(), Error> {
        let from = self.tenancy.tenant(tx.tenant()).await?.name;
        let language = &*reader.language;
        let what = format!("{} {}", kind.titled(language), row.number);
        let called = |act| match &kind.customer {
            Some(customer) => customer.word(kind, language, act),
            None => kind.word(language, act),
        };
        let act = act.map(called);
        let (subject, text) = letter(language, (&from, &what, act.as_deref()), (address, &reader.contact));
        let letter = Mail {
            from,
            to: reader.email.clone(),
            subject,
            text,
        };
        Ok(self.egress.mail(tx, row.id, &letter).await?)
    }

    /// The document of a page, its lock, and who reads it.
    async fn faced(&self, tx: &mut TenantTx, id: Uuid) -> Result<(Known, Reader), Error> {
        let (reader, _) = self.reader(tx, id).await?.ok_or(Error::NotFound("page"))?;
        let known = self.locked(tx, id).await?;
        let ours = known
            .kind
            .customer
            .as_ref()
            .is_some_and(|customer| customer.of == known.row.our_role);
        match ours && known.row.version > 0 {
            true => Ok((known, reader)),
            false => Err(Error::NotFound("document")),
        }
    }

    async fn shown_to_customer(
        &self,
        (errand, id): (&Errand, Uuid),
        (trouble, typed): (String, Fields),
    ) -> Result<String, Error> {
        let mut tx = self.tenancy.begin("documents.face", errand).await?;
        let (known, reader) = self.faced(&mut tx, id).await?;
        let customer = known.kind.customer.as_ref().ok_or(Error::NotFound("document"))?;
        let own = store::own_acts(&mut tx, id, CUSTOMER).await?;
        let of_us = known.parties.iter().find(|party| party.role == known.row.our_role);
        let ids = self.tenancy.ids();
        let face = Face {
            document: as_seen(&known, customer),
            number: &known.row.number,
            from: of_us.map_or("", |party| &party.name),
            contact: &reader.contact,
            past: self.past(&mut tx, id, &own).await?,
            sent: named(&own, &["sent", "held"]),
            refused: own
                .first()
                .filter(|act| act.state == "refused")
                .map(|act| act.act.clone()),
            customer,
            trouble,
            typed,
        };
        Ok(face.page(&reader.language, || ids.uuid()))
    }

    async fn past(&self, tx: &mut TenantTx, id: Uuid, own: &[OwnAct]) -> Result<Vec<Past>, Error> {
        let own: BTreeSet<_> = own.iter().map(|act| act.id.to_string()).collect();
        let rows = store::versions(tx, &Filter::default(), Some(id), None, PAST_MAX).await?;
        let read = rows.iter().map(|row| {
            let version = version_of(&row.body)?;
            let at = version.at.map_or(0, |at| at.seconds);
            let at = OffsetDateTime::from_unix_timestamp(at).map_err(|_| Error::Damaged("document_version"))?;
            Ok(Past {
                on: at.date().to_string(),
                own: own.contains(&version.act_id),
                act: version.act,
                role: version.role,
                state: version.state,
            })
        });
        read.collect()
    }

    /// Takes what a customer sends along: the same form sent again brings the same files.
    async fn brought(
        &self,
        errand: &Errand,
        act: Uuid,
        files: Vec<Brought>,
    ) -> Result<BTreeMap<String, Vec<FileRef>>, Error> {
        let (key, mut all) = (
            self.vault.derive("documents/customer-file")?,
            BTreeMap::<_, Vec<_>>::new(),
        );
        for (place, file) in (0_u8..).zip(files) {
            let salt = hmac_sha256(&key, &[act.as_bytes(), &[place]]);
            let salt = std::array::from_fn(|at| salt[at]);
            let what = (file.name, file.media_type);
            let file_ref = self.files.bring_with(errand, what, file.bytes, salt).await?;
            all.entry(file.field).or_default().push(file_ref);
        }
        Ok(all)
    }

    /// A file that a customer's page names.
    async fn handed_to_customer(&self, (errand, id): (&Errand, Uuid), hash: &[u8]) -> Result<Answer, Error> {
        let mut tx = self.tenancy.begin("documents.face_file", errand).await?;
        let (known, _) = self.faced(&mut tx, id).await?;
        let customer = known.kind.customer.as_ref().ok_or(Error::NotFound("document"))?;
        let seen = customer.sees.iter().filter_map(|section| known.contents.get(section));
        self.handed(&mut tx, seen, hash).await
    }

    /// Does for a customer what they have sent a form for.
    async fn done_by_customer(
        &self,
        (errand, id): (&Errand, Uuid),
        (fields, files): (&Fields, Vec<Brought>),
    ) -> Result<(), Error> {
        let act_id = desk::id(fields)?;
        let brought = self.brought(errand, act_id, files).await?;
        let mut tx = self.tenancy.begin("documents.customer_acts", errand).await?;
        let (known, _) = self.faced(&mut tx, id).await?;
        let Done { act, base, contents } = face::read(&known.kind, fields, &brought).map_err(Refusal::Content)?;
        let wish = Wish {
            document: id,
            id: Some(act_id),
            act,
            base,
            contents,
            proposal: None,
        };
        // The page may have gone on since the form was sent for the first time.
        match store::asked(&mut tx, id, act_id).await? {
            Some(asked) if asked == wish.hash() => return Ok(()),
            Some(_) => return Err(Error::IdReused(act_id)),
            None => {}
        }
        let customer = known.kind.customer.as_ref().ok_or(Error::NotFound("document"))?;
        if !face::open_acts((&as_seen(&known, customer), customer)).contains(&&*wish.act) {
            return Err(Refusal::NotNow { state: known.row.state }.into());
        }
        if base != known.row.version() {
            return Err(Refusal::Superseded(known.row.version()).into());
        }
        self.others_hear(&mut tx, &known).await?;
        self.named(&mut tx, &wish.contents).await?;
        let wish = SystemWish {
            document: id,
            id: act_id,
            act: &wish.act,
            contents: wish.contents,
            actor: CUSTOMER,
        };
        let following = self.unattended(&mut tx, &known, wish, CUSTOMER).await?;
        self.follow(&mut tx, id, following).await?;
        Ok(tx.commit().await?)
    }
}

impl Reader {
    fn check(&mut self, write: bool) -> Result<(), Error> {
        let wrong = |field, text: &str| {
            Err(Error::Invalid {
                field,
                text: text.to_owned(),
            })
        };
        if !self.email.is_empty() {
            match Identifier::email(&self.email) {
                Ok(email) => self.email = email.shown(),
                Err(wrong_one) => return wrong("email", &wrong_one.to_string()),
            }
        }
        if write && self.email.is_empty() {
            return wrong("email", "where the customer reads mail");
        }
        if self.language.is_empty() || self.language.len() > 35 {
            return wrong("language", "a tag of BCP 47, as de or zh-Hans");
        }
        let plain = !self.contact.chars().any(char::is_control);
        if !plain || !(1..=CONTACT_MAX).contains(&self.contact.chars().count()) {
            return wrong("contact", "whom to ask, and how: one line of at most 200 characters");
        }
        Ok(())
    }
}

/// What a customer sees of a document.
fn as_seen<'a>(known: &'a Known, customer: &'a CustomerKind) -> Document<'a> {
    Document {
        reader: &customer.of,
        ..known.document()
    }
}

/// Acts in these states, each once.
fn named(own: &[OwnAct], states: &[&str]) -> Vec<String> {
    let of = own.iter().filter(|act| states.contains(&&*act.state));
    let all: BTreeSet<_> = of.map(|act| act.act.clone()).collect();
    all.into_iter().collect()
}

/// Whoever has the address.
fn anyone(visit: &Visit) -> Option<(&Errand, Uuid)> {
    match &visit.visitor {
        Visitor::Anyone(errand) => Some((errand, visit.subject)),
        Visitor::Guest(_) => None,
    }
}

impl Page for CustomerPages {
    fn style(&self) -> &'static str {
        face::STYLE
    }

    fn show<'a>(&'a self, visit: &'a Visit) -> PageFuture<'a> {
        Box::pin(async move {
            let Some(visit) = anyone(visit) else {
                return Answer::Gone;
            };
            let shown = self.0.shown_to_customer(visit, Default::default()).await;
            guests::answer(shown.map(Answer::Shown))
        })
    }

    fn act<'a>(&'a self, visit: &'a Visit, fields: Fields) -> PageFuture<'a> {
        self.act_with(visit, fields, Vec::new())
    }

    fn file<'a>(&'a self, visit: &'a Visit, hash: &'a [u8]) -> PageFuture<'a> {
        Box::pin(async move {
            match anyone(visit) {
                Some(visit) => guests::answer(self.0.handed_to_customer(visit, hash).await),
                None => Answer::Gone,
            }
        })
    }

    fn act_with<'a>(&'a self, visit: &'a Visit, fields: Fields, files: Vec<Brought>) -> PageFuture<'a> {
        Box::pin(async move {
            let Some(visit) = anyone(visit) else {
                return Answer::Gone;
            };
            let error = match self.0.done_by_customer(visit, (&fields, files)).await {
                Ok(()) => return Answer::Done,
                Err(Error::NotFound("document" | "page")) => return Answer::Gone,
                Err(error) => error,
            };
            // What it says is what any partner is told: it leaks nothing.
            let trouble = Fault::from(error).text.into_owned();
            guests::answer(
                self.0
                    .shown_to_customer(visit, (trouble, fields))
                    .await
                    .map(Answer::Refused),
            )
        })
    }
}
