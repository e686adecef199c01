//! What one can do with approvals. Start reading at [`Workflow::gate`], then at [`Workflow::decide`].

mod decide;
mod delegate;
mod flows;
mod partners;
mod view;
mod watch;

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use hansa_directory::Staff;
use hansa_link::Links;
use hansa_tenancy::{Tenancy, TenantTx};
use hansa_vault::Vault;
use hansa_vocab::{Role, StaffId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub(crate) use decide::Decision;
pub use flows::Preview;
pub use partners::APPROVALS;
pub(crate) use view::{Shown, Which};

use crate::{
    Ask, Error, Request, Subject,
    model::{
        Facts, Flow,
        flow::{Partner, Planned, Who},
        step::{self, Part},
    },
    store::{self, ApprovalRow, PartRow},
};

/// The approvals of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub(crate) tenancy: Tenancy,
    vault: Vault,
    links: Links,
    subject: Arc<OnceLock<Box<dyn Subject>>>,
}

/// Whom a step asks.
enum Asked {
    Colleague(Uuid),
    Partner(Partner),
}

/// What stands before an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// No flow is for it.
    Free,
    /// A flow is, and it passes for this reason.
    Passed(String),
    /// Somebody has to approve it.
    Waits,
}

impl Workflow {
    /// The approvals of this node.
    #[must_use]
    pub fn new(tenancy: Tenancy, vault: Vault, links: Links) -> Self {
        Self {
            tenancy,
            vault,
            links,
            subject: Arc::default(),
        }
    }

    /// Who does what is approved; the first one stays.
    pub fn install(&self, subject: impl Subject + 'static) {
        let _ = self.subject.set(Box::new(subject));
    }

