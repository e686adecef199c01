//! Steps that a partner's people decide. The partner asks its own people, by its own rules, and answers with an assertion that it has
//! signed; what it asks them lies with it as a request like any other.

use data_encoding::HEXLOWER;
use hansa_link::{Incoming, model::bundle::signed};
use hansa_proto::{
    types::v1::ActorAssertion,
    workflow::v1::{ApprovalAsked, ApprovalDecided, ApprovalOver},
};
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::{hmac_sha256, sha256};
use hansa_vocab::{LinkId, Role};
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Workflow, plan, read, write};
use crate::{
    Error,
    events::{ASKED, DECIDED, Not, OVER},
    model::{
        Facts,
        flow::{Overdue, Partner, Planned, Rule, Step, Who},
        step::{Part, Standing},
    },
    ops::decide::NOTE_MAX,
    store::{self, ApprovalRow, PartRow},
};

/// The word in a grant's `document_kinds` that lets a partner ask our people to decide.
pub const APPROVALS: &str = "workflow.approval";
const ASSERTION: &str = "actor-assertion";
/// Bytes of what is told of a request.
const FACTS_MAX: usize = 48 * 1024;
/// Questions of one partner that wait for our people at one time.
const OPEN_MAX: i64 = 1_000;
/// Hex digits of a name that stands for a person on a link, and so many of it are shown.
const ACTOR: usize = 32;
const ACTOR_SHOWN: usize = 12;

/// What a partner is told of a request: not who asks inside.
fn told(row: &ApprovalRow) -> Result<String, Error> {
    let mut facts: Facts = read(&row.facts)?;
    facts.requester_roles.clear();
    Ok(write(&facts))
}

impl Workflow {
    /// Those of these partners whose people can be asked now: their link is ACTIVE, and they let us.
    pub(super) async fn reachable(&self, tx: &mut TenantTx, partners: &[Partner]) -> Result<Vec<Partner>, Error> {
        let mut all = Vec::new();
        for partner in partners {
            let link = LinkId(partner.link);
            match self.links.make_way(tx, link).await {
                Ok(()) => {}
                Err(
                    hansa_link::Error::NoSuchLink | hansa_link::Error::State { .. } | hansa_link::Error::QueueFull(_),
                ) => continue,
                Err(error) => return Err(error.into()),
            }
            let other = self.links.other_end(tx, link).await?;
            if !other.hosted && other.received.document_kinds.iter().any(|one| one == APPROVALS) {
                all.push(partner.clone());
            }
        }
        Ok(all)
    }

    /// A partner that was asked and can't answer any more: our owners and admins may decide in its place.
    pub(super) async fn lost(&self, tx: &mut TenantTx, part: &PartRow) -> Result<bool, Error> {
        match part.link_id {
            Some(link) => Ok(!self.links.is_active(tx, LinkId(link)).await?),
            None => Ok(false),
        }
    }

    /// Asks a partner's people; the part keeps the question's id.
    pub(super) async fn ask_partner(
        &self,
        tx: &mut TenantTx,
        row: &ApprovalRow,
        (planned, partner): (&Planned, &Partner),
        part: &PartRow,
    ) -> Result<(), Error> {
        let asked = ApprovalAsked {
            id: part.decision_id.map(|id| id.to_string()).unwrap_or_default(),
            approval_id: row.id.to_string(),
            step: u32::try_from(part.step).unwrap_or(0),
            step_name: planned.step.name.clone(),
            role: partner.role.clone(),
            due_at: part.due_at.map(hansa_edge::timestamp),
            facts: told(row)?,
        };
        self.post(
            tx,
            (LinkId(partner.link), row.id),
            (ASKED, i64::from(part.step) * 2),
            &asked,
        )
        .await
    }

    /// Tells partners who are still asked that nobody needs to decide any more.
    pub(super) async fn tell_over(&self, tx: &mut TenantTx, row: &ApprovalRow, reason: &str) -> Result<(), Error> {
        let asks = |planned: &Planned| matches!(planned.step.by, Who::Partners(_));
        if !plan(row)?.iter().any(asks) {
            return Ok(());
        }
        for part in store::parts(tx, &[row.id]).await? {
            if part.decided_at.is_none() {
                self.tell_part_over(tx, &part, reason).await?;
            }
        }
        Ok(())
    }

    /// The same of one part, while it still has the question's id.
    pub(super) async fn tell_part_over(&self, tx: &mut TenantTx, part: &PartRow, reason: &str) -> Result<(), Error> {
        let (Some(link), Some(question)) = (part.link_id, part.decision_id) else {
            return Ok(());
        };
        let over = ApprovalOver {
            id: question.to_string(),
            reason: reason.to_owned(),
        };
        let errand = Errand::new("workflow.over", tx.tenant());
        self.links.rouse(&errand, LinkId(link)).await?;
        let about = (LinkId(link), part.approval_id);
        self.post(tx, about, (OVER, i64::from(part.step) * 2 + 1), &over).await
    }

