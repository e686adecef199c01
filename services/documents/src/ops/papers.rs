//! Documents as trade papers: what another system has written becomes a step of ours, and what we hold is written for others.

use std::{collections::BTreeMap, sync::Arc};

use hansa_directory::Session;
use hansa_proto::documents::v1::{Answer, Beside, Content, Lines, Verdict, Version, content::Body};
use hansa_tenancy::TenantTx;
use hansa_trade::{
    Wrong,
    ubl::{self, Around, Paper as Read, PaperKind, PartyId, Said},
};
use hansa_vault::sha256;
use hansa_vocab::LinkId;
use prost::Message as _;
use time::{Date, Time, macros::format_description};
use uuid::{Builder, Uuid};

use super::{Documents, Known, Whole, Wish};
use crate::{
    Error,
    model::{Contents, Kind, content, kind::ActKind, kind::Holds},
    store,
};

/// What has come of a paper.
#[derive(Debug)]
pub(crate) struct Taken {
    pub paper: PaperKind,
    pub kind: String,
    pub act: String,
    /// None in a dry run that would begin one.
    pub document: Option<Whole>,
    pub warnings: Vec<Wrong>,
}

/// Where a paper belongs.
struct Place {
    kind: Arc<Kind>,
    act: String,
    /// The document that it is about, or of its own.
    document: Uuid,
    /// It is not there yet.
    begins: Option<BTreeMap<String, LinkId>>,
    /// What a new one refers to.
    refers_to: Option<Uuid>,
}

fn invalid(field: &'static str, text: impl Into<String>) -> Error {
    let text = text.into();
    Error::Invalid { field, text }
}

impl Documents {
    /// Does what a paper of ours says, or tells what would come of it.
    pub(crate) async fn import(
        &self,
        session: &Session,
        xml: &[u8],
        (link, dry_run): (Option<LinkId>, bool),
    ) -> Result<Taken, Error> {
        let mut paper = ubl::read(xml)?;
        let warnings = std::mem::take(&mut paper.warnings);
        let mut tx = self.tenancy.begin("documents.place", session).await?;
        let place = self.place(&mut tx, &paper, link).await?;
        let act_id = derived(
            &[
                b"act",
                place.document.as_bytes(),
                paper.kind.as_str().as_bytes(),
                paper.id.as_bytes(),
                b"\0",
                paper.sequence.as_bytes(),
            ],
            &paper.said.head.issue_date,
        );
        let (base, contents) = self.wanted(&mut tx, &place, act_id, &paper).await?;
        let mut taken = Taken {
            paper: paper.kind,
            kind: place.kind.name.clone(),
            act: place.act.clone(),
            document: None,
            warnings,
        };
        if dry_run {
            return self.would(&mut tx, &place, &contents).await.map(|whole| {
                taken.document = whole;
                taken
            });
        }
        if place.begins.is_some() {
            // What can't be is refused before anything is kept.
            self.would(&mut tx, &place, &contents).await?;
        }
        drop(tx);
        if let Some(links) = &place.begins {
            let made = self
                .create(session, Some(place.document), &place.kind.name, links)
                .await;
            made.map_err(|error| reused(error, &paper))?;
        }
        let wish = Wish {
            document: place.document,
            id: Some(act_id),
            act: place.act,
            base,
            contents,
            proposal: None,
        };
        let whole = self.acted(session, wish).await;
        taken.document = Some(whole.map_err(|error| reused(error, &paper))?);
        Ok(taken)
    }

    /// What would come of it, without writing anything.
    async fn would(&self, tx: &mut TenantTx, place: &Place, contents: &Contents) -> Result<Option<Whole>, Error> {
        let act = &place.kind.acts[&place.act];
        let writes = (&*act.writes, &*act.may_write);
        if place.begins.is_some() {
            content::check(&place.kind, place.kind.starter(), writes, contents, &Contents::new())
                .map_err(crate::model::Refusal::from)?;
            return Ok(None);
        }
        let known = self.locked(tx, place.document).await?;
        content::check(&known.kind, &known.row.our_role, writes, contents, &known.contents)
            .map_err(crate::model::Refusal::from)?;
        self.whole(tx, known).await.map(Some)
    }