    /// May this be done now, or who has to approve it; then the request is written down.
    ///
    /// A request about the same, of the same material content, keeps the decisions so far; any other begins anew.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn gate(&self, tx: &mut TenantTx, ask: &Ask) -> Result<Gate, Error> {
        let now = self.tenancy.clock().now();
        let mut kept = None;
        for old in store::open_about(&*self.vault.seal(tx).await?, tx, ask.subject).await? {
            let facts: Facts = read(&old.facts)?;
            if facts.act != ask.facts.act {
                continue;
            }
            store::close(tx, old.id, "replaced", "", now).await?;
            self.tell_over(tx, &old, "it is asked again").await?;
            if old.material == ask.material && old.requester.unwrap_or_default() == ask.requester.0 {
                kept = Some(old);
            }
        }
        if let Some(old) = kept {
            self.carry_on(tx, ask, old).await?;
            return Ok(Gate::Waits);
        }
        let flows = self.flows_for(tx, &ask.facts).await?;
        if flows.is_empty() {
            return Ok(Gate::Free);
        }
        let flow = flows.iter().find(|flow| flow.is_for(&ask.facts));
        let plan = flow.map(|flow| flow.plan(&ask.facts)).unwrap_or_default();
        let mut row = ApprovalRow {
            id: ask.id,
            subject_id: ask.subject,
            flow: flow.map(|flow| flow.name.clone()).unwrap_or_default(),
            flow_version: flow.map_or(0, |flow| i32::try_from(flow.version).unwrap_or(i32::MAX)),
            facts: write(&ask.facts),
            plan: write(&plan),
            material: ask.material.clone(),
            requester: Some(ask.requester.0).filter(|staff| !staff.is_nil()),
            link_id: None,
            state: "open".to_owned(),
            reason: String::new(),
            step: 0,
            opened_at: now,
            closed_at: None,
        };
        let passes = match (flow, plan.is_empty()) {
            (None, _) => "no flow's condition holds".to_owned(),
            (Some(flow), true) => format!("no step of {} applies", flow.name),
            (Some(_), false) => {
                store::insert(&*self.vault.seal(tx).await?, tx, &row).await?;
                if self.open_from(tx, &row, &plan, 0, None).await? {
                    self.asked(tx, &ask.requester.to_string(), row.id, "approval.ask")
                        .await?;
                    return Ok(Gate::Waits);
                }
                let passes = "there is nobody but the requester".to_owned();
                store::close(tx, row.id, "passed", &passes, now).await?;
                return Ok(Gate::Passed(passes));
            }
        };
        (row.state, row.reason, row.closed_at) = ("passed".to_owned(), passes.clone(), Some(now));
        store::insert(&*self.vault.seal(tx).await?, tx, &row).await?;
        Ok(Gate::Passed(passes))
    }

    /// Writes down that an approval has become another.
    async fn asked(&self, tx: &mut TenantTx, actor: &str, id: Uuid, action: &str) -> Result<(), Error> {
        let (line, resource) = (self.tenancy.ids().uuid(), format!("approval/{id}"));
        Ok(hansa_directory::audit(tx, line, actor, action, &resource, "workflow.flow").await?)
    }

    /// The same request again with another content of no weight: what was decided holds.
    async fn carry_on(&self, tx: &mut TenantTx, ask: &Ask, old: ApprovalRow) -> Result<(), Error> {
        let parts = store::parts(tx, &[old.id]).await?;
        let row = ApprovalRow {
            id: ask.id,
            facts: write(&ask.facts),
            ..old
        };
        store::insert(&*self.vault.seal(tx).await?, tx, &row).await?;
        let plan = plan(&row)?;
        for mut part in parts {
            part.approval_id = ask.id;
            let planned = usize::try_from(part.step).ok().and_then(|step| plan.get(step));
            let still = part.state == Part::Open.as_str();
            let (Some(link), Some(planned), true) = (part.link_id, planned, still) else {
                store::insert_part(tx, &part).await?;
                continue;
            };
            // The question that the partner has is about the older request.
            part.decision_id = Some(self.tenancy.ids().uuid());
            store::insert_part(tx, &part).await?;
            let Who::Partners(partners) = &planned.step.by else {
                continue;
            };
            if let Some(partner) = partners.iter().find(|partner| partner.link == link) {
                self.ask_partner(tx, &row, (planned, partner), &part).await?;
            }
        }
        Ok(())
    }

    /// Opens the first step from this one on that somebody can decide; false when none is left.
    async fn open_from(
        &self,
        tx: &mut TenantTx,
        row: &ApprovalRow,
        plan: &[Planned],
        from: usize,
        until: Option<OffsetDateTime>,
    ) -> Result<bool, Error> {
        for (place, planned) in plan.iter().enumerate().skip(from) {
            let staff = hansa_directory::colleagues(tx).await?;
            let asked = self.whom(tx, &planned.step.by, (&staff, row)).await?;
            if asked.is_empty() {
                continue;
            }
            let step = i16::try_from(place).map_err(|_| Error::Damaged("approval"))?;
            let now = self.tenancy.clock().now();
            let due_at = planned.step.hours.map(|hours| now + Duration::hours(hours.into()));
            let due_at = due_at.or(until);
            let mut places = 0_i16..;
            for (one, part) in asked.iter().zip(step::begin(planned.step.rule, asked.len())) {
                let place = (row.id, step, places.next().unwrap_or(i16::MAX));
                let mut new = match one {
                    Asked::Colleague(person) => new_part(place, *person, part, "flow", due_at),
                    Asked::Partner(_) => new_part(place, Uuid::nil(), part, "flow", due_at),
                };
                if let Asked::Partner(partner) = one {
                    (new.staff_id, new.link_id) = (None, Some(partner.link));
                    new.decision_id = Some(self.tenancy.ids().uuid());
                    self.ask_partner(tx, row, (planned, partner), &new).await?;
                }
                store::insert_part(tx, &new).await?;
            }
            let told = planned
                .step
                .cc
                .iter()
                .filter(|one| staff.iter().any(|staff| staff.id.0 == **one));
            for person in told.collect::<BTreeSet<_>>() {
                let place = (row.id, step, places.next().unwrap_or(i16::MAX));
                store::insert_part(tx, &new_part(place, *person, Part::Informed, "flow", None)).await?;
            }
            store::advance(tx, row.id, step).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Who is asked in a step: those partners who can be, or else our own people.
    async fn whom(
        &self,
        tx: &mut TenantTx,
        by: &Who,
        (staff, row): (&[Staff], &ApprovalRow),
    ) -> Result<Vec<Asked>, Error> {
        if let Who::Partners(partners) = by {
            let partners = self.reachable(tx, partners).await?;
            if !partners.is_empty() {
                return Ok(partners.into_iter().map(Asked::Partner).collect());
            }
        }
        let people = eligible(staff, by, StaffId(row.requester.unwrap_or_default()));
        Ok(people.into_iter().map(Asked::Colleague).collect())
    }

    /// Of requests about this, what it said is erased: what was asked, of whom, and what was decided stays.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn forget(&self, tx: &mut TenantTx, subject: Uuid) -> Result<(), Error> {
        let seal = self.vault.seal(tx).await?;
        for row in store::all_about(&seal, tx, subject).await? {
            let known: Facts = read(&row.facts)?;
            let left = Facts {
                kind: known.kind,
                act: known.act,
                partner: known.partner,
                title: known.title,
                ..Facts::default()
            };
            store::put_facts(&seal, tx, row.id, &write(&left)).await?;
        }
        Ok(())
    }

    /// What was asked for has become void; its approval is over.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn void(&self, tx: &mut TenantTx, id: Uuid, reason: &str) -> Result<(), Error> {
        let row = store::lock(&*self.vault.seal(tx).await?, tx, id)
            .await?
            .filter(|row| row.state == "open");
        match row {
            Some(row) => {
                store::close(tx, row.id, "withdrawn", reason, self.tenancy.clock().now()).await?;
                self.tell_over(tx, &row, reason).await
            }
            None => Ok(()),
        }
    }

    pub(crate) fn subject(&self) -> Option<&dyn Subject> {
        self.subject.get().map(|subject| &**subject)
    }
}

