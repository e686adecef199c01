//! Partners without a node: they are told by mail, and do on a page of ours what others do from their own node. Their keys lie
//! here; what they do is signed with those, judged by the same rules, and counted by the same code.

use std::{collections::BTreeMap, sync::Arc};

use hansa_directory::{Session, audit};
use hansa_egress::Mail;
use hansa_link::{Guest, Permit};
use hansa_pages::{Answer, Page, PageFuture, Stay, Visit, Visitor};
use hansa_proto::documents::v1::{Act, ActSent, Content};
use hansa_tenancy::TenantTx;
use hansa_vault::{EnterpriseKeys, sha256};
use hansa_vocab::{Fault, LinkId};
use maud::html;
use uuid::Uuid;

use super::{Asked, Documents, Known, Open, Wish, hex, opened, outlook::on_paper};
use crate::{
    Error,
    model::{
        Contents, Document, Kind, Refusal, content,
        desk::{self, Desk, Fields, Reply, mail},
        face,
        kind::Holds,
        print,
        said::Said,
        stock::Amount,
        version,
    },
    store::{self, DocumentRow, PartyRow},
};

/// What pages of this room are for.
pub const PURPOSE: &str = "document";

/// A guest who has come to a page.
#[derive(Clone, Copy)]
struct AtDesk<'a> {
    permit: &'a Permit,
    subject: Uuid,
}

fn at_desk(visit: &Visit) -> Option<AtDesk<'_>> {
    match &visit.visitor {
        Visitor::Guest(permit) => Some(AtDesk {
            permit,
            subject: visit.subject,
        }),
        Visitor::Anyone(_) => None,
    }
}

/// A document before a guest, and what stands beside it on their page.
struct Before {
    known: Known,
    /// As whom they act.
    role: String,
    /// What they see of it.
    seen: Contents,
    proposals: Vec<Open>,
    issues: Vec<(Arc<Kind>, BTreeMap<String, Amount>)>,
    about: Vec<(Arc<Kind>, DocumentRow)>,
}

impl Documents {
    /// Whose signature makes the versions of a document that is counted here: ours, or that of the guest who has issued it.
    pub(super) async fn counts_as(&self, tx: &mut TenantTx, known: &Known) -> Result<Arc<EnterpriseKeys>, Error> {
        match known.parties.first() {
            Some(PartyRow {
                hosted: true,
                link_id: Some(link),
                ..
            }) => Ok(Arc::new(self.vault.guest(tx, LinkId(*link)).await?)),
            _ => Ok(self.vault.identity(tx).await?),
        }
    }

