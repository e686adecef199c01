//! What one can do with threads. Start reading at [`Conversations::write`]; `arrivals.rs` has what comes from partners.

mod arrivals;
mod files;
mod notices;
mod posted;
mod view;

use data_encoding::HEXLOWER;
use hansa_directory::{Session, audit};
use hansa_documents::Documents;
use hansa_egress::{Egress, THREAD_CHANGED};
use hansa_files::Files;
use hansa_link::Links;
use hansa_pages::Pages;
use hansa_proto::{
    conversations::v1::{Entry, Placed, PlacedTold, Read, Said},
    files::v1::FileRef,
    types::v1::Signed,
};
use hansa_tenancy::{Caller, Tenancy, TenantTx};
use hansa_vault::{EnterpriseKeys, Seal, Vault, sha256};
use hansa_vocab::{LinkId, Role, StaffId};
use hansa_workflow::Workflow;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use self::notices::Notice;
pub use self::notices::{PURPOSE as THREAD_PAGE, ThreadPages};
pub(crate) use self::view::{Shown, Whole};
use crate::{
    Error,
    events::{PLACED, READ, SAID},
    model::{self, Subject},
    store::{self, EntryRow, RuleRow, ThreadRow},
};

/// The threads of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Conversations {
    tenancy: Tenancy,
    vault: Vault,
    links: Links,
    documents: Documents,
    workflow: Workflow,
    egress: Egress,
    files: Files,
    pages: Pages,
}

/// Who of ours speaks.
struct Voice<'a> {
    staff: StaffId,
    name: &'a str,
    roles: &'a [Role],
    enterprise_name: &'a str,
    /// By what they may, for the audit.
    rule: &'a str,
}

/// What somebody of ours wants to say.
#[derive(Debug)]
pub(crate) struct Wish {
    pub subject: Subject,
    /// Of the entry; none = a new one.
    pub id: Option<Uuid>,
    pub text: String,
    pub files: Vec<FileRef>,
    /// The entry that is said anew, or withdrawn.
    pub of: Option<Uuid>,
    pub withdraw: bool,
}

/// Who hears what is said about something.
struct Circle {
    title: String,
    /// The link to whoever counts; none = we do.
    counter: Option<LinkId>,
    /// All whom we tell.
    links: Vec<LinkId>,
}

/// An entry on its way to its place.
struct Speech<'a> {
    entry: &'a Entry,
    signed: &'a Signed,
    enterprise: String,
    enterprise_name: String,
    staff: Option<Uuid>,
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// Where an entry is sealed.
fn entry_place(thread: Uuid, id: Uuid) -> Vec<u8> {
    [b"thread-entry/".as_slice(), thread.as_bytes(), id.as_bytes()].concat()
}

impl Conversations {
    /// The threads of this node.
    #[must_use]
    pub fn new(
        (tenancy, vault, links): (Tenancy, Vault, Links),
        documents: Documents,
        (workflow, egress, files, pages): (Workflow, Egress, Files, Pages),
    ) -> Self {
        Self {
            tenancy,
            vault,
            links,
            documents,
            workflow,
            egress,
            files,
            pages,
        }
    }

    fn now(&self) -> OffsetDateTime {
        self.tenancy.clock().now()
    }

    /// Who hears what is said about this.
    async fn circle(&self, tx: &mut TenantTx, subject: Subject) -> Result<Circle, Error> {
        match subject {
            Subject::Link(id) => {
                let link = LinkId(id);
                let other = self.links.other_end(tx, link).await?;
                if other.hosted {
                    return Err(Error::NotFound("thread"));
                }
                let us = self.vault.identity(tx).await?;
                let ours = us.enterprise.as_bytes() < other.keys.enterprise.as_bytes();
                Ok(Circle {
                    title: other.keys.name,
                    counter: (!ours).then_some(link),
                    links: vec![link],
                })
            }
            Subject::Document(id) => {
                let known = self.documents.circle(tx, id).await?;
                let known = known.ok_or(Error::NotFound("document"))?;
                let counter = match known.issuer {
                    true => None,
                    false => Some(*known.links.first().ok_or(Error::Damaged("document_party"))?),
                };
                Ok(Circle {
                    title: known.number,
                    counter,
                    links: known.links,
                })
            }
        }
    }

    /// A thread in which nobody has said anything.
    fn silent(&self, subject: Subject, circle: &Circle) -> ThreadRow {
        ThreadRow {
            id: subject.thread(),
            subject_kind: subject.kind().to_owned(),
            subject_id: subject.id(),
            counted_by: circle.counter.map(|link| link.0),
            last: 0,
            head: String::new(),
            last_at: self.now(),
            told: 0,
        }
    }

