//! How a document begins: here, or at its issuer by somebody else's first act.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hansa_directory::{Session, audit};
use hansa_proto::documents::v1::Start;
use hansa_tenancy::{Caller as _, Errand, TenantTx};
use hansa_vocab::LinkId;
use uuid::Uuid;

use super::{Asked, Documents, Known, Whole};
use crate::{
    Error,
    admission::{Doing, Standing},
    model::{Contents, Kind, Refusal},
    store::{self, DocumentRow, PartyRow},
};

/// What begins a document, at us or at the partner.
fn begins(we_count: bool) -> Doing<'static> {
    Doing {
        act: "",
        begins: true,
        we_count,
        files: false,
    }
}

/// What is to be begun, and who says so.
pub(crate) struct Begun<'a> {
    pub id: Uuid,
    pub role: &'a str,
    pub link: LinkId,
    pub start: &'a Start,
}

/// Who of ours does something.
#[derive(Debug, Default)]
pub(super) struct Person {
    /// Whoever answers for the kind lets them do it: no flow is needed.
    pub admitted: bool,
    /// What they are called at the issuer, and as what they do it; empty when we are the issuer.
    pub name: String,
    pub role: String,
}

impl Documents {
    /// Begins a document with these partners.
    pub(crate) async fn create(
        &self,
        session: &Session,
        id: Option<Uuid>,
        kind: &str,
        links: &BTreeMap<String, LinkId>,
    ) -> Result<Whole, Error> {
        let mut tx = self.tenancy.begin("documents.with_whom", session).await?;
        let kind = self.kind_for(&mut tx, kind, links).await?;
        let ours = kind.starter() == kind.issuer();
        let named = if ours { &kind.roles[1..] } else { &kind.roles[..1] };
        if links.keys().collect::<BTreeSet<_>>() != named.iter().collect() {
            return Err(Error::Invalid {
                field: "links",
                text: format!("one link for each of: {}", named.join(", ")),
            });
        }
        for link in links.values() {
            self.links.make_way(&mut tx, *link).await?;
        }
        let id = id.unwrap_or_else(|| self.tenancy.ids().uuid());
        if let Some(row) = store::lock(&mut tx, id).await? {
            return self.begun(&mut tx, row, &kind, links).await;
        }
        if let Some(admission) = self.answers_for(&kind) {
            admitted(admission.person(&mut tx, session, &kind, begins(ours)).await?)?;
        }
        let parties = self
            .with_whom(&mut tx, (id, session.enterprise_name()), &kind, links)
            .await?;
        drop(tx);
        let number = if ours {
            format!("{}-{}", kind.prefix, self.next_number(session, &kind.prefix).await?)
        } else {
            String::new()
        };
        let row = self.draft(id, &kind, kind.starter(), number);
        let mut tx = self.tenancy.begin("documents.create", session).await?;
        if !store::insert(&mut tx, &row, &parties).await? {
            // The same request was under way twice.
            let row = store::lock(&mut tx, id).await?.ok_or(Error::Damaged("document"))?;
            return self.begun(&mut tx, row, &kind, links).await;
        }
        let (actor, resource) = (session.staff().to_string(), format!("document/{id}"));
        audit(
            &mut tx,
            self.tenancy.ids().uuid(),
            &actor,
            "document.create",
            &resource,
            &session.rule(),
        )
        .await?;
        tx.commit().await?;
        Ok(Whole::new(row, parties, kind))
    }

    pub(super) fn draft(&self, id: Uuid, kind: &Kind, our_role: &str, number: String) -> DocumentRow {
        DocumentRow {
            id,
            kind: kind.name.clone(),
            kind_version: i32::try_from(kind.version).unwrap_or(i32::MAX),
            number,
            our_role: our_role.to_owned(),
            issuer: our_role == kind.issuer(),
            version: 0,
            state: kind.begins.clone(),
            root: String::new(),
            since: self.tenancy.clock().now(),
            refers_to: None,
            due_at: None,
            overdue: false,
            erased_at: None,
        }
    }

