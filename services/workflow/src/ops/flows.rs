//! Flows: adding them, taking them out of use, and asking beforehand who would approve.

use hansa_directory::{Session, audit};
use hansa_tenancy::TenantTx;
use hansa_vocab::{LinkId, StaffId};

use super::{Workflow, eligible};
use crate::{
    Error,
    model::{Facts, Flow, flow::Who},
    store,
};

/// Bytes of a definition.
const DEFINITION_MAX: usize = 64 * 1024;

/// What would come of a request.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// The flow that it would go into; empty when none is for it.
    pub flow: String,
    /// Its steps: name, why it applies although that can't be told, and who would be asked.
    pub steps: Vec<(String, String, Vec<String>)>,
}

impl Workflow {
    pub(crate) async fn put_flow(&self, session: &Session, definition: &str) -> Result<Flow, Error> {
        let bad = |text: String| {
            let field = "definition";
            Error::Invalid { field, text }
        };
        if definition.len() > DEFINITION_MAX {
            return Err(bad(format!("at most {DEFINITION_MAX} bytes")));
        }
        let flow = Flow::read(definition).map_err(|wrong| bad(wrong.to_string()))?;
        let version = i32::try_from(flow.version).map_err(|_| bad("the version is too high".to_owned()))?;
        let mut tx = self.tenancy.begin("workflow.put_flow", session).await?;
        let staff = hansa_directory::colleagues(&mut tx).await?;
        if let Some(unknown) = flow.people().find(|id| !staff.iter().any(|staff| staff.id.0 == *id)) {
            return Err(bad(format!("there is no colleague {unknown}")));
        }
        match store::flow(&mut tx, &flow.name).await? {
            Some(newest) if newest.definition == flow.definition() && !newest.retired => return Ok(flow),
            Some(newest) => {
                let newest = Flow::read(&newest.definition).map_err(|_| Error::Damaged("flow"))?;
                if newest.version + 1 != flow.version {
                    let next = newest.version + 1;
                    return Err(bad(format!("the next version of {} is {next}", flow.name)));
                }
            }
            None if flow.version != 1 => return Err(bad("the first version is 1".to_owned())),
            None => {}
        }
        let (of, on) = ((&*flow.name, version), (&*flow.on.kind, &*flow.on.act));
        store::insert_flow(&mut tx, of, on, &flow.definition()).await?;
        self.noted(&mut tx, session, "flow.put", &format!("flow/{}", flow.name))
            .await?;
        tx.commit().await?;
        Ok(flow)
    }

    pub(crate) async fn retire_flow(&self, session: &Session, name: &str) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("workflow.retire_flow", session).await?;
        if store::retire(&mut tx, name).await? == 0 {
            return Err(Error::NotFound("flow"));
        }
        self.noted(&mut tx, session, "flow.retire", &format!("flow/{name}"))
            .await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn flows(&self, session: &Session) -> Result<Vec<Flow>, Error> {
        let mut tx = self.tenancy.begin("workflow.flows", session).await?;
        let all = store::flows(&mut tx, None).await?;
        all.iter()
            .map(|definition| Flow::read(definition).map_err(|_| Error::Damaged("flow")))
            .collect()
    }

    /// What would come of a request, without writing anything.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn preview(&self, tx: &mut TenantTx, facts: &Facts, requester: StaffId) -> Result<Preview, Error> {
        let flows = self.flows_for(tx, facts).await?;
        let Some(flow) = flows.iter().find(|flow| flow.is_for(facts)) else {
            return Ok(Preview::default());
        };
        let staff = hansa_directory::colleagues(tx).await?;
        let named = |id: &uuid::Uuid| {
            let one = staff.iter().find(|staff| staff.id.0 == *id);
            one.map(|staff| staff.name.clone()).unwrap_or_default()
        };
        let mut steps = Vec::new();
        for planned in flow.plan(facts) {
            let mut people = Vec::new();
            if let Who::Partners(partners) = &planned.step.by {
                for partner in self.reachable(tx, partners).await? {
                    let other = self.links.other_end(tx, LinkId(partner.link)).await?;
                    people.push(format!("{} ({})", other.keys.name, partner.role));
                }
            }
            if people.is_empty() {
                people = eligible(&staff, &planned.step.by, requester)
                    .iter()
                    .map(named)
                    .collect();
            }
            steps.push((planned.step.name, planned.unknown, people));
        }
        Ok(Preview {
            flow: flow.name.clone(),
            steps,
        })
    }

    pub(super) async fn noted(
        &self,
        tx: &mut TenantTx,
        session: &Session,
        action: &str,
        resource: &str,
    ) -> Result<(), Error> {
        let (id, actor) = (self.tenancy.ids().uuid(), session.staff().to_string());
        Ok(audit(tx, id, &actor, action, resource, &session.rule()).await?)
    }
}