    /// The thread about this, and its lock.
    async fn thread(&self, tx: &mut TenantTx, subject: Subject, circle: &Circle) -> Result<ThreadRow, Error> {
        let new = self.silent(subject, circle);
        store::ensure(tx, &new).await?;
        store::lock(tx, new.id).await?.ok_or(Error::Damaged("thread"))
    }

    /// Says something, or says it anew, or withdraws it.
    pub(crate) async fn write(&self, session: &Session, wish: Wish) -> Result<Shown, Error> {
        let rule = session.rule();
        let voice = Voice {
            staff: session.staff(),
            name: session.staff_name(),
            roles: session.roles(),
            enterprise_name: session.enterprise_name(),
            rule: &rule,
        };
        self.voiced(session, &voice, wish).await
    }

    /// The same for whoever it is.
    async fn voiced(&self, caller: &impl Caller, voice: &Voice<'_>, wish: Wish) -> Result<Shown, Error> {
        let mut tx = self.tenancy.begin("conversations.write", caller).await?;
        let seal = self.vault.seal(&mut tx).await?;
        let circle = self.circle(&mut tx, wish.subject).await?;
        let author = self.author(&mut tx, voice, &circle).await?;
        for link in &circle.links {
            match wish.subject {
                Subject::Link(_) => self.links.make_way(&mut tx, *link).await?,
                // Who can't be reached hears it later: places have no gap.
                Subject::Document(_) => self.links.rouse(caller, *link).await?,
            }
        }
        let mut thread = self.thread(&mut tx, wish.subject, &circle).await?;
        let us = self.vault.identity(&mut tx).await?;
        let id = wish.id.unwrap_or_else(|| self.tenancy.ids().uuid());
        if let Some(known) = store::entry(&mut tx, thread.id, id).await? {
            return self.said_before(&seal, known, &wish, voice.staff);
        }
        if let Some(of) = wish.of {
            let of = store::entry(&mut tx, thread.id, of)
                .await?
                .filter(|row| row.kind == "said");
            let of = of.ok_or(Error::NotFound("entry"))?;
            if of.staff_id != Some(voice.staff.0) {
                return Err(Error::NotYours);
            }
        }
        let entry = self.worded(&us, (id, author), voice, wish)?;
        self.named(&mut tx, &entry).await?;
        let signed = model::sign_entry(&us, &entry);
        let speech = Speech {
            entry: &entry,
            signed: &signed,
            enterprise: us.enterprise.to_string(),
            enterprise_name: voice.enterprise_name.to_owned(),
            staff: Some(voice.staff.0),
        };
        let row = match circle.counter {
            None => self.place(&mut tx, (&mut thread, &circle), &us, &speech, &seal).await?,
            Some(link) => self.send(&mut tx, (&mut thread, link), &speech, &seal).await?,
        };
        let (actor, resource) = (voice.staff.to_string(), format!("thread/{}", thread.id));
        let line = self.tenancy.ids().uuid();
        audit(&mut tx, line, &actor, "thread.write", &resource, voice.rule).await?;
        let shown = view::show(&seal, row, &[], voice.staff.0)?;
        tx.commit().await?;
        Ok(shown)
    }

    /// What somebody wants to say, as an entry.
    fn worded(
        &self,
        us: &EnterpriseKeys,
        (id, author): (Uuid, String),
        voice: &Voice<'_>,
        wish: Wish,
    ) -> Result<Entry, Error> {
        let kind = match (&wish.of, wish.withdraw) {
            (None, _) => "said",
            (Some(_), false) => "edited",
            (Some(_), true) => "withdrawn",
        };
        let entry = Entry {
            subject_kind: wish.subject.kind().to_owned(),
            subject_id: wish.subject.id().to_string(),
            id: id.to_string(),
            enterprise: us.enterprise.as_bytes().to_vec().into(),
            author,
            role: voice.roles.first().map(ToString::to_string).unwrap_or_default(),
            kind: kind.to_owned(),
            of: wish.of.map(|of| of.to_string()).unwrap_or_default(),
            text: wish.text,
            files: wish.files,
            at: Some(hansa_edge::timestamp(self.now())),
        };
        if !model::holds(&entry) {
            return Err(Error::Invalid {
                field: "text",
                text: format!(
                    "1 to {} characters or a file, {} files at most, and nothing with withdraw",
                    model::TEXT_MAX,
                    model::FILES_MAX
                ),
            });
        }
        Ok(entry)
    }

    /// The same request again, or an id that is taken.
    fn said_before(&self, seal: &Seal, row: EntryRow, wish: &Wish, staff: StaffId) -> Result<Shown, Error> {
        let (id, of) = (row.id, row.of_id);
        let shown = view::show(seal, row, &[], staff.0)?;
        if !shown.own || shown.text != wish.text || shown.files != wish.files || of != wish.of {
            return Err(Error::IdReused(id));
        }
        Ok(shown)
    }

