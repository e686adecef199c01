//! What happens when nobody decides in time.

use hansa_tenancy::{Errand, Module, Round, Timed};
use hansa_vocab::{StaffId, TenantId};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Workflow, eligible, new_part, plan};
use crate::{
    Error,
    model::{
        flow::Overdue,
        step::{Part, Standing},
    },
    store,
};

/// Requests of one pass and tenant.
const PASS_MAX: i64 = 500;

impl Timed for Workflow {
    fn module(&self) -> Module {
        Module::Workflow
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        Box::pin(async move { Ok(self.watch(tenant).await?) })
    }
}

impl Workflow {
    /// One pass over one tenant: when the next request is overdue. Several processes may; the row lock lets each be seen to once.
    async fn watch(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("workflow.watcher", tenant);
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("workflow.overdue", &errand).await?;
        let late = store::overdue(&mut tx, now, PASS_MAX).await?;
        drop(tx);
        for id in &late {
            self.see_to(&errand, *id, now).await?;
        }
        let mut tx = self.tenancy.begin("workflow.next_due", &errand).await?;
        store::next_due(&mut tx).await
    }

    async fn see_to(&self, errand: &Errand, id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("workflow.see_to", errand).await?;
        let row = store::lock(&*self.vault.seal(&mut tx).await?, &mut tx, id)
            .await?
            .ok_or(Error::Damaged("approval"))?;
        let mut parts = store::parts(&mut tx, &[id]).await?;
        parts.retain(|part| part.step == row.step);
        let late = |part: &store::PartRow| {
            part.state == Part::Open.as_str() && part.due_at.is_some_and(|due_at| due_at <= now)
        };
        // Decided, or seen to, between the look and the lock.
        if row.state != "open" || !parts.iter().any(late) {
            return Ok(());
        }
        self.asked(&mut tx, errand.name(), id, "approval.overdue").await?;
        let place = usize::try_from(row.step).map_err(|_| Error::Damaged("approval"))?;
        let plan = plan(&row)?;
        let step = &plan.get(place).ok_or(Error::Damaged("approval"))?.step;
        let again = step.hours.map(|hours| now + time::Duration::hours(hours.into()));
        if step.overdue == Overdue::Reject {
            self.lead_on(&mut tx, &row, Standing::Rejected, "nobody decided in time", now)
                .await?;
            return Ok(tx.commit().await?);
        }
        let mut places = i16::try_from(parts.len()).map_err(|_| Error::Damaged("approval_part"))?..;
        for part in parts.iter_mut().filter(|part| late(part)) {
            (part.overdue, part.due_at) = (true, again);
            store::save_part(&mut tx, part).await?;
        }
        if let Overdue::Escalate(who) = &step.overdue {
            let staff = hansa_directory::colleagues(&mut tx).await?;
            let known = |staff: &Uuid| {
                parts
                    .iter()
                    .any(|part| part.staff_id == Some(*staff) && part.state != Part::Informed.as_str())
            };
            let people = eligible(&staff, who, StaffId(row.requester.unwrap_or_default()));
            for person in people.into_iter().filter(|person| !known(person)) {
                let place = (row.id, row.step, places.next().unwrap_or(i16::MAX));
                store::insert_part(&mut tx, &new_part(place, person, Part::Open, "escalated", None)).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}
