//! Deciding in somebody's place.

use hansa_directory::Session;
use hansa_tenancy::TenantTx;
use hansa_vocab::StaffId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Workflow;
use crate::{
    Error,
    store::{self, DelegationRow},
};

/// How long a delegation lasts at most.
const LONGEST: Duration = Duration::days(366);

impl Workflow {
    /// Those for whom a colleague decides by now.
    pub(super) async fn stands_in_for(&self, tx: &mut TenantTx, staff: StaffId) -> Result<Vec<Uuid>, Error> {
        let now = self.tenancy.clock().now();
        let all = store::delegations(tx, staff, now).await?;
        let of_now = all
            .into_iter()
            .filter(|one| one.to_staff == staff.0 && one.begins_at <= now);
        Ok(of_now.map(|one| one.from_staff).collect())
    }

    pub(crate) async fn delegate(
        &self,
        session: &Session,
        to: Uuid,
        begins_at: Option<OffsetDateTime>,
        ends_at: OffsetDateTime,
        reason: &str,
    ) -> Result<(DelegationRow, Vec<hansa_directory::Staff>), Error> {
        let bad = |field, text: &str| Error::Invalid {
            field,
            text: text.to_owned(),
        };
        let now = self.tenancy.clock().now();
        let row = DelegationRow {
            id: self.tenancy.ids().uuid(),
            from_staff: session.staff().0,
            to_staff: to,
            begins_at: begins_at.unwrap_or(now),
            ends_at,
            reason: reason.to_owned(),
        };
        if row.ends_at <= row.begins_at.max(now) || row.ends_at - row.begins_at > LONGEST {
            return Err(bad("ends_at", "after it begins, at most a year later"));
        }
        if row.reason.chars().count() > 200 {
            return Err(bad("reason", "at most 200 characters"));
        }
        let mut tx = self.tenancy.begin("workflow.delegate", session).await?;
        let staff = hansa_directory::colleagues(&mut tx).await?;
        if to == row.from_staff {
            return Err(bad("to_staff_id", "another colleague"));
        }
        if !staff.iter().any(|one| one.id.0 == to && !one.disabled) {
            return Err(Error::NotFound("colleague"));
        }
        store::insert_delegation(&mut tx, &row).await?;
        self.noted(&mut tx, session, "approval.delegate", &format!("delegation/{}", row.id))
            .await?;
        tx.commit().await?;
        Ok((row, staff))
    }

    pub(crate) async fn end_delegation(&self, session: &Session, id: Uuid) -> Result<(), Error> {
        let now = self.tenancy.clock().now();
        let mut tx = self.tenancy.begin("workflow.end_delegation", session).await?;
        if store::end_delegation(&mut tx, id, session.staff(), now).await? == 0 {
            return Err(Error::NotFound("delegation"));
        }
        self.noted(&mut tx, session, "approval.end_delegation", &format!("delegation/{id}"))
            .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn delegations(
        &self,
        session: &Session,
    ) -> Result<(Vec<DelegationRow>, Vec<hansa_directory::Staff>), Error> {
        let mut tx = self.tenancy.begin("workflow.delegations", session).await?;
        let all = store::delegations(&mut tx, session.staff(), self.tenancy.clock().now()).await?;
        Ok((all, hansa_directory::colleagues(&mut tx).await?))
    }
}
