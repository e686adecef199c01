//! Decisions, and what they lead to.

use hansa_directory::Session;
use hansa_tenancy::TenantTx;
use hansa_vocab::{Fault, LinkId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Shown, Workflow, new_part, plan, request, view::runs_it};
use crate::{
    Error, Subject, SubjectFuture,
    error::SubjectFault,
    model::{
        flow::Rule,
        step::{self, Part, Standing},
    },
    store::{self, ApprovalRow, PartRow},
};

/// Characters of a note.
pub(super) const NOTE_MAX: usize = 400;

/// What somebody decides.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    /// Of the approval.
    pub id: Uuid,
    /// None = a new one.
    pub decision_id: Option<Uuid>,
    /// One of `Approved`, `Rejected` and `Returned`.
    pub part: Part,
    pub note: String,
}

impl Workflow {
    /// Takes a decision down. The last one that is needed does what was asked for, in the same transaction.
    pub(crate) async fn decide(&self, session: &Session, decision: &Decision) -> Result<Shown, Error> {
        checked_note(decision)?;
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("workflow.decide", session).await?;
        let row = self.visible(&mut tx, session, decision.id).await?;
        let mut parts = store::parts(&mut tx, &[row.id]).await?;
        let decision_id = decision.decision_id.unwrap_or_else(|| self.tenancy.ids().uuid());
        if let Some(taken) = parts.iter().find(|part| part.decision_id == Some(decision_id)) {
            let same = taken.part()? == decision.part && taken.decided_by == Some(session.staff().0);
            return if same {
                self.shown(&mut tx, session, row).await
            } else {
                Err(Error::IdReused(decision_id))
            };
        }
        if row.state != "open" {
            return Err(Error::Over(row.state));
        }
        if row.requester == Some(session.staff().0) {
            return Err(Error::Own);
        }
        parts.retain(|part| part.step == row.step && part.state != Part::Informed.as_str());
        let stands_in_for = self.stands_in_for(&mut tx, session.staff()).await?;
        let open = |part: &PartRow| part.state == Part::Open.as_str();
        let own = parts
            .iter()
            .position(|part| open(part) && part.staff_id == Some(session.staff().0));
        let place = own.or_else(|| {
            parts
                .iter()
                .position(|part| open(part) && part.staff_id.is_some_and(|staff| stands_in_for.contains(&staff)))
        });
        let place = match place {
            Some(place) => place,
            None => self.in_place_of_a_partner(&mut tx, session, &parts).await?,
        };
        self.tell_part_over(&mut tx, &parts[place], "it was decided without you")
            .await?;
        let mine = &mut parts[place];
        mine.state = decision.part.as_str().to_owned();
        (mine.decision_id, mine.decided_by) = (Some(decision_id), Some(session.staff().0));
        (mine.decided_at, mine.note) = (Some(now), decision.note.clone());
        let standing = self.settle(&row, &mut parts, place)?;
        for part in &parts {
            store::save_part(&mut tx, part).await?;
        }
        self.noted(&mut tx, session, "approval.decide", &format!("approval/{}", row.id))
            .await?;
        self.lead_on(&mut tx, &row, standing, &decision.note, now).await?;
        let row = store::lock(&*self.vault.seal(&mut tx).await?, &mut tx, row.id)
            .await?
            .ok_or(Error::Damaged("approval"))?;
        let shown = self.shown(&mut tx, session, row).await?;
        tx.commit().await?;
        Ok(shown)
    }

    /// The part of a partner that was asked and can't answer any more, for those who run the enterprise.
    async fn in_place_of_a_partner(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        parts: &[PartRow],
    ) -> Result<usize, Error> {
        for (part, place) in parts.iter().zip(0..) {
            if runs_it(session) && part.state == Part::Open.as_str() && self.lost(tx, part).await? {
                return Ok(place);
            }
        }
        Err(Error::NotAsked)
    }

    /// What the parts of the open step come to. Whom it was escalated to decides for all.
    pub(super) fn settle(&self, row: &ApprovalRow, parts: &mut [PartRow], decided: usize) -> Result<Standing, Error> {
        let plan = plan(row)?;
        let place = usize::try_from(row.step).map_err(|_| Error::Damaged("approval"))?;
        let rule = plan.get(place).ok_or(Error::Damaged("approval"))?.step.rule;
        let for_all = parts[decided].asked == "escalated";
        let rule = if for_all { Rule::Any } else { rule };
        let added = |part: &PartRow| !for_all && part.asked == "added";
        let words = parts.iter().map(|part| Ok((part.part()?, added(part))));
        let mut words = words.collect::<Result<Vec<_>, Error>>()?;
        let standing = step::settle(rule, &mut words);
        for (part, (word, _)) in parts.iter_mut().zip(words) {
            part.state = word.as_str().to_owned();
        }
        Ok(standing)
    }