/// Who can decide: those who are asked and are still there, and never who asks. When nobody is left, the owners and admins.
fn eligible(staff: &[Staff], who: &Who, requester: StaffId) -> Vec<Uuid> {
    let there = |one: &&Staff| !one.disabled && one.id != requester;
    let with = |wanted: &[Role]| -> Vec<Uuid> {
        let all = staff
            .iter()
            .filter(there)
            .filter(|one| wanted.iter().any(|role| one.roles.contains(role)));
        all.map(|one| one.id.0).collect()
    };
    let asked = match who {
        // None of them can be asked.
        Who::Partners(_) => Vec::new(),
        Who::Role(role) => role.parse().map(|role| with(&[role])).unwrap_or_default(),
        Who::Staff(named) => {
            let mut once = BTreeSet::new();
            let known = named
                .iter()
                .filter(|id| staff.iter().filter(there).any(|one| one.id.0 == **id));
            known.copied().filter(|id| once.insert(*id)).collect()
        }
    };
    if asked.is_empty() {
        with(&[Role::Owner, Role::Admin])
    } else {
        asked
    }
}

fn new_part(
    (approval_id, step, place): (Uuid, i16, i16),
    staff_id: Uuid,
    part: Part,
    asked: &str,
    due_at: Option<OffsetDateTime>,
) -> PartRow {
    PartRow {
        approval_id,
        step,
        place,
        staff_id: Some(staff_id),
        link_id: None,
        decided_as: String::new(),
        state: part.as_str().to_owned(),
        asked: asked.to_owned(),
        due_at,
        overdue: false,
        decision_id: None,
        decided_by: None,
        decided_at: None,
        note: String::new(),
    }
}

fn request(row: &ApprovalRow) -> Request {
    Request {
        id: row.id,
        subject: row.subject_id,
    }
}

fn plan(row: &ApprovalRow) -> Result<Vec<Planned>, Error> {
    read(&row.plan)
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| Error::Damaged("approval"))
}

fn write(thing: &impl serde::Serialize) -> String {
    serde_json::to_string(thing).unwrap_or_default()
}

impl Workflow {
    async fn flows_for(&self, tx: &mut TenantTx, facts: &Facts) -> Result<Vec<Flow>, Error> {
        let all = store::flows(tx, Some((&facts.kind, &facts.act))).await?;
        all.iter()
            .map(|definition| Flow::read(definition).map_err(|_| Error::Damaged("flow")))
            .collect()
    }
}