    /// Writes to the guests among the others that something has become of a document, by this role; those who have a node.
    pub(super) async fn tell_guests<'a>(
        &self,
        tx: &mut TenantTx,
        known: &'a Known,
        by: &str,
    ) -> Result<Vec<(&'a PartyRow, LinkId)>, Error> {
        let (guests, others): (Vec<_>, Vec<_>) = known.linked().partition(|(party, _)| party.hosted);
        for (_, link) in guests.into_iter().filter(|(party, _)| party.role != by) {
            self.write_to(tx, known, link).await?;
        }
        Ok(others)
    }

    async fn write_to(&self, tx: &mut TenantTx, known: &Known, link: LinkId) -> Result<(), Error> {
        let guest = self.links.guest(tx, link).await?.ok_or(Error::NotFound("guest"))?;
        let address = self.page_of(tx, known, link).await?;
        let from = self.tenancy.tenant(tx.tenant()).await?.name;
        let language = &guest.contact.language;
        let what = format!("{} {}", known.kind.titled(language), known.row.number);
        let (subject, text) = mail(language, (&from, &what), &address);
        let to = guest.contact.email;
        let letter = Mail {
            from,
            to,
            subject,
            text,
        };
        Ok(self.egress.mail(tx, known.row.id, &letter).await?)
    }

    /// A guest's page shows one document; what is about another one is shown on that one's page.
    async fn page_of(&self, tx: &mut TenantTx, known: &Known, link: LinkId) -> Result<String, Error> {
        let subject = known.row.refers_to.unwrap_or(known.row.id);
        Ok(self
            .pages
            .address(tx, PURPOSE, (link, subject), Stay::default())
            .await?)
    }

    /// The address of the page on which a guest sees a document and acts on it; `write`: it is sent there too.
    pub(crate) async fn share(&self, session: &Session, id: Uuid, write: bool) -> Result<String, Error> {
        let mut tx = self.tenancy.begin("documents.share", session).await?;
        let known = self.locked(&mut tx, id).await?;
        if known.row.version == 0 {
            let state = known.row.state;
            return Err(Refusal::NotNow { state }.into());
        }
        let guest = known.linked().find(|(party, _)| party.hosted);
        let (_, link) = guest.ok_or_else(|| Error::Invalid {
            field: "id",
            text: "none of its parties is a guest: the others have it on their own node".to_owned(),
        })?;
        self.links.make_way(&mut tx, link).await?;
        let address = self.page_of(&mut tx, &known, link).await?;
        if write {
            self.write_to(&mut tx, &known, link).await?;
        }
        let (actor, resource) = (session.staff().to_string(), format!("document/{id}"));
        let line = self.tenancy.ids().uuid();
        audit(&mut tx, line, &actor, "document.share", &resource, &session.rule()).await?;
        tx.commit().await?;
        Ok(address)
    }

    /// The document that a guest has come for, its lock, and as whom they act; as long as their link is as the permit says.
    async fn guest_of(&self, tx: &mut TenantTx, visit: AtDesk<'_>) -> Result<(Known, String), Error> {
        let permit = visit.permit;
        let guard = (permit.link(), permit.epoch(), permit.grant_version());
        let role = store::role_on(tx, visit.subject, guard).await?;
        let role = role.ok_or(Error::NotFound("document"))?;
        let known = self.locked(tx, visit.subject).await?;
        if known.row.version == 0 {
            return Err(Error::NotFound("document"));
        }
        Ok((known, role))
    }

    async fn before(&self, tx: &mut TenantTx, visit: AtDesk<'_>) -> Result<Before, Error> {
        let (known, role) = self.guest_of(tx, visit).await?;
        let (mut seen, sees) = (known.contents.clone(), |section: &String| {
            known.kind.sees(&role, section)
        });
        seen.retain(|section, _| sees(section));
        let mut proposals = self.proposals(tx, &[known.row.id]).await?;
        proposals.retain(|open| open.waits_for(&known.document()).contains(&role));
        for open in &mut proposals {
            open.contents.retain(|section, _| sees(section));
        }
        let mut about = Vec::new();
        for row in store::about(tx, known.row.id).await? {
            if row.version > 0 {
                about.push((self.kind_of(tx, &row).await?, row));
            }
        }
        let (mut issues, rest) = (Vec::new(), self.left(tx, &known, &about).await?);
        for name in &visit.permit.grant().document_kinds {
            let kind = match self.kind(tx, name, None).await {
                Err(Error::NotFound(_)) => continue,
                kind => kind?,
            };
            let fits = kind.refers_to.as_ref().is_some_and(|reference| {
                reference.kind == known.row.kind && reference.states.contains(&known.row.state)
            });
            let some_left = rest.values().any(|left| left.micros() > 0);
            if fits && some_left && kind.issuer() == role && first_act(&kind).is_some() {
                issues.push((kind, rest.clone()));
            }
        }
        Ok(Before {
            known,
            role,
            seen,
            proposals,
            issues,
            about,
        })
    }

    /// What is agreed of each line, less what the documents about it say.
    async fn left(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        about: &[(Arc<Kind>, DocumentRow)],
    ) -> Result<BTreeMap<String, Amount>, Error> {
        let progress = self.progress(tx, known).await?;
        let mut left: BTreeMap<_, _> = progress.into_iter().map(|one| (one.line, one.agreed)).collect();
        for (_, row) in about {
            let one = self.known(tx, row.clone()).await?;
            let over = one.kind.states.get(&one.row.state).is_some_and(|state| state.end);
            for line in Said::of(&one.contents).lines.into_iter().filter(|_| !over) {
                let sent = line.quantity.as_ref().and_then(Amount::read).unwrap_or_default();
                if let Some(left) = left.get_mut(&line.of_line) {
                    *left = left.same(left.micros().saturating_sub(sent.micros()).max(0));
                }
            }
        }
        Ok(left)
    }

    async fn shown_to(&self, visit: AtDesk<'_>, (trouble, typed): (String, Fields)) -> Result<String, Error> {
        let mut tx = self.tenancy.begin("documents.page", visit.permit).await?;
        let before = self.before(&mut tx, visit).await?;
        let guest = self.links.guest(&mut tx, visit.permit.link()).await?;
        let language = guest.map(|guest| guest.contact.language).unwrap_or_default();
        let ids = self.tenancy.ids();
        let forms = before.desk(trouble, typed).forms(&language, || ids.uuid());
        let files: Vec<_> = before.shown().flat_map(content::files_of).cloned().collect();
        let forms = html! { (face::handed(&files)) (forms) };
        Ok(on_paper(&before.known, &before.seen, (&language, &forms)))
    }

    /// A file that a guest's page names.
    async fn handed_to_guest(&self, visit: AtDesk<'_>, hash: &[u8]) -> Result<Answer, Error> {
        let mut tx = self.tenancy.begin("documents.page_file", visit.permit).await?;
        let before = self.before(&mut tx, visit).await?;
        self.handed(&mut tx, before.shown(), hash).await
    }

    async fn done_by(&self, visit: AtDesk<'_>, fields: &Fields) -> Result<(), Error> {
        let permit = visit.permit;
        self.links.rouse(permit, permit.link()).await?;
        let mut tx = self.tenancy.begin("documents.guest", permit).await?;
        let before = self.before(&mut tx, visit).await?;
        let (known, role) = (&before.known, &*before.role);
        // The page may have gone on since the form was sent for the first time.
        let form = (desk::id(fields)?, hash(fields));
        for document in [known.row.id, form.0] {
            match store::asked(&mut tx, document, form.0).await? {
                Some(asked) if asked == form.1 => return Ok(()),
                Some(_) => return Err(Error::IdReused(form.0)),
                None => {}
            }
        }
        let guest = self.links.guest(&mut tx, permit.link()).await?;
        let guest = guest.ok_or(Error::NotFound("guest"))?;
        match before.desk(String::new(), Fields::new()).read(fields, known.row.id) {
            Err(bad) => Err(Refusal::Content(bad).into()),
            Ok(Reply::Act {
                act,
                base,
                contents,
                proposal,
            }) => {
                let wish = Wish {
                    document: known.row.id,
                    id: Some(form.0),
                    act,
                    base,
                    contents,
                    proposal,
                };
                self.step(&mut tx, (known, role), (&wish, &form.1), (&guest, permit.link()))
                    .await?;
                Ok(tx.commit().await?)
            }
            Ok(Reply::Issue { kind, .. }) => {
                drop(tx);
                self.issued(visit, &guest, &kind, (fields, form)).await
            }
        }
    }

    /// A guest does something: signed with its key, and counted as an act of a partner's node would be.
    async fn step(
        &self,
        tx: &mut TenantTx,
        (known, role): (&Known, &str),
        (wish, body_hash): (&Wish, &str),
        (guest, link): (&Guest, LinkId),
    ) -> Result<(), Error> {
        let act_id = wish.id.unwrap_or_else(|| self.tenancy.ids().uuid());
        let (sections, texts) = self.sections(tx, known, wish).await?;
        let act = Act {
            document_id: known.row.id.to_string(),
            id: act_id.to_string(),
            name: wish.act.clone(),
            role: role.to_owned(),
            base: wish.base,
            sections,
            proposal: wish.proposal.map(|id| id.to_string()).unwrap_or_default(),
            ..Act::default()
        };
        let sent = ActSent {
            act: Some(version::sign_act(&guest.keys, &act)),
            texts,
            start: None,
        };
        let actor = guest.keys.enterprise.to_string();
        let asked = Asked {
            act: &act,
            sent: &sent,
            contents: &opened(&sent.texts)?,
            body_hash,
            actor: &actor,
        };
        for (party, other) in known.linked() {
            if !party.hosted {
                self.links.make_way(tx, other).await?;
            }
        }
        let decision = self.judge(tx, known, &asked).await?;
        self.rule(tx, known, &asked, decision).await?;
        let document = known.row.id;
        self.noted(tx, &actor, "document.act", document, link).await?;
        let newest = store::lock(tx, document).await?.map_or(0, |row| row.version);
        store::heard(tx, document, link, newest, "").await?;
        self.bring(tx, (&known.row, &known.kind), &actor, false).await
    }

    /// A guest issues a document about the one before them. A number is taken in a transaction of its own, so what the form says is read
    /// again under the lock: somebody else may have sent what was left.
    async fn issued(
        &self,
        visit: AtDesk<'_>,
        guest: &Guest,
        kind: &str,
        (fields, (id, form_hash)): (&Fields, (Uuid, String)),
    ) -> Result<(), Error> {
        let permit = visit.permit;
        let mut tx = self.tenancy.begin("documents.guest_kind", permit).await?;
        let kind = self.kind(&mut tx, kind, None).await?;
        let act = first_act(&kind).ok_or(Error::NotFound("act"))?.to_owned();
        drop(tx);
        let number = self.next_number(permit, &kind.prefix).await?;
        let mut tx = self.tenancy.begin("documents.guest_issues", permit).await?;
        let before = self.before(&mut tx, visit).await?;
        let about = &before.known;
        let reply = before.desk(String::new(), Fields::new()).read(fields, about.row.id);
        let Reply::Issue { contents, .. } = reply.map_err(Refusal::Content)? else {
            return Err(Error::NotFound("act"));
        };
        let row = DocumentRow {
            id,
            kind: kind.name.clone(),
            kind_version: i32::try_from(kind.version).unwrap_or(i32::MAX),
            number: format!("{}-{number}", kind.prefix),
            our_role: about.row.our_role.clone(),
            issuer: true,
            version: 0,
            state: kind.begins.clone(),
            root: String::new(),
            since: self.tenancy.clock().now(),
            refers_to: None,
            due_at: None,
            overdue: false,
            erased_at: None,
        };
        let by_role = |role: &String| about.parties.iter().find(|party| party.role == *role).cloned();
        let parties: Option<Vec<PartyRow>> = kind.roles.iter().map(by_role).collect();
        let parties = parties.ok_or(Error::NotFound("party"))?;
        if !store::insert(&mut tx, &row, &parties).await? {
            return Err(Error::IdReused(id));
        }
        let known = self.locked(&mut tx, id).await?;
        let wish = Wish {
            document: id,
            id: Some(id),
            act,
            base: 0,
            contents,
            proposal: None,
        };
        let act = (&wish, &*form_hash);
        self.step(&mut tx, (&known, kind.issuer()), act, (guest, permit.link()))
            .await?;
        Ok(tx.commit().await?)
    }
}