    /// The document that a paper is about, or the one that it begins.
    async fn place(&self, tx: &mut TenantTx, paper: &Read, link: Option<LinkId>) -> Result<Place, Error> {
        let other = if paper.kind.of_buyer() {
            &paper.seller
        } else {
            &paper.buyer
        };
        let link = match link {
            Some(link) => Some(link),
            None => match self.book.get() {
                Some(book) => book.meant(tx, &other.scheme, &other.id).await?,
                None => None,
            },
        };
        let kinds = self.kinds_of(tx, paper.kind).await?;
        let first = kinds.iter().find_map(|(kind, acts)| {
            let begins = acts.iter().find(|act| kind.acts[*act].from.contains(&kind.begins));
            Some((kind.clone(), begins?.clone()))
        });
        // What also leads on from later states is about a document that is there.
        if let Some((kind, act)) = first.filter(|(kind, act)| !kind.acts[act].writes.is_empty()) {
            let link = link.ok_or_else(|| unknown(other))?;
            let refers_to = match &kind.refers_to {
                Some(reference) => Some(
                    self.meant(tx, std::slice::from_ref(&reference.kind), paper, Some(link))
                        .await?,
                ),
                None => None,
            };
            let document = derived(
                &[
                    b"document",
                    link.0.as_bytes(),
                    paper.kind.as_str().as_bytes(),
                    paper.id.as_bytes(),
                ],
                &paper.said.head.issue_date,
            );
            let role = kind.roles.iter().find(|role| *role != kind.starter());
            let role = role.ok_or_else(|| invalid("xml", "documents of this kind have no other party"))?;
            return Ok(Place {
                begins: Some(BTreeMap::from([(role.clone(), link)])),
                act,
                document,
                refers_to,
                kind,
            });
        }
        let names: Vec<_> = kinds.iter().map(|(kind, _)| kind.name.clone()).collect();
        let document = self.meant(tx, &names, paper, link).await?;
        let known = self.locked(tx, document).await?;
        Ok(Place {
            act: step(&known, paper)?,
            kind: known.kind,
            document,
            begins: None,
            refers_to: None,
        })
    }

    /// Kinds with acts that such a paper says.
    async fn kinds_of(&self, tx: &mut TenantTx, paper: PaperKind) -> Result<Vec<(Arc<Kind>, Vec<String>)>, Error> {
        let says = |act: &ActKind| act.paper.as_deref() == Some(paper.as_str());
        let mut all: Vec<(Arc<Kind>, bool)> = self.all_kinds(tx).await?;
        all.sort_by_key(|(_, shipped)| !shipped);
        let all = all.into_iter().map(|(kind, _)| {
            let acts = kind.acts.iter().filter(|(_, act)| says(act));
            let acts: Vec<_> = acts.map(|(name, _)| name.clone()).collect();
            (kind, acts)
        });
        let kinds: Vec<_> = all.filter(|(_, acts)| !acts.is_empty()).collect();
        if kinds.is_empty() {
            return Err(invalid(
                "xml",
                format!("no kind of documents here is told by a paper {}", paper.root()),
            ));
        }
        Ok(kinds)
    }