    /// What somebody of ours is called there, if they may write.
    async fn author(&self, tx: &mut TenantTx, voice: &Voice<'_>, circle: &Circle) -> Result<String, Error> {
        let links: Vec<_> = circle.links.iter().map(|link| link.0).collect();
        let rules = store::rules(tx, Some(&links)).await?;
        for rule in rules.iter().filter(|rule| !rule.roles.is_empty()) {
            if !voice
                .roles
                .iter()
                .any(|role| words(&rule.roles).any(|word| word == role.as_str()))
            {
                return Err(Error::Contact(rule.roles.replace(' ', ", ")));
            }
        }
        // Where several hear it, all must be allowed to hear the name.
        if links
            .iter()
            .all(|link| rules.iter().any(|rule| rule.link_id == *link && rule.names))
        {
            return Ok(voice.name.to_owned());
        }
        let link = *circle.links.first().ok_or(Error::NotFound("thread"))?;
        Ok(self.workflow.alias(tx.tenant().as_str(), link, voice.staff.0)?)
    }

    /// Sends an entry of ours to whoever counts.
    async fn send(
        &self,
        tx: &mut TenantTx,
        (thread, link): (&mut ThreadRow, LinkId),
        speech: &Speech<'_>,
        seal: &Seal,
    ) -> Result<EntryRow, Error> {
        let row = self.row(
            thread.id,
            speech,
            None,
            seal.close(
                &entry_place(thread.id, speech.entry.id.parse().map_err(|_| Error::Damaged("entry"))?),
                &speech.signed.encode_to_vec(),
            )?,
        )?;
        store::keep(tx, &row).await?;
        thread.told += 1;
        store::advance(tx, thread).await?;
        let said = Said {
            entry: Some(speech.signed.clone()),
        };
        let key = format!("said/{}", thread.id);
        self.links.post(tx, link, (&key, thread.told), (SAID, &said)).await?;
        tx.wake();
        Ok(row)
    }

    /// Gives an entry its place, and tells the others.
    async fn place(
        &self,
        tx: &mut TenantTx,
        (thread, circle): (&mut ThreadRow, &Circle),
        us: &EnterpriseKeys,
        speech: &Speech<'_>,
        seal: &Seal,
    ) -> Result<EntryRow, Error> {
        let previous = HEXLOWER
            .decode(thread.head.as_bytes())
            .map_err(|_| Error::Damaged("thread"))?;
        let placed = Placed {
            subject_kind: thread.subject_kind.clone(),
            subject_id: thread.subject_id.to_string(),
            place: u64::try_from(thread.last + 1).map_err(|_| Error::Damaged("thread"))?,
            previous: previous.into(),
            entry: Some(speech.signed.clone()),
            enterprise_name: speech.enterprise_name.clone(),
        };
        let placed = model::sign_placed(us, &placed);
        let row = self
            .keep_placed(tx, (thread, &circle.title), &placed, speech, seal)
            .await?;
        let told = PlacedTold { placed: Some(placed) };
        let key = format!("thread/{}", thread.id);
        for link in &circle.links {
            self.links.post(tx, *link, (&key, thread.last), (PLACED, &told)).await?;
        }
        Ok(row)
    }

    /// Keeps an entry at the place after the last, as whoever counts has signed it.
    async fn keep_placed(
        &self,
        tx: &mut TenantTx,
        (thread, title): (&mut ThreadRow, &str),
        placed: &Signed,
        speech: &Speech<'_>,
        seal: &Seal,
    ) -> Result<EntryRow, Error> {
        thread.last += 1;
        (thread.head, thread.last_at) = (HEXLOWER.encode(&model::head(placed)), self.now());
        let id = speech.entry.id.parse().map_err(|_| Error::Damaged("entry"))?;
        let sealed = seal.close(&entry_place(thread.id, id), &placed.encode_to_vec())?;
        let row = self.row(thread.id, speech, Some(thread.last), sealed)?;
        store::keep(tx, &row).await?;
        store::advance(tx, thread).await?;
        if let Some(staff) = speech.staff {
            store::read_own(tx, thread.id, &staff.to_string(), thread.last).await?;
        }
        if speech.entry.kind == "said" {
            self.notify(tx, (thread, title), speech).await?;
        }
        let data = serde_json::json!({
            "subject_kind": thread.subject_kind, "subject_id": thread.subject_id, "place": thread.last, "entry_id": id,
            "kind": speech.entry.kind, "enterprise": speech.enterprise_name,
        });
        self.egress.publish(tx, THREAD_CHANGED, data).await?;
        tx.wake();
        Ok(row)
    }