impl Page for Documents {
    fn style(&self) -> &'static str {
        print::STYLE
    }

    fn show<'a>(&'a self, visit: &'a Visit) -> PageFuture<'a> {
        Box::pin(async move {
            let Some(visit) = at_desk(visit) else {
                return Answer::Gone;
            };
            answer(self.shown_to(visit, Default::default()).await.map(Answer::Shown))
        })
    }

    fn file<'a>(&'a self, visit: &'a Visit, hash: &'a [u8]) -> PageFuture<'a> {
        Box::pin(async move {
            match at_desk(visit) {
                Some(visit) => answer(self.handed_to_guest(visit, hash).await),
                None => Answer::Gone,
            }
        })
    }

    fn act<'a>(&'a self, visit: &'a Visit, fields: Fields) -> PageFuture<'a> {
        Box::pin(async move {
            let Some(visit) = at_desk(visit) else {
                return Answer::Gone;
            };
            let error = match self.done_by(visit, &fields).await {
                Ok(()) => return Answer::Done,
                Err(Error::NotFound("document")) => return Answer::Gone,
                Err(error) => error,
            };
            // What it says is what any partner is told: it leaks nothing.
            let trouble = Fault::from(error).text.into_owned();
            answer(self.shown_to(visit, (trouble, fields)).await.map(Answer::Refused))
        })
    }
}