    /// The one document that a paper means.
    async fn meant(
        &self,
        tx: &mut TenantTx,
        kinds: &[String],
        paper: &Read,
        link: Option<LinkId>,
    ) -> Result<Uuid, Error> {
        if paper.about.is_empty() {
            return Err(Wrong::new(0, "UBL-ABOUT", "the paper does not say which document it is about").into());
        }
        let found = store::called(tx, kinds, &paper.about, link.map(|link| link.0)).await?;
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(invalid(
                "xml",
                format!("there is no {} {} here", kinds.join(" or "), paper.about),
            )),
            _ => Err(invalid(
                "link_id",
                format!("several documents are called {}: say with whom it is", paper.about),
            )),
        }
    }

    /// The version that a step builds on, and what it writes.
    async fn wanted(
        &self,
        tx: &mut TenantTx,
        place: &Place,
        act_id: Uuid,
        paper: &Read,
    ) -> Result<(u64, Contents), Error> {
        let act = &place.kind.acts[&place.act];
        if place.begins.is_some() {
            let mut said = paper.said.clone();
            said.head.refers_to = place.refers_to.map(|id| id.to_string()).unwrap_or_default();
            return Ok((0, sections(&place.kind, act, &said)));
        }
        let known = self.locked(tx, place.document).await?;
        // The same paper again builds on what it has built on.
        let base = store::base_of(tx, place.document, act_id).await?;
        let base = base.map_or(known.row.version, |base| base);
        let before = match base == known.row.version {
            true => known.contents.clone(),
            false => self.contents_at(tx, &known, base).await?,
        };
        let before = said_by(&known, &before, PaperKind::Order);
        let said = match paper.kind {
            PaperKind::OrderChange => ubl::changed(&before, paper),
            PaperKind::OrderResponse => answered(&before, paper),
            _ => paper.said.clone(),
        };
        Ok((u64::try_from(base).unwrap_or(0), sections(&place.kind, act, &said)))
    }

    /// What a document said in an earlier version.
    async fn contents_at(&self, tx: &mut TenantTx, known: &Known, version: i64) -> Result<Contents, Error> {
        let (seal, mut contents) = (self.vault.seal(tx).await?, Contents::new());
        for earlier in 1..=version {
            let texts = store::texts_of(&seal, tx, known.row.id, earlier).await?;
            contents.extend(super::opened(&texts)?);
        }
        let damaged = || Error::Damaged("document_version");
        let signed = self.signed(tx, known.row.id, version).await?.ok_or_else(damaged)?;
        let then = Version::decode(signed.body).map_err(|_| damaged())?;
        // What was cleared by then says nothing any more.
        contents.retain(|name, _| then.sections.iter().any(|section| section.name == *name));
        Ok(contents)
    }

    /// Writes a document as a paper: a name for its file, and the text.
    pub(crate) async fn export(&self, session: &Session, id: Uuid, paper: &str) -> Result<(String, String), Error> {
        let mut tx = self.tenancy.begin("documents.export", session).await?;
        let row = store::find(&mut tx, id).await?.ok_or(Error::NotFound("document"))?;
        let known = self.known(&mut tx, row).await?;
        let first = || {
            let mut acts = known
                .kind
                .acts
                .values()
                .filter(|act| act.from.contains(&known.kind.begins) && !act.writes.is_empty());
            acts.find_map(|act| act.paper.clone())
        };
        let word = if paper.is_empty() {
            first()
        } else {
            Some(paper.to_owned())
        };
        let paper = word.as_deref().and_then(PaperKind::of);
        let paper = paper.ok_or_else(|| invalid("paper", "documents of this kind are no such paper"))?;
        let says = |act: &&ActKind| act.paper.as_deref() == Some(paper.as_str());
        let writer = known.kind.acts.values().find(says).and_then(|act| act.by.first());
        let writer = writer.ok_or_else(|| invalid("paper", "documents of this kind are no such paper"))?;
        if known.row.version == 0 || !is_said(&known, paper) {
            return Err(Error::Refused(crate::model::Refusal::NotNow {
                state: known.row.state.clone(),
            }));
        }
        let name = |ours: bool| {
            let party = known.parties.iter().find(|party| (party.role == *writer) == ours);
            party.map(|party| party.name.clone()).unwrap_or_default()
        };
        let (buyer, seller) = (name(paper.of_buyer()), name(!paper.of_buyer()));
        let about = match known.row.refers_to {
            Some(id) => match store::find(&mut tx, id).await? {
                Some(row) => Some(called(&self.known(&mut tx, row).await?)),
                None => None,
            },
            None => None,
        };
        let said = said_by(&known, &known.contents, paper);
        let around = around(&known, paper, about.unwrap_or_default(), (buyer, seller));
        let text = ubl::write(paper, &said, &around)?;
        let plain = |one: char| {
            if one.is_ascii_alphanumeric() || one == '-' {
                one
            } else {
                '_'
            }
        };
        let called: String = called(&known).chars().map(plain).collect();
        Ok((format!("{}-{called}.xml", paper.as_str()), text))
    }
}