    fn row(&self, thread: Uuid, speech: &Speech<'_>, place: Option<i64>, sealed: Vec<u8>) -> Result<EntryRow, Error> {
        let entry = speech.entry;
        let of = Some(&entry.of).filter(|of| !of.is_empty());
        let at = entry.at.as_ref().map_or(0, |at| at.seconds);
        Ok(EntryRow {
            thread_id: thread,
            id: entry.id.parse().map_err(|_| Error::Damaged("entry"))?,
            place,
            kind: entry.kind.clone(),
            of_id: of
                .map(|of| of.parse().map_err(|_| Error::Damaged("entry")))
                .transpose()?,
            enterprise: speech.enterprise.clone(),
            enterprise_name: speech.enterprise_name.clone(),
            staff_id: speech.staff,
            state: if place.is_some() { "placed" } else { "sent" }.to_owned(),
            reason: String::new(),
            at: OffsetDateTime::from_unix_timestamp(at).map_err(|_| Error::Damaged("entry"))?,
            body_hash: HEXLOWER.encode(&sha256(&[&speech.signed.body])),
            sealed,
        })
    }

    /// Somebody of ours has read so far; partners hear how far the first of us has.
    pub(crate) async fn mark_read(&self, session: &Session, subject: Subject, place: u64) -> Result<Whole, Error> {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let thread = self.read_up_to(session, session.staff(), (subject, place)).await?;
        let mut tx = self.tenancy.begin("conversations.shown", session).await?;
        let whole = self.whole(&mut tx, session, vec![thread]).await?.pop();
        whole.ok_or(Error::Damaged("thread"))
    }

    async fn read_up_to(
        &self,
        caller: &impl Caller,
        staff: StaffId,
        (subject, place): (Subject, i64),
    ) -> Result<ThreadRow, Error> {
        let mut tx = self.tenancy.begin("conversations.mark_read", caller).await?;
        let circle = self.circle(&mut tx, subject).await?;
        let mut thread = store::lock(&mut tx, subject.thread())
            .await?
            .ok_or(Error::NotFound("thread"))?;
        let place = place.min(thread.last);
        store::mark_read(&mut tx, thread.id, &staff.to_string(), place).await?;
        self.seen(&mut tx, thread.id, staff.0).await?;
        let us = self.vault.identity(&mut tx).await?;
        if store::mark_read(&mut tx, thread.id, &us.enterprise.to_string(), place).await? {
            let read = Read {
                subject_kind: thread.subject_kind.clone(),
                subject_id: thread.subject_id.to_string(),
                enterprise: us.enterprise.as_bytes().to_vec().into(),
                place: place.unsigned_abs(),
            };
            for link in &circle.links {
                self.links.rouse(caller, *link).await?;
            }
            self.tell_read(&mut tx, &mut thread, &circle.links, &read).await?;
        }
        tx.commit().await?;
        Ok(thread)
    }

    async fn tell_read(
        &self,
        tx: &mut TenantTx,
        thread: &mut ThreadRow,
        links: &[LinkId],
        read: &Read,
    ) -> Result<(), Error> {
        thread.told += 1;
        store::advance(tx, thread).await?;
        let key = format!("read/{}", thread.id);
        for link in links {
            self.links.post(tx, *link, (&key, thread.told), (READ, read)).await?;
        }
        tx.wake();
        Ok(())
    }

    /// Says who of ours may write on a link, and whether partners see their names.
    pub(crate) async fn put_rule(
        &self,
        session: &Session,
        link: LinkId,
        roles: &[String],
        names: bool,
    ) -> Result<RuleRow, Error> {
        let mut known = Vec::new();
        for role in roles {
            let role = role.parse::<Role>().map_err(|wrong| Error::Invalid {
                field: "roles",
                text: wrong.to_string(),
            })?;
            known.push(role.as_str());
        }
        known.sort_unstable();
        known.dedup();
        let mut tx = self.tenancy.begin("conversations.put_rule", session).await?;
        self.links.other_end(&mut tx, link).await?;
        let row = RuleRow {
            link_id: link.0,
            roles: known.join(" "),
            names,
        };
        store::put_rule(&mut tx, &row).await?;
        let (actor, resource) = (session.staff().to_string(), format!("link/{link}"));
        let line = self.tenancy.ids().uuid();
        audit(&mut tx, line, &actor, "thread.configure", &resource, &session.rule()).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// The contact rules of all links that have one.
    pub(crate) async fn rules(&self, session: &Session) -> Result<Vec<RuleRow>, Error> {
        let mut tx = self.tenancy.begin("conversations.rules", session).await?;
        store::rules(&mut tx, None).await
    }
}