pub(super) fn answer(page: Result<Answer, Error>) -> Answer {
    page.unwrap_or_else(|error| {
        if matches!(error, Error::NotFound(_)) {
            return Answer::Gone;
        }
        tracing::warn!(%error, "a page could not be shown");
        Answer::Later
    })
}

/// What stands for a form: the same one sent twice is one act.
fn hash(fields: &Fields) -> String {
    let mut bytes = Vec::new();
    for part in fields.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(part.len().to_be_bytes());
        bytes.extend(part.bytes());
    }
    hex(&sha256(&[&bytes]))
}

impl Before {
    /// All that the guest sees of it: what counts, and what it is asked to agree to.
    fn shown(&self) -> impl Iterator<Item = &Content> {
        let proposed = self.proposals.iter().flat_map(|open| open.contents.values());
        self.seen.values().chain(proposed)
    }

    fn desk(&self, trouble: String, typed: Fields) -> Desk<'_> {
        let proposals = self.proposals.iter();
        let proposals = proposals.map(|open| (open.id, &*open.act.name, &open.contents));
        let issues = self.issues.iter().map(|(kind, rest)| (&**kind, rest.clone()));
        let about = self.about.iter();
        let about = about.map(|(kind, row)| (&**kind, &*row.number, &*row.state));
        let document = Document {
            reader: &self.role,
            contents: &self.seen,
            ..self.known.document()
        };
        Desk {
            document,
            role: &self.role,
            proposals: proposals.collect(),
            issues: issues.collect(),
            about: about.collect(),
            trouble,
            typed,
        }
    }
}

/// The act with which a document of a kind begins, when a form can fill it in: its issuer writes head and lines.
fn first_act(kind: &Kind) -> Option<&str> {
    let wanted = [kind.section(Holds::Head)?, kind.section(Holds::Lines)?];
    let first = kind.acts.iter().find(|(_, act)| {
        let writes = act.writes.iter().map(String::as_str).collect::<Vec<_>>();
        act.from.contains(&kind.begins) && writes == wanted && act.agreed_by.is_empty()
    });
    first.map(|(name, _)| &**name)
}
