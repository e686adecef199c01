//! What partners tell us of threads, in the transaction that takes the message.

use data_encoding::HEXLOWER;
use hansa_link::Incoming;
use hansa_proto::{
    conversations::v1::{Entry, NotPlaced, PlacedTold, Read, Said},
    types::v1::Signed,
};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::sha256;
use hansa_vocab::{EnterpriseId, LinkId};
use prost::Message as _;
use uuid::Uuid;

use super::{Circle, Conversations, Speech};
use crate::{
    Error,
    events::{NOT_PLACED, Not},
    model::{self, By, Subject},
    store::{self, ThreadRow},
};

/// Characters of an enterprise's name.
const NAME_MAX: usize = 200;

fn subject(kind: &str, id: &str) -> Result<Subject, Not> {
    Subject::read(kind, id).ok_or(Not::Good("MALFORMED"))
}

fn errand(tx: &TenantTx) -> Errand {
    Errand::new("conversations.effect", tx.tenant())
}

fn hash(signed: &Signed) -> String {
    HEXLOWER.encode(&sha256(&[&signed.body]))
}

impl Conversations {
    /// The circle of a subject in which the partner of this link is; NOT_FOUND for every other.
    async fn circle_with(&self, tx: &mut TenantTx, about: Subject, link: LinkId) -> Result<Circle, Not> {
        match self.circle(tx, about).await {
            Ok(circle) if circle.links.contains(&link) => Ok(circle),
            Ok(_) | Err(Error::NotFound(_) | Error::Link(hansa_link::Error::NoSuchLink)) => Err(Not::Good("NOT_FOUND")),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn said_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let said = Said::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let signed = said.entry.ok_or_else(malformed)?;
        let other = self.links.other_end(tx, incoming.link).await?;
        let now = self.now().unix_timestamp();
        let entry = model::read_entry(By::Partner(&other.keys), &signed, now).ok_or(Not::Good("NOT_SIGNED"))?;
        if *entry.enterprise != *other.keys.enterprise.as_bytes() {
            return Err(Not::Good("NOT_SIGNED"));
        }
        let about = subject(&entry.subject_kind, &entry.subject_id)?;
        let circle = self.circle_with(tx, about, incoming.link).await?;
        if circle.counter.is_some() {
            return Err(Not::Good("NOT_OURS"));
        }
        for link in &circle.links {
            self.links.rouse(&errand(tx), *link).await?;
        }
        let seal = self.vault.seal(tx).await?;
        let mut thread = self.thread(tx, about, &circle).await?;
        let enterprise = other.keys.enterprise.to_string();
        let id: Uuid = entry.id.parse().map_err(|_| malformed())?;
        if let Some(known) = store::entry(tx, thread.id, id).await? {
            let same = known.body_hash == hash(&signed);
            return if same { Ok(()) } else { Err(Not::Good("ID_REUSED")) };
        }
        if !self.theirs(tx, thread.id, &entry, &enterprise).await? {
            let to = (incoming.link, "NOT_YOURS");
            return Ok(self.not_placed(tx, &mut thread, &entry, to).await?);
        }
        let speech = Speech {
            entry: &entry,
            signed: &signed,
            enterprise_name: other.keys.name,
            enterprise,
            staff: None,
        };
        let us = self.vault.identity(tx).await?;
        self.place(tx, (&mut thread, &circle), &us, &speech, &seal).await?;
        self.want(tx, thread.id, &entry, incoming.link).await?;
        self.noted(tx, &speech.enterprise, thread.id, incoming.link).await
    }

    /// What is said anew or withdrawn was said by the same enterprise.
    async fn theirs(&self, tx: &mut TenantTx, thread: Uuid, entry: &Entry, enterprise: &str) -> Result<bool, Not> {
        if entry.of.is_empty() {
            return Ok(true);
        }
        let of = entry.of.parse().map_err(|_| Not::Good("MALFORMED"))?;
        let of = store::entry(tx, thread, of).await?;
        Ok(of.is_some_and(|of| of.enterprise == enterprise && of.kind == "said" && of.place.is_some()))
    }

    async fn not_placed(
        &self,
        tx: &mut TenantTx,
        thread: &mut ThreadRow,
        entry: &Entry,
        (link, reason): (LinkId, &str),
    ) -> Result<(), Error> {
        thread.told += 1;
        store::advance(tx, thread).await?;
        let told = NotPlaced {
            subject_kind: entry.subject_kind.clone(),
            subject_id: entry.subject_id.clone(),
            entry_id: entry.id.clone(),
            reason: reason.to_owned(),
        };
        let key = format!("no/{}", thread.id);
        self.links
            .post(tx, link, (&key, thread.told), (NOT_PLACED, &told))
            .await?;
        tx.wake();
        Ok(())
    }

    pub(crate) async fn placed_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let told = PlacedTold::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let signed = told.placed.ok_or_else(malformed)?;
        let other = self.links.other_end(tx, incoming.link).await?;
        let now = self.now().unix_timestamp();
        let placed = model::read_placed(By::Partner(&other.keys), &signed, now).ok_or(Not::Good("NOT_SIGNED"))?;
        let about = subject(&placed.subject_kind, &placed.subject_id)?;
        let circle = self.circle_with(tx, about, incoming.link).await?;
        if circle.counter != Some(incoming.link) {
            return Err(Not::Good("NOT_COUNTED_THERE"));
        }
        let seal = self.vault.seal(tx).await?;
        let mut thread = self.thread(tx, about, &circle).await?;
        let follows = i64::try_from(placed.place) == Ok(thread.last + 1)
            && HEXLOWER.encode(&placed.previous) == thread.head
            && placed.enterprise_name.chars().count() <= NAME_MAX;
        if !follows {
            return Err(Not::Good("NOT_NEXT"));
        }
        let inner = placed.entry.clone().ok_or_else(malformed)?;
        let (entry, staff) = self.believed(tx, &thread, (&other.keys, about), &inner).await?;
        let enterprise = EnterpriseId::try_from(&*entry.enterprise).map_err(|_| malformed())?;
        let speech = Speech {
            entry: &entry,
            signed: &inner,
            enterprise: enterprise.to_string(),
            enterprise_name: placed.enterprise_name.clone(),
            staff,
        };
        self.keep_placed(tx, (&mut thread, &circle.title), &signed, &speech, &seal)
            .await?;
        self.want(tx, thread.id, &entry, incoming.link).await?;
        let actor = other.keys.enterprise.to_string();
        self.noted(tx, &actor, thread.id, incoming.link).await
    }