    /// The same request again, or an id that is taken.
    async fn begun(
        &self,
        tx: &mut TenantTx,
        row: DocumentRow,
        kind: &Kind,
        links: &BTreeMap<String, LinkId>,
    ) -> Result<Whole, Error> {
        let known = self.known(tx, row).await?;
        let others = known.linked().map(|(party, link)| (party.role.clone(), link));
        let same = others.collect::<BTreeMap<_, _>>() == *links;
        if known.row.our_role != kind.starter() || known.row.kind != kind.name || !same {
            return Err(Error::IdReused(known.row.id));
        }
        self.whole(tx, known).await
    }

    /// The newest version of a kind that all of these have.
    async fn kind_for(
        &self,
        tx: &mut TenantTx,
        name: &str,
        links: &BTreeMap<String, LinkId>,
    ) -> Result<Arc<Kind>, Error> {
        let newest = self.kind(tx, name, None).await?;
        let Some(admission) = self.answers_for(&newest) else {
            return Ok(newest);
        };
        let doing = begins(newest.starter() == newest.issuer());
        let mut common = newest.version;
        for link in links.values() {
            if let Standing::Open { version, .. } = admission.partner(tx, *link, &newest, doing).await? {
                common = common.min(version);
            }
        }
        if common == newest.version {
            return Ok(newest);
        }
        self.kind(tx, name, i32::try_from(common).ok()).await
    }

    /// The parties of a new document: its issuer first, and of the others those whom we name.
    pub(super) async fn with_whom(
        &self,
        tx: &mut TenantTx,
        (id, our_name): (Uuid, &str),
        kind: &Kind,
        links: &BTreeMap<String, LinkId>,
    ) -> Result<Vec<PartyRow>, Error> {
        let us = self.vault.identity(tx).await?;
        let ours = kind
            .roles
            .iter()
            .find(|role| !links.contains_key(*role) && *role == kind.starter());
        let ours = ours.map_or(kind.issuer(), String::as_str);
        let mut parties = Vec::new();
        for role in &kind.roles {
            let (enterprise, name, link_id, hosted) = match links.get(role) {
                Some(link) => {
                    let other = self.taker(tx, kind, *link, ours == kind.issuer()).await?;
                    (
                        other.keys.enterprise.to_string(),
                        other.keys.name,
                        Some(link.0),
                        other.hosted,
                    )
                }
                None if role == ours => (us.enterprise.to_string(), our_name.to_owned(), None, false),
                None => continue,
            };
            parties.push(PartyRow {
                document_id: id,
                role: role.clone(),
                enterprise,
                name,
                link_id,
                heard_version: 0,
                trouble: String::new(),
                hosted,
            });
        }
        Ok(parties)
    }

    /// A partner who takes documents of this kind.
    async fn taker(
        &self,
        tx: &mut TenantTx,
        kind: &Kind,
        link: LinkId,
        we_count: bool,
    ) -> Result<hansa_link::OtherEnd, Error> {
        let other = self.links.other_end(tx, link).await?;
        let standing = match self.answers_for(kind) {
            Some(admission) => admission.partner(tx, link, kind, begins(we_count)).await?,
            None => Standing::Unknown,
        };
        if !admitted(standing)? && !other.received.document_kinds.contains(&kind.name) {
            let (kind, owner) = (kind.name.clone(), other.keys.name);
            return Err(Error::Grant { kind, owner });
        }
        if other.hosted && !self.pages.served() {
            return Err(hansa_pages::Error::NotServed.into());
        }
        Ok(other)
    }

    /// A document of ours that a partner's first act begins, before that act is judged.
    pub(crate) async fn begun_there(&self, tx: &mut TenantTx, begun: &Begun<'_>) -> Result<Known, Error> {
        let version = i32::try_from(begun.start.kind_version).ok();
        let kind = self.kind(tx, &begun.start.kind, version).await?;
        if *begun.start.kind_hash != kind.hash() {
            return Err(Error::NotFound("kind"));
        }
        if kind.starter() == kind.issuer() || kind.starter() != begun.role {
            return Err(Refusal::NotYours {
                by: kind.starter().to_owned(),
            }
            .into());
        }
        let other = self.links.other_end(tx, begun.link).await?;
        let mut links = BTreeMap::new();
        let mut known = other.granted.document_kinds.contains(&kind.name);
        if let Some(admission) = self.answers_for(&kind) {
            known |= admitted(admission.partner(tx, begun.link, &kind, begins(true)).await?)?;
            links = admission.others(tx, begun.link, &kind).await?;
        }
        if !known {
            return Err(Error::Grant {
                kind: kind.name.clone(),
                owner: other.keys.name,
            });
        }
        links.insert(begun.role.to_owned(), begun.link);
        if let Some(missing) = kind.roles.iter().skip(1).find(|role| !links.contains_key(*role)) {
            return Err(Refusal::NotAdmitted {
                rule: "NO_PARTY",
                text: format!(
                    "{} has not said yet who is the {missing}",
                    self.tenancy.tenant(tx.tenant()).await?.name
                ),
            }
            .into());
        }
        let our_name = self.tenancy.tenant(tx.tenant()).await?.name;
        let parties = self.with_whom(tx, (begun.id, &our_name), &kind, &links).await?;
        for link in links.values() {
            let errand = Errand::new("documents.effect", tx.tenant());
            self.links.rouse(&errand, *link).await?;
        }
        Ok(Known {
            row: self.draft(begun.id, &kind, kind.issuer(), String::new()),
            kind,
            parties,
            newest: None,
            contents: Contents::new(),
        })
    }