/// An id that follows from a paper, among those of its day.
fn derived(parts: &[&[u8]], day: &str) -> Uuid {
    let all: Vec<&[u8]> = std::iter::once(&b"hansa/paper\0"[..])
        .chain(parts.iter().copied())
        .collect();
    let hash = sha256(&all);
    let date = Date::parse(day, format_description!("[year]-[month]-[day]")).unwrap_or(Date::MIN);
    let second = date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp();
    let millis = u64::try_from(second).unwrap_or(0).saturating_mul(1_000);
    let mut rest = [0; 10];
    rest.copy_from_slice(&hash[..10]);
    Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
}

fn unknown(party: &PartyId) -> Error {
    Error::UnknownParty {
        party: format!("{}:{}", party.scheme, party.id),
    }
}

/// The number of a paper was used for another one.
fn reused(error: Error, paper: &Read) -> Error {
    match error {
        Error::IdReused(_) => Error::PaperReused {
            paper: paper.kind.root(),
            id: paper.id.clone(),
        },
        other => other,
    }
}

/// What a paper does with a document that is there: of the acts that say it, the one that is open and writes what it says.
fn step(known: &Known, paper: &Read) -> Result<String, Error> {
    let document = known.document();
    let wanted = match paper.kind {
        PaperKind::OrderResponse if paper.code == "AB" => Some(Holds::Remark),
        PaperKind::OrderResponse => Some(Holds::Answers),
        _ => None,
    };
    let holds = |act: &ActKind| {
        act.writes
            .iter()
            .any(|name| known.kind.sections.get(name).is_some_and(|one| Some(one.is) == wanted))
    };
    let says = |act: &ActKind| act.paper.as_deref() == Some(paper.kind.as_str()) && (wanted.is_none() || holds(act));
    let open = document.open_to(&known.row.our_role);
    let all = || known.kind.acts.iter().filter(|(_, act)| says(act));
    let found = all()
        .find(|(name, _)| open.contains(&name.as_str()))
        .or_else(|| all().next());
    let found = found.map(|(name, _)| name.clone());
    found.ok_or_else(|| invalid("xml", format!("no act of the kind {} says that", known.kind.name)))
}

/// What a paper says, by the sections of an act.
fn sections(kind: &Kind, act: &ActKind, said: &Said) -> Contents {
    let named = act.written().filter_map(|name| {
        let body = match kind.sections.get(name)?.is {
            Holds::Head => Body::Head(said.head.clone()),
            Holds::Lines => Body::Lines(Lines {
                lines: said.lines.clone(),
            }),
            Holds::Answers => Body::Answers(said.answers.clone()),
            Holds::Receipts => Body::Receipts(said.receipts.clone()),
            Holds::Remark => Body::Remark(said.remark.clone()),
            Holds::Form | Holds::Prices => return None,
        };
        Some((name.clone(), Content { body: Some(body) }))
    });
    named.collect()
}

/// What sections say, as a paper has it: of an order, as it is agreed.
pub(super) fn said_by(known: &Known, contents: &Contents, paper: PaperKind) -> Said {
    let mut said = Said::default();
    let says = |name: &String| {
        let mut acts = known
            .kind
            .acts
            .values()
            .filter(|act| act.paper.as_deref() == Some(paper.as_str()));
        acts.any(|act| act.written().any(|one| one == name))
    };
    for (name, content) in contents {
        match &content.body {
            Some(Body::Head(head)) => said.head = head.clone(),
            Some(Body::Lines(all)) => said.lines.clone_from(&all.lines),
            Some(Body::Answers(all)) => said.answers = all.clone(),
            Some(Body::Receipts(all)) => said.receipts = all.clone(),
            Some(Body::Remark(remark)) if says(name) => said.remark = remark.clone(),
            _ => {}
        }
    }
    let state = known.kind.states.get(&known.row.state);
    let settled = state.is_some_and(|state| state.waits_for.is_none());
    if paper == PaperKind::Order && settled {
        ubl::settle(&mut said);
    }
    said
}