    /// Goes on to the next step, or to the end.
    pub(super) async fn lead_on(
        &self,
        tx: &mut TenantTx,
        row: &ApprovalRow,
        standing: Standing,
        note: &str,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        if let Some(link) = row.link_id {
            return self.answer(tx, (row, LinkId(link)), (standing, note), now).await;
        }
        if standing != Standing::Open {
            self.tell_over(tx, row, "it was decided without you").await?;
        }
        let (state, reason) = match standing {
            Standing::Open => return Ok(()),
            Standing::Approved => {
                let next = usize::try_from(row.step).map_err(|_| Error::Damaged("approval"))? + 1;
                if !self.open_from(tx, row, &plan(row)?, next, None).await? {
                    store::close(tx, row.id, "approved", "", now).await?;
                    self.subject_of(|subject| subject.approved(tx, request(row))).await?;
                }
                return Ok(());
            }
            Standing::Rejected => ("rejected", "REJECTED"),
            Standing::Returned => ("returned", "RETURNED"),
        };
        store::close(tx, row.id, state, note, now).await?;
        self.subject_of(|subject| subject.over(tx, request(row), reason)).await
    }

    async fn subject_of<'a, T>(
        &'a self,
        does: impl FnOnce(&'a dyn Subject) -> SubjectFuture<'a, T>,
    ) -> Result<(), Error> {
        match self.subject() {
            Some(subject) => does(subject)
                .await
                .map(drop)
                .map_err(|fault: Fault| SubjectFault(fault).into()),
            None => Ok(()),
        }
    }

    /// Asks one more colleague in the open step.
    pub(crate) async fn add_approver(&self, session: &Session, id: Uuid, staff: Uuid) -> Result<Shown, Error> {
        let mut tx = self.tenancy.begin("workflow.add_approver", session).await?;
        let row = self.visible(&mut tx, session, id).await?;
        if row.state != "open" {
            return Err(Error::Over(row.state));
        }
        let bad = |text: &str| Error::Invalid {
            field: "staff_id",
            text: text.to_owned(),
        };
        let parts = store::parts(&mut tx, &[row.id]).await?;
        let of_step = || parts.iter().filter(|part| part.step == row.step);
        if !of_step().any(|part| part.staff_id == Some(session.staff().0) && part.state == Part::Open.as_str()) {
            return Err(Error::NotAsked);
        }
        let asked = |part: &PartRow| part.staff_id == Some(staff) && part.state != Part::Informed.as_str();
        if Some(staff) == row.requester || of_step().any(asked) {
            return Err(bad("a colleague who is not asked yet, and not who asks"));
        }
        let known = hansa_directory::colleagues(&mut tx).await?;
        if !known.iter().any(|one| one.id.0 == staff && !one.disabled) {
            return Err(Error::NotFound("colleague"));
        }
        let place = i16::try_from(of_step().count()).map_err(|_| bad("too many are asked already"))?;
        let due_at = of_step().find_map(|part| part.due_at);
        let open = new_part((row.id, row.step, place), staff, Part::Open, "added", due_at);
        store::insert_part(&mut tx, &open).await?;
        self.noted(&mut tx, session, "approval.add_approver", &format!("approval/{id}"))
            .await?;
        let shown = self.shown(&mut tx, session, row).await?;
        tx.commit().await?;
        Ok(shown)
    }

    /// Takes one's own request back.
    pub(crate) async fn withdraw(&self, session: &Session, id: Uuid) -> Result<Shown, Error> {
        let mut tx = self.tenancy.begin("workflow.withdraw", session).await?;
        let row = self.visible(&mut tx, session, id).await?;
        if row.requester != Some(session.staff().0) {
            return Err(Error::NotAsked);
        }
        match &*row.state {
            "open" => {}
            "withdrawn" => return self.shown(&mut tx, session, row).await,
            _ => return Err(Error::Over(row.state)),
        }
        store::close(&mut tx, id, "withdrawn", "", self.tenancy.clock().now()).await?;
        self.tell_over(&mut tx, &row, "who asked has taken it back").await?;
        self.noted(&mut tx, session, "approval.withdraw", &format!("approval/{id}"))
            .await?;
        self.subject_of(|subject| subject.over(&mut tx, request(&row), "WITHDRAWN"))
            .await?;
        let row = store::lock(&*self.vault.seal(&mut tx).await?, &mut tx, id)
            .await?
            .ok_or(Error::Damaged("approval"))?;
        let shown = self.shown(&mut tx, session, row).await?;
        tx.commit().await?;
        Ok(shown)
    }
}

fn checked_note(decision: &Decision) -> Result<(), Error> {
    let bad = |text: &str| {
        let text = text.to_owned();
        Err(Error::Invalid { field: "note", text })
    };
    if decision.note.chars().count() > NOTE_MAX {
        return bad("at most 400 characters");
    }
    if decision.part != Part::Approved && decision.note.trim().is_empty() {
        return bad("say why, so that it can be changed");
    }
    Ok(())
}