    /// Keeps it, with a number: the act that begins it counts.
    pub(crate) async fn keep_begun(&self, tx: &mut TenantTx, known: &mut Known) -> Result<(), Error> {
        let errand = Errand::new("documents.effect", tx.tenant());
        let number = self.next_number(&errand, &known.kind.prefix).await?;
        known.row.number = format!("{}-{number}", known.kind.prefix);
        if !store::insert(tx, &known.row, &known.parties).await? {
            return Err(Error::IdReused(known.row.id));
        }
        Ok(())
    }

    /// Asks whoever answers for the kind whether one of ours may do that, and what they are called at the issuer.
    pub(super) async fn person(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        known: &Known,
        doing: Doing<'_>,
    ) -> Result<Person, Error> {
        let issuer = known.parties.first().and_then(|party| party.link_id).map(LinkId);
        let (mut named, mut person) = (false, Person::default());
        if let Some(admission) = self.answers_for(&known.kind) {
            person.admitted = admitted(admission.person(tx, session, &known.kind, doing).await?)?;
            for (_, link) in known.linked() {
                let standing = admission.partner(tx, link, &known.kind, doing).await?;
                named |= matches!(standing, Standing::Open { named: true, .. });
                admitted(standing)?;
            }
        }
        let Some(link) = issuer else {
            return Ok(person);
        };
        (person.name, person.role) = self.called(session, link, named)?;
        Ok(person)
    }

    /// What one of ours is called on a link, by their name or by one that stands for them there, and as what they act.
    ///
    /// # Errors
    ///
    /// When a key can't be used.
    pub fn called(&self, session: &Session, link: LinkId, named: bool) -> Result<(String, String), Error> {
        let role = session.roles().first().map(ToString::to_string).unwrap_or_default();
        let name = if named {
            session.staff_name().to_owned()
        } else {
            self.workflow
                .alias(session.tenant().as_str(), link, session.staff().0)?
        };
        Ok((name, role))
    }

    /// Whether a partner may do that at a document of this kind.
    pub(crate) async fn partner_may(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        kind: &Kind,
        doing: Doing<'_>,
    ) -> Result<bool, Error> {
        match self.answers_for(kind) {
            Some(admission) => admitted(admission.partner(tx, link, kind, doing).await?),
            None => Ok(false),
        }
    }

    /// Who begins what at the issuer, as the first act says it.
    pub(super) fn start(known: &Known) -> Option<Start> {
        (!known.row.issuer && known.row.version == 0).then(|| Start {
            kind: known.kind.name.clone(),
            kind_version: known.kind.version,
            kind_hash: known.kind.hash().to_vec().into(),
        })
    }
}

/// Whether somebody answers for it; what is closed is refused.
pub(super) fn admitted(standing: Standing) -> Result<bool, Error> {
    match standing {
        Standing::Unknown => Ok(false),
        Standing::Open { .. } => Ok(true),
        Standing::Closed { rule, text } => Err(Refusal::NotAdmitted { rule, text }.into()),
    }
}

impl Asked<'_> {
    /// What it does, for whoever answers for the kind.
    pub(crate) fn doing(&self, row: &DocumentRow) -> Doing<'_> {
        Doing {
            act: &self.act.name,
            begins: row.version == 0,
            we_count: row.issuer,
            files: !crate::model::content::files(self.contents).is_empty(),
        }
    }
}
