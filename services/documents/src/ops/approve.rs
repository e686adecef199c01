//! Acts that colleagues have to approve first: they are held here, and done when the last decision is taken.

use hansa_directory::Session;
use hansa_proto::documents::v1::{Act, Answer, Line, content::Body};
use hansa_tenancy::{Mark, TenantTx};
use hansa_vault::sha256;
use hansa_vocab::{Fault, Role, StaffId};
use hansa_workflow::{Ask, Facts, Gate, LineFacts, Preview, Request, Subject, SubjectFuture};
use prost::Message as _;
use uuid::Uuid;

use super::{Asked, Decision, Documents, Known, Wish, hex, opened};
use crate::{
    Error,
    model::{Contents, Kind, form, said::Said, stock::Amount, version},
    store::{self, PartyRow},
};

impl Documents {
    /// Has a colleague to approve it; then the request is written down, in place of an older one for the same.
    pub(super) async fn waits(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        known: &Known,
        (asked, decision): (&Asked<'_>, &Decision),
        admitted: bool,
    ) -> Result<bool, Error> {
        let by = (session.staff(), session.roles());
        let gate = self.gate(tx, by, known, (asked, decision)).await?;
        let alone = [Role::Owner, Role::Admin, Role::Buyer, Role::Approver];
        let receives = asked
            .contents
            .values()
            .any(|content| matches!(content.body, Some(Body::Receipts(_))));
        if gate == Gate::Free && !admitted && !receives && !session.roles().iter().any(|role| alone.contains(role)) {
            return Err(Error::NoFlow {
                kind: known.row.kind.clone(),
                act: asked.act.name.clone(),
            });
        }
        Ok(gate == Gate::Waits)
    }

    /// Asks those whom a flow names, in place of what was asked before for the same.
    pub(super) async fn gate(
        &self,
        tx: &mut TenantTx,
        (requester, roles): (StaffId, &[Role]),
        known: &Known,
        (asked, decision): (&Asked<'_>, &Decision),
    ) -> Result<Gate, Error> {
        // Who accepts wants what was proposed.
        let wanted = match decision {
            Decision::Answers(open, _) => &open.contents,
            Decision::Counts(_) | Decision::Opens => asked.contents,
        };
        for held in store::held(&*self.vault.seal(tx).await?, tx, known.row.id)
            .await?
            .iter()
            .filter(|held| held.act == asked.act.name)
        {
            store::settle_act(tx, known.row.id, held.id, "refused", "REPLACED").await?;
        }
        let (facts, material) = self.facts(known, &asked.act.name, wanted, roles);
        let ask = Ask {
            id: asked.act.id.parse().map_err(|_| Error::Damaged("act"))?,
            subject: known.row.id,
            facts,
            material,
            requester,
        };
        Ok(self.workflow.gate(tx, &ask).await?)
    }

    /// What would come of an act: who would have to approve it.
    pub(crate) async fn preview(&self, session: &Session, wish: &Wish) -> Result<Preview, Error> {
        let mut tx = self.tenancy.begin("documents.preview", session).await?;
        let known = self.locked(&mut tx, wish.document).await?;
        let (facts, _) = self.facts(&known, &wish.act, &wish.contents, session.roles());
        Ok(self.workflow.preview(&mut tx, &facts, session.staff()).await?)
    }

    /// What is known of an act, and what stands for its goods, quantities, prices and parties.
    pub(super) fn facts(&self, known: &Known, act: &str, written: &Contents, roles: &[Role]) -> (Facts, String) {
        let Known { row, parties, .. } = known;
        let mut contents = known.contents.clone();
        contents.extend(written.clone());
        let others: Vec<_> = parties.iter().filter(|party| party.role != row.our_role).collect();
        let partner = others.iter().map(|party| &*party.name).collect::<Vec<_>>().join(", ");
        let (said, filled) = (Said::of(&contents), Filled::of(&known.kind, &contents));
        let (mut total, mut currency) = (said.total(), said.currency().to_owned());
        if let (None, Some((minor, of))) = (total, filled.total.clone()) {
            (total, currency) = (Some(minor), of);
        }
        let facts = Facts {
            kind: row.kind.clone(),
            act: act.to_owned(),
            total,
            form: filled.fields.clone(),
            lines: said.lines.iter().map(|line| line_facts(line)).collect(),
            title: match &*partner {
                "" => row.number.clone(),
                partner => format!("{} with {partner}", row.number),
            },
            requester_roles: roles.iter().map(ToString::to_string).collect(),
            currency,
            partner,
        };
        (facts, material(&said, &filled, (act, parties)))
    }

    /// Requests that build on an older version than this one are over.
    pub(crate) async fn outdated(&self, tx: &mut TenantTx, document: Uuid, version: i64) -> Result<(), Error> {
        for held in store::held(&*self.vault.seal(tx).await?, tx, document)
            .await?
            .iter()
            .filter(|held| held.base < version)
        {
            store::settle_act(tx, document, held.id, "refused", "SUPERSEDED").await?;
            self.workflow.void(tx, held.id, "the document has moved on").await?;
        }
        Ok(())
    }

    /// Does what was held, as far as that can still be; otherwise it is over, for the reason that says why.
    async fn do_held(&self, tx: &mut TenantTx, request: Request) -> Result<(), Error> {
        let known = self.locked(tx, request.subject).await?;
        let document = known.row.id;
        self.others_hear(tx, &known).await?;
        let held = store::held(&*self.vault.seal(tx).await?, tx, document)
            .await?
            .into_iter()
            .find(|held| held.id == request.id);
        let held = held.ok_or(Error::NotFound("act"))?;
        let damaged = |_| Error::Damaged("document_act");
        let mut sent = held.sent;
        let act = Act::decode(sent.act.take().unwrap_or_default().body).map_err(damaged)?;
        // The key may have changed since it was asked for.
        let us = self.vault.identity(tx).await?;
        sent.act = Some(version::sign_act(&us, &act));
        let asked = Asked {
            act: &act,
            sent: &sent,
            contents: &opened(&sent.texts)?,
            body_hash: &held.body_hash,
            actor: &held.actor,
        };
        tx.savepoint(Mark::Act).await?;
        let mut judged = self.judge(tx, &known, &asked).await;
        for (_, link) in known.linked() {
            let may = self.partner_may(tx, link, &known.kind, asked.doing(&known.row)).await;
            judged = judged.and_then(|decision| may.map(|_| decision));
        }
        let done = match judged {
            Ok(decision) => self.perform(tx, &known, &asked, decision).await,
            Err(error) => Err(error),
        };
        match done {
            Err(error @ (Error::Refused(_) | Error::Short { .. } | Error::Invalid { .. })) => {
                tx.undo_to(Mark::Act).await?;
                let reason = Fault::from(error).reason;
                store::settle_act(tx, document, held.id, "refused", &reason).await
            }
            done => done,
        }
    }
}

impl Subject for Documents {
    fn approved<'a>(&'a self, tx: &'a mut TenantTx, request: Request) -> SubjectFuture<'a, ()> {
        Box::pin(async move { Ok(self.do_held(tx, request).await?) })
    }

    fn over<'a>(&'a self, tx: &'a mut TenantTx, request: Request, reason: &'a str) -> SubjectFuture<'a, ()> {
        Box::pin(async move { Ok(store::settle_act(tx, request.subject, request.id, "refused", reason).await?) })
    }
}

