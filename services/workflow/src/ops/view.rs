//! What is shown of approvals, and to whom.

use std::collections::{BTreeMap, BTreeSet};

use hansa_directory::Session;
use hansa_tenancy::TenantTx;
use hansa_vocab::{LinkId, Role};
use uuid::Uuid;

use super::{Workflow, plan, read};
use crate::{
    Error,
    model::{Facts, flow::Planned, step::Part},
    store::{self, ApprovalRow, Open, PartRow, Seen, TimeRow},
};

/// A request with all that is shown of it.
pub(crate) struct Shown {
    pub row: ApprovalRow,
    pub facts: Facts,
    pub plan: Vec<Planned>,
    pub parts: Vec<PartRow>,
    /// Of all colleagues, and of partners by the link to them.
    pub names: BTreeMap<Uuid, String>,
    /// May the caller decide now.
    pub ours: bool,
}

/// Which requests are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    ToDecide,
    Asked,
    All,
}

impl Workflow {
    pub(crate) async fn get(&self, session: &Session, id: Uuid) -> Result<Shown, Error> {
        let mut tx = self.tenancy.begin("workflow.get", session).await?;
        let row = self.visible(&mut tx, session, id).await?;
        self.shown(&mut tx, session, row).await
    }

    pub(crate) async fn list(
        &self,
        session: &Session,
        which: Which,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Shown>, Error> {
        let mut tx = self.tenancy.begin("workflow.list", session).await?;
        let stands_in_for = self.stands_in_for(&mut tx, session.staff()).await?;
        let seen = Seen {
            staff: session.staff(),
            stands_in_for: &stands_in_for,
            to_decide: which == Which::ToDecide,
            asked: which == Which::Asked,
            all: sees_all(session),
        };
        let rows = store::list(&*self.vault.seal(&mut tx).await?, &mut tx, &seen, before, limit).await?;
        self.all_shown(&mut tx, session, rows, &stands_in_for).await
    }

    /// How long decisions took in these months, this one included, and what waits now.
    pub(crate) async fn times(&self, session: &Session, months: u32) -> Result<(Vec<TimeRow>, Vec<Open>), Error> {
        let months = match months {
            0 => 12,
            1..=36 => months,
            _ => {
                return Err(Error::Invalid {
                    field: "months",
                    text: "1 to 36".to_owned(),
                });
            }
        };
        let back = i32::try_from(months).unwrap_or(1) - 1;
        let mut tx = self.tenancy.begin("workflow.times", session).await?;
        let stands_in_for = self.stands_in_for(&mut tx, session.staff()).await?;
        let seen = Seen {
            staff: session.staff(),
            stands_in_for: &stands_in_for,
            to_decide: false,
            asked: false,
            all: sees_all(session),
        };
        let times = store::times(&mut tx, &seen, self.tenancy.clock().now(), back).await?;
        Ok((times, store::waiting(&mut tx, &seen).await?))
    }

    /// A request that this caller may see, and its row lock.
    pub(super) async fn visible(&self, tx: &mut TenantTx, session: &Session, id: Uuid) -> Result<ApprovalRow, Error> {
        let row = store::lock(&*self.vault.seal(tx).await?, tx, id)
            .await?
            .ok_or(Error::NotFound("approval"))?;
        if sees_all(session) || row.requester == Some(session.staff().0) {
            return Ok(row);
        }
        let mut who = self.stands_in_for(tx, session.staff()).await?;
        who.push(session.staff().0);
        let parts = store::parts(tx, &[id]).await?;
        match parts
            .iter()
            .any(|part| part.staff_id.is_some_and(|staff| who.contains(&staff)))
        {
            true => Ok(row),
            false => Err(Error::NotFound("approval")),
        }
    }

    pub(super) async fn shown(&self, tx: &mut TenantTx, session: &Session, row: ApprovalRow) -> Result<Shown, Error> {
        let stands_in_for = self.stands_in_for(tx, session.staff()).await?;
        let mut shown = self.all_shown(tx, session, vec![row], &stands_in_for).await?;
        shown.pop().ok_or(Error::Damaged("approval"))
    }

    async fn all_shown(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        rows: Vec<ApprovalRow>,
        stands_in_for: &[Uuid],
    ) -> Result<Vec<Shown>, Error> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let mut parts = store::parts(tx, &ids).await?;
        let staff = hansa_directory::colleagues(tx).await?;
        let mut names: BTreeMap<_, _> = staff.into_iter().map(|staff| (staff.id.0, staff.name)).collect();
        let links = parts.iter().filter_map(|part| part.link_id);
        let links: BTreeSet<_> = links.chain(rows.iter().filter_map(|row| row.link_id)).collect();
        for link in links {
            names.insert(link, self.links.other_end(tx, LinkId(link)).await?.keys.name);
        }
        let me = session.staff().0;
        let mut lost = BTreeSet::new();
        for part in parts.iter().filter(|part| part.state == Part::Open.as_str()) {
            if runs_it(session) && self.lost(tx, part).await? {
                lost.insert((part.approval_id, part.place));
            }
        }
        let shown = rows.into_iter().map(|row| {
            let parts: Vec<_> = parts.extract_if(.., |part| part.approval_id == row.id).collect();
            let asked = |part: &PartRow| {
                let turn = part.step == row.step && part.state == Part::Open.as_str();
                let mine = |staff: Uuid| staff == me || stands_in_for.contains(&staff);
                turn && (lost.contains(&(part.approval_id, part.place)) || part.staff_id.is_some_and(mine))
            };
            Ok(Shown {
                ours: row.state == "open" && row.requester != Some(me) && parts.iter().any(asked),
                facts: read(&row.facts)?,
                plan: plan(&row)?,
                names: names.clone(),
                parts,
                row,
            })
        });
        shown.collect()
    }
}

/// Who runs the enterprise.
pub(super) fn runs_it(session: &Session) -> bool {
    let all = [Role::Owner, Role::Admin];
    session.roles().iter().any(|role| all.contains(role))
}

/// Who runs the enterprise, approves or audits sees what others have to do with each other.
fn sees_all(session: &Session) -> bool {
    let all = [Role::Owner, Role::Admin, Role::Approver, Role::Auditor];
    session.roles().iter().any(|role| all.contains(role))
}