    async fn post(
        &self,
        tx: &mut TenantTx,
        (link, approval): (LinkId, Uuid),
        (kind, version): (&str, i64),
        message: &impl prost::Message,
    ) -> Result<(), Error> {
        let key = format!("approval/{approval}");
        self.links.post(tx, link, (&key, version), (kind, message)).await?;
        tx.wake();
        Ok(())
    }

    /// A partner asks our people.
    pub(crate) async fn asked_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let asked = ApprovalAsked::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let id: Uuid = asked.id.parse().map_err(|_| malformed())?;
        let about: Uuid = asked.approval_id.parse().map_err(|_| malformed())?;
        let other = self.links.other_end(tx, incoming.link).await?;
        if !other.granted.document_kinds.iter().any(|one| one == APPROVALS) {
            return Err(Not::Good("GRANT"));
        }
        if let Some(known) = store::lock(&*self.vault.seal(tx).await?, tx, id).await? {
            let same = known.link_id == Some(incoming.link.0);
            return if same { Ok(()) } else { Err(Not::Good("ID_REUSED")) };
        }
        let facts: Facts = Some(&asked.facts)
            .filter(|facts| facts.len() <= FACTS_MAX)
            .and_then(|facts| serde_json::from_str(facts).ok())
            .ok_or_else(malformed)?;
        let due_at = match &asked.due_at {
            Some(at) => Some(OffsetDateTime::from_unix_timestamp(at.seconds).map_err(|_| malformed())?),
            None => None,
        };
        if store::asked_on(tx, incoming.link).await? >= OPEN_MAX {
            return Err(Not::Good("TOO_MANY"));
        }
        let role = asked.role.parse::<Role>().map_err(|_| malformed())?;
        let plain = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
        if !plain(&asked.step_name, 40) || !plain(&facts.title, 500) || asked.step > 100 {
            return Err(malformed());
        }
        let planned = Planned {
            step: Step {
                name: asked.step_name,
                when: None,
                by: Who::Role(role.to_string()),
                rule: Rule::Any,
                cc: Vec::new(),
                hours: None,
                overdue: Overdue::Remind,
            },
            unknown: String::new(),
        };
        let row = ApprovalRow {
            id,
            subject_id: about,
            flow: String::new(),
            // The place of the step in the partner's flow.
            flow_version: i32::try_from(asked.step).unwrap_or(0),
            facts: asked.facts,
            plan: write(&std::slice::from_ref(&planned)),
            material: String::new(),
            requester: None,
            link_id: Some(incoming.link.0),
            state: "open".to_owned(),
            reason: String::new(),
            step: 0,
            opened_at: self.tenancy.clock().now(),
            closed_at: None,
        };
        store::insert(&*self.vault.seal(tx).await?, tx, &row).await?;
        self.open_from(tx, &row, &[planned], 0, due_at).await?;
        let actor = other.keys.enterprise.to_string();
        Ok(self.asked(tx, &actor, id, "approval.asked").await?)
    }

    /// A partner's people have decided.
    pub(crate) async fn decided_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let decided = ApprovalDecided::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let thing = decided.assertion.ok_or_else(malformed)?;
        let other = self.links.other_end(tx, incoming.link).await?;
        let now = self.tenancy.clock().now();
        if !other.keys.signed(ASSERTION, &thing, now.unix_timestamp()) {
            return Err(Not::Good("NOT_SIGNED"));
        }
        let said = ActorAssertion::decode(thing.body).map_err(|_| malformed())?;
        let epoch = u64::try_from(other.epoch).unwrap_or(0);
        if said.link_id != incoming.link.to_string() || said.epoch != epoch {
            return Err(Not::Good("OTHER_LINK"));
        }
        let (id, question) = (said.subject.parse().ok(), said.question.parse::<Uuid>().ok());
        let (id, question) = id.zip(question).ok_or_else(malformed)?;
        let state: Part = said.decision.parse().map_err(|()| malformed())?;
        let word = [Part::Approved, Part::Rejected, Part::Returned].contains(&state);
        let hex = |text: &str| text.len() == ACTOR && HEXLOWER.decode(text.as_bytes()).is_ok();
        let named = (said.actor.is_empty() || hex(&said.actor)) && said.role.parse::<Role>().is_ok();
        if !word || !named || said.note.chars().count() > NOTE_MAX {
            return Err(malformed());
        }
        let row = store::lock(&*self.vault.seal(tx).await?, tx, id)
            .await?
            .ok_or(Not::Good("NOT_FOUND"))?;
        let mut parts = store::parts(tx, &[id]).await?;
        parts.retain(|part| part.step == row.step && part.state != Part::Informed.as_str());
        let theirs = parts.iter().position(|part| {
            let asked = part.link_id == Some(incoming.link.0) && part.decision_id == Some(question);
            asked && part.state == Part::Open.as_str() && u32::try_from(part.step) == Ok(said.step)
        });
        let Some(place) = theirs.filter(|_| row.state == "open") else {
            return Err(Not::Good("NOT_OPEN"));
        };
        let step = usize::try_from(row.step).map_err(|_| Error::Damaged("approval"))?;
        let asked = plan(&row)?.into_iter().nth(step).map(|planned| planned.step.by);
        let as_asked = |partner: &Partner| partner.link == incoming.link.0 && partner.role == said.role;
        if !matches!(asked, Some(Who::Partners(partners)) if partners.iter().any(as_asked)) {
            return Err(Not::Good("OTHER_ROLE"));
        }
        if *said.root != sha256(&[told(&row)?.as_bytes()]) {
            return Err(Not::Good("OTHER_REQUEST"));
        }
        let part = &mut parts[place];
        part.state = state.as_str().to_owned();
        (part.decided_at, part.note) = (Some(now), said.note.clone());
        part.decided_as = format!("{} {}", said.role, said.actor.get(..ACTOR_SHOWN).unwrap_or_default());
        let standing = self.settle(&row, &mut parts, place)?;
        for part in &parts {
            store::save_part(tx, part).await?;
        }
        let actor = other.keys.enterprise.to_string();
        self.asked(tx, &actor, id, "approval.decided").await?;
        Ok(self.lead_on(tx, &row, standing, &said.note, now).await?)
    }

    /// A partner needs no answer any more.
    pub(crate) async fn over_came(&self, tx: &mut TenantTx, incoming: Incoming<'_>) -> Result<(), Not> {
        let malformed = || Not::Good("MALFORMED");
        let over = ApprovalOver::decode(incoming.message.payload.clone()).map_err(|_| malformed())?;
        let id = over.id.parse().map_err(|_| malformed())?;
        let row = store::lock(&*self.vault.seal(tx).await?, tx, id).await?;
        let row = row.filter(|row| row.link_id == Some(incoming.link.0));
        let row = row.ok_or(Not::Good("NOT_FOUND"))?;
        if row.state == "open" {
            let reason: String = over.reason.chars().filter(|one| !one.is_control()).take(200).collect();
            store::close(tx, id, "withdrawn", &reason, self.tenancy.clock().now()).await?;
            let actor = self
                .links
                .other_end(tx, incoming.link)
                .await?
                .keys
                .enterprise
                .to_string();
            self.asked(tx, &actor, id, "approval.over").await?;
        }
        Ok(())
    }

    /// Our people have decided what a partner has asked: it is told, with who did it.
    pub(super) async fn answer(
        &self,
        tx: &mut TenantTx,
        (row, link): (&ApprovalRow, LinkId),
        (standing, note): (Standing, &str),
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let decision = match standing {
            Standing::Open => return Ok(()),
            Standing::Approved => Part::Approved,
            Standing::Rejected => Part::Rejected,
            Standing::Returned => Part::Returned,
        };
        self.links.make_way(tx, link).await?;
        let parts = store::parts(tx, &[row.id]).await?;
        let decided = parts.iter().filter(|part| part.decided_by.is_some());
        let by = decided.max_by_key(|part| part.decided_at);
        let name = |staff: Uuid| self.alias(tx.tenant().as_str(), link, staff);
        let actor = by.and_then(|part| part.decided_by).map(name).transpose()?;
        let behalf = by.and_then(|part| part.staff_id.filter(|staff| Some(*staff) != part.decided_by));
        let on_behalf_of = behalf.map(name).transpose()?;
        let role = plan(row)?.first().map(|planned| match &planned.step.by {
            Who::Role(role) => role.clone(),
            Who::Staff(_) | Who::Partners(_) => Role::Approver.to_string(),
        });
        let us = self.vault.identity(tx).await?;
        let assertion = ActorAssertion {
            link_id: link.to_string(),
            epoch: u64::try_from(self.links.other_end(tx, link).await?.epoch).unwrap_or(0),
            actor: actor.unwrap_or_default(),
            role: role.unwrap_or_default(),
            on_behalf_of: on_behalf_of.unwrap_or_default(),
            at: Some(hansa_edge::timestamp(now)),
            subject: row.subject_id.to_string(),
            step: u32::try_from(row.flow_version).unwrap_or(0),
            question: row.id.to_string(),
            root: sha256(&[row.facts.as_bytes()]).to_vec().into(),
            decision: decision.as_str().to_owned(),
            note: note.to_owned(),
        };
        let decided = ApprovalDecided {
            assertion: Some(signed(&us.signing, ASSERTION, assertion.encode_to_vec())),
        };
        store::close(tx, row.id, decision.as_str(), note, now).await?;
        self.post(tx, (link, row.id), (DECIDED, 1), &decided).await
    }

    /// A name that stands for a person on one link, and is another on every other.
    ///
    /// # Errors
    ///
    /// When a key can't be used.
    pub fn alias(&self, tenant: &str, link: LinkId, staff: Uuid) -> Result<String, Error> {
        let key = self.vault.derive("workflow/actor")?;
        let tag = hmac_sha256(&key, &[tenant.as_bytes(), link.0.as_bytes(), staff.as_bytes()]);
        Ok(HEXLOWER.encode(&tag[..ACTOR / 2]))
    }
}