/// Has somebody said by now what the paper says.
fn is_said(known: &Known, paper: PaperKind) -> bool {
    let said = |holds: Holds| {
        known
            .contents
            .keys()
            .any(|name| known.kind.sections.get(name).is_some_and(|one| one.is == holds))
    };
    let says = |act: &ActKind| act.paper.as_deref() == Some(paper.as_str());
    let mut acts = known.kind.acts.values().filter(|act| says(act));
    match paper {
        PaperKind::OrderResponse => {
            let mut written = acts.flat_map(ActKind::written);
            said(Holds::Answers) || written.any(|name| known.contents.contains_key(name))
        }
        PaperKind::ReceiptAdvice => said(Holds::Receipts),
        PaperKind::OrderChange => {
            let newest = known
                .newest
                .as_ref()
                .and_then(|one| Version::decode(one.body.clone()).ok());
            let last = newest.and_then(|version| known.kind.acts.get(&version.act).cloned());
            let beside = |content: &Content| match &content.body {
                Some(Body::Head(head)) => head.besides.iter().any(|one| one.paper == paper.as_str()),
                _ => false,
            };
            last.is_some_and(|act| says(&act)) || known.contents.values().any(beside)
        }
        PaperKind::OrderCancellation => acts.any(|act| act.to.states().contains(&&*known.row.state)),
        _ => said(Holds::Lines),
    }
}

fn around(known: &Known, paper: PaperKind, about: String, (buyer, seller): (String, String)) -> Around {
    let row = &known.row;
    let own = matches!(
        paper,
        PaperKind::Order | PaperKind::DespatchAdvice | PaperKind::Invoice | PaperKind::CreditNote
    );
    let answered = known
        .contents
        .values()
        .any(|one| matches!(one.body, Some(Body::Answers(_))));
    Around {
        id: match own {
            true => called(known),
            false => format!("{}-{}", row.number, row.version),
        },
        sequence: row.version.to_string(),
        issue_date: row.since.date().to_string(),
        buyer,
        seller,
        about: if own { about } else { called(known) },
        code: if paper == PaperKind::OrderResponse && !answered {
            "AB"
        } else {
            ""
        }
        .to_owned(),
    }
}

/// What papers call it.
pub(super) fn called(known: &Known) -> String {
    let number = &known.row.number;
    content::called(&known.contents, number).unwrap_or_else(|| number.clone())
}

/// Answers to all lines: those that a response does not name are as the whole is answered.
fn answered(before: &Said, paper: &Read) -> Said {
    let mut said = paper.said.clone();
    let usual = if paper.code == "RE" {
        Verdict::Decline
    } else {
        Verdict::Accept
    };
    let mut answers = Vec::with_capacity(before.lines.len());
    for line in &before.lines {
        let found = said.answers.answers.iter().position(|one| one.line == line.id);
        let mut answer = found.map_or_else(
            || Answer {
                line: line.id.clone(),
                verdict: usual.into(),
                ..Answer::default()
            },
            |at| said.answers.answers.swap_remove(at),
        );
        if answer.verdict() == Verdict::Substitute && answer.quantity.is_none() {
            answer.quantity.clone_from(&line.quantity);
        }
        answers.push(answer);
    }
    // What is about no line of ours is refused with the rest.
    answers.append(&mut said.answers.answers);
    said.answers.answers = answers;
    said
}

/// A head that says nothing of other papers keeps what the one before it said.
pub(super) fn carry(contents: &mut Contents, before: &Contents) {
    for (name, content) in contents {
        let (Some(Body::Head(head)), Some(Body::Head(had))) =
            (&mut content.body, before.get(name).and_then(|one| one.body.as_ref()))
        else {
            continue;
        };
        let missing = |one: &&Beside| !head.besides.iter().any(|said| said.paper == one.paper);
        let kept: Vec<_> = had.besides.iter().filter(missing).cloned().collect();
        head.besides.extend(kept);
    }
}