    /// What is in a place: our own words as we said them, or those of whoever counts, or of somebody for whom it speaks.
    async fn believed(
        &self,
        tx: &mut TenantTx,
        thread: &ThreadRow,
        (counter, about): (&hansa_link::model::Introduced, Subject),
        signed: &Signed,
    ) -> Result<(Entry, Option<Uuid>), Not> {
        let now = self.now().unix_timestamp();
        let us = self.vault.identity(tx).await?;
        let claimed = Entry::decode(signed.body.clone()).map_err(|_| Not::Good("MALFORMED"))?;
        let id: Uuid = claimed.id.parse().map_err(|_| Not::Good("MALFORMED"))?;
        let known = store::entry(tx, thread.id, id).await?;
        let ours = *claimed.enterprise == *us.enterprise.as_bytes();
        let entry = if ours {
            model::read_entry(By::Us(&us), signed, now)
        } else if *claimed.enterprise == *counter.enterprise.as_bytes() {
            model::read_entry(By::Partner(counter), signed, now)
        } else {
            Some(claimed).filter(model::holds)
        };
        let entry = entry.ok_or(Not::Good("NOT_SIGNED"))?;
        if subject(&entry.subject_kind, &entry.subject_id)? != about {
            return Err(Not::Good("OTHER_SUBJECT"));
        }
        match (ours, known) {
            (true, Some(known)) if known.place.is_none() && known.body_hash == hash(signed) => {
                Ok((entry, known.staff_id))
            }
            (false, None) => Ok((entry, None)),
            _ => Err(Not::Good("NEVER_SAID")),
        }
    }

    pub(crate) async fn not_placed_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let told = NotPlaced::decode(incoming.message.payload.clone()).map_err(|_| Not::Good("MALFORMED"))?;
        let about = subject(&told.subject_kind, &told.subject_id)?;
        let circle = self.circle_with(tx, about, incoming.link).await?;
        if circle.counter != Some(incoming.link) {
            return Err(Not::Good("NOT_COUNTED_THERE"));
        }
        let id = told.entry_id.parse().map_err(|_| Not::Good("MALFORMED"))?;
        Ok(store::refuse(tx, about.thread(), id, &told.reason).await?)
    }

    pub(crate) async fn read_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let read = Read::decode(incoming.message.payload.clone()).map_err(|_| Not::Good("MALFORMED"))?;
        let about = subject(&read.subject_kind, &read.subject_id)?;
        let circle = self.circle_with(tx, about, incoming.link).await?;
        let other = self.links.other_end(tx, incoming.link).await?.keys.enterprise;
        let reader = EnterpriseId::try_from(&*read.enterprise).map_err(|_| Not::Good("MALFORMED"))?;
        // Whoever counts passes on what others have read; everybody else speaks for themselves.
        if reader != other && circle.counter != Some(incoming.link) {
            return Err(Not::Good("NOT_SIGNED"));
        }
        let Some(mut thread) = store::lock(tx, about.thread()).await? else {
            return Ok(());
        };
        let place = i64::try_from(read.place).unwrap_or(i64::MAX).min(thread.last);
        if !store::mark_read(tx, thread.id, &reader.to_string(), place).await? || circle.counter.is_some() {
            return Ok(());
        }
        let others: Vec<_> = circle.links.into_iter().filter(|link| *link != incoming.link).collect();
        for link in &others {
            self.links.rouse(&errand(tx), *link).await?;
        }
        Ok(self.tell_read(tx, &mut thread, &others, &read).await?)
    }

    async fn noted(&self, tx: &mut TenantTx, actor: &str, thread: Uuid, link: LinkId) -> Result<(), Not> {
        let (line, resource) = (self.tenancy.ids().uuid(), format!("thread/{thread}"));
        let rule = format!("link {link}");
        Ok(
            hansa_directory::audit(tx, line, actor, "thread.entry", &resource, &rule)
                .await
                .map_err(Error::from)?,
        )
    }
}