/// What people have filled in, in all forms of a document.
#[derive(Default)]
struct Filled<'a> {
    /// As conditions see it.
    fields: serde_json::Map<String, serde_json::Value>,
    /// What it comes to: minor units, currency.
    total: Option<(i64, String)>,
    /// As it was written.
    texts: Vec<&'a str>,
}

impl<'a> Filled<'a> {
    fn of(kind: &Kind, contents: &'a Contents) -> Self {
        let mut all = Self::default();
        for (name, content) in contents {
            let schema = kind.sections.get(name).and_then(|section| section.schema.as_ref());
            if let (Some(schema), Some(Body::Form(form))) = (schema, &content.body) {
                all.fields.extend(form::facts(schema, form));
                all.total = all.total.take().or_else(|| form::total(schema, form));
                all.texts.push(&form.json);
            }
        }
        all
    }
}

/// What stands for the goods, quantities, prices, parties and forms of an act.
fn material(said: &Said<'_>, filled: &Filled<'_>, (act, parties): (&str, &[PartyRow])) -> String {
    let mut bytes = act.as_bytes().to_vec();
    let mut add = |part: &[u8]| {
        bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(part);
    };
    for party in parties {
        add(party.enterprise.as_bytes());
    }
    if let Some(head) = said.head {
        add(head.currency.as_bytes());
        add(head.delivery_location.as_bytes());
        for one in &head.allowance_charges {
            add(&one.encode_to_vec());
        }
    }
    for line in &said.lines {
        let weighty = Line {
            note: String::new(),
            name: String::new(),
            ..(*line).clone()
        };
        add(&weighty.encode_to_vec());
    }
    for text in &filled.texts {
        add(text.as_bytes());
    }
    for answer in said.answers.values() {
        let weighty = Answer {
            reason: String::new(),
            ..(*answer).clone()
        };
        add(&weighty.encode_to_vec());
    }
    hex(&sha256(&[&bytes]))
}

fn line_facts(line: &Line) -> LineFacts {
    let amount = line.quantity.as_ref().and_then(Amount::read).unwrap_or_default();
    LineFacts {
        sku: line.sku.clone(),
        gtin: line.gtin.clone(),
        name: line.name.clone(),
        quantity: amount.quantity().digits(),
        unit: amount.unit().to_string(),
    }
}
