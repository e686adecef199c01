//! The wire of approvals: our own people only.

use std::collections::BTreeMap;

use hansa_directory::{Session, Staff};
use hansa_edge::{duration, finish, id, maybe_id, status, timestamp};
use hansa_proto::workflow::v1::{self as wire, workflow_staff_service_server::WorkflowStaffService};
use hansa_vocab::Fault;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    Workflow,
    model::{
        Flow,
        flow::{Planned, Rule},
        step::Part,
    },
    ops::{Decision, Shown, Which},
    store::{DelegationRow, PartRow},
};

const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;

/// `hansa.workflow.v1.WorkflowStaffService`.
#[derive(Clone, Debug)]
pub struct WorkflowStaff(pub Workflow);

fn instant(field: &'static str, at: prost_types::Timestamp) -> Result<OffsetDateTime, Status> {
    OffsetDateTime::from_unix_timestamp(at.seconds).map_err(|_| status(Fault::invalid(field, "no such time")))
}

fn flow(flow: &Flow) -> wire::Flow {
    wire::Flow {
        name: flow.name.clone(),
        version: flow.version,
        title: flow.title.clone().into_iter().collect(),
        kind: flow.on.kind.clone(),
        act: flow.on.act.clone(),
        definition: flow.definition(),
    }
}

fn rule(rule: Rule) -> String {
    match rule {
        Rule::Any => "any".to_owned(),
        Rule::All => "all".to_owned(),
        Rule::InTurn => "in_turn".to_owned(),
        Rule::NOf(many) => format!("{many}_of"),
    }
}

fn approval(shown: Shown) -> wire::Approval {
    let Shown {
        row,
        facts,
        plan,
        parts,
        names,
        ours,
    } = shown;
    let name = |id: &Uuid| names.get(id).cloned().unwrap_or_default();
    let steps = plan.into_iter().zip(0_i16..).map(|(planned, place)| {
        let parts = parts.iter().filter(|part| part.step == place);
        step(planned, parts, &names)
    });
    wire::Approval {
        facts: row.facts,
        steps: steps.collect(),
        id: row.id.to_string(),
        subject_id: row.subject_id.to_string(),
        kind: facts.kind,
        act: facts.act,
        title: facts.title,
        flow: row.flow,
        flow_version: u32::try_from(row.flow_version).unwrap_or(0),
        state: row.state,
        reason: row.reason,
        requester_id: row.requester.map(|id| id.to_string()).unwrap_or_default(),
        requester_name: row.requester.or(row.link_id).map(|id| name(&id)).unwrap_or_default(),
        link_id: row.link_id.map(|id| id.to_string()).unwrap_or_default(),
        total: facts.total,
        currency: facts.currency,
        opened_at: Some(timestamp(row.opened_at)),
        closed_at: row.closed_at.map(timestamp),
        ours,
    }
}

fn step<'a>(planned: Planned, parts: impl Iterator<Item = &'a PartRow>, names: &BTreeMap<Uuid, String>) -> wire::Step {
    let name = |id: &Uuid| names.get(id).cloned().unwrap_or_default();
    let part = |part: &PartRow| wire::Part {
        staff_id: part.staff_id.map(|id| id.to_string()).unwrap_or_default(),
        staff_name: part.staff_id.map(|id| name(&id)).unwrap_or_default(),
        link_id: part.link_id.map(|id| id.to_string()).unwrap_or_default(),
        partner_name: part.link_id.map(|id| name(&id)).unwrap_or_default(),
        state: part.state.clone(),
        due_at: part.due_at.map(timestamp),
        overdue: part.overdue,
        decided_at: part.decided_at.map(timestamp),
        decided_by_name: part
            .decided_by
            .filter(|by| Some(*by) != part.staff_id)
            .map_or_else(|| part.decided_as.clone(), |by| name(&by)),
        note: part.note.clone(),
        asked: part.asked.clone(),
    };
    wire::Step {
        name: planned.step.name,
        rule: rule(planned.step.rule),
        unknown: planned.unknown,
        parts: parts.map(part).collect(),
    }
}

fn delegation(row: &DelegationRow, staff: &[Staff]) -> wire::Delegation {
    let name = |id: Uuid| {
        let one = staff.iter().find(|staff| staff.id.0 == id);
        one.map(|staff| staff.name.clone()).unwrap_or_default()
    };
    wire::Delegation {
        id: row.id.to_string(),
        from_staff_id: row.from_staff.to_string(),
        from_staff_name: name(row.from_staff),
        to_staff_id: row.to_staff.to_string(),
        to_staff_name: name(row.to_staff),
        begins_at: Some(timestamp(row.begins_at)),
        ends_at: Some(timestamp(row.ends_at)),
        reason: row.reason.clone(),
    }
}

#[tonic::async_trait]
impl WorkflowStaffService for WorkflowStaff {
    async fn put_flow(&self, asked: Request<wire::PutFlowRequest>) -> Result<Response<wire::PutFlowResponse>, Status> {
        let (session, workflow, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let put = finish(async move { workflow.put_flow(&session, &asked.definition).await }).await?;
        Ok(Response::new(wire::PutFlowResponse { flow: Some(flow(&put)) }))
    }

    async fn retire_flow(
        &self,
        asked: Request<wire::RetireFlowRequest>,
    ) -> Result<Response<wire::RetireFlowResponse>, Status> {
        let (session, workflow, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        finish(async move { workflow.retire_flow(&session, &asked.name).await }).await?;
        Ok(Response::new(wire::RetireFlowResponse {}))
    }

    async fn list_flows(
        &self,
        asked: Request<wire::ListFlowsRequest>,
    ) -> Result<Response<wire::ListFlowsResponse>, Status> {
        let session = Session::of(&asked)?;
        let flows = self.0.flows(&session).await.map_err(status)?;
        let flows = flows.iter().map(flow).collect();
        Ok(Response::new(wire::ListFlowsResponse { flows }))
    }

    async fn list_approvals(
        &self,
        asked: Request<wire::ListApprovalsRequest>,
    ) -> Result<Response<wire::ListApprovalsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let size = if asked.page_size == 0 { PAGE } else { asked.page_size };
        if size > PAGE_MAX {
            return Err(status(Fault::invalid("page_size", "at most 200")));
        }
        let which = match asked.which() {
            wire::Which::ToDecide => Which::ToDecide,
            wire::Which::Asked => Which::Asked,
            wire::Which::All | wire::Which::Unspecified => Which::All,
        };
        let before = maybe_id("page", &asked.page)?;
        let all = self
            .0
            .list(&session, which, before, size.into())
            .await
            .map_err(status)?;
        let last = all.last().filter(|_| u32::try_from(all.len()) == Ok(size));
        Ok(Response::new(wire::ListApprovalsResponse {
            next_page: last.map(|shown| shown.row.id.to_string()).unwrap_or_default(),
            approvals: all.into_iter().map(approval).collect(),
        }))
    }

    async fn get_approval_times(
        &self,
        asked: Request<wire::GetApprovalTimesRequest>,
    ) -> Result<Response<wire::GetApprovalTimesResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let (times, open) = self.0.times(&session, asked.months).await.map_err(status)?;
        let many = |number: i64| u64::try_from(number).unwrap_or(0);
        let seconds = |seconds: f64| Some(duration(time::Duration::seconds_f64(seconds)));
        let times = times.into_iter().map(|row| wire::ApprovalTime {
            flow: row.flow,
            month: row.month,
            decided: many(row.decided),
            refused: many(row.refused),
            median: seconds(row.median),
            ninth: seconds(row.ninth),
        });
        let open = open.into_iter().map(|row| wire::ApprovalsOpen {
            flow: row.flow,
            many: many(row.many),
            oldest_at: Some(timestamp(row.oldest_at)),
        });
        Ok(Response::new(wire::GetApprovalTimesResponse {
            times: times.collect(),
            open: open.collect(),
        }))
    }

    async fn get_approval(
        &self,
        asked: Request<wire::GetApprovalRequest>,
    ) -> Result<Response<wire::GetApprovalResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let shown = self.0.get(&session, id("id", &asked.id)?).await.map_err(status)?;
        Ok(Response::new(wire::GetApprovalResponse {
            approval: Some(approval(shown)),
        }))
    }

    async fn decide(&self, asked: Request<wire::DecideRequest>) -> Result<Response<wire::DecideResponse>, Status> {
        let (session, workflow, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let part = match asked.verdict() {
            wire::Verdict::Approve => Part::Approved,
            wire::Verdict::Reject => Part::Rejected,
            wire::Verdict::Return => Part::Returned,
            wire::Verdict::Unspecified => return Err(status(Fault::invalid("verdict", "approve, reject or return"))),
        };
        let decision = Decision {
            id: id("id", &asked.id)?,
            decision_id: maybe_id("decision_id", &asked.decision_id)?,
            part,
            note: asked.note,
        };
        let shown = finish(async move { workflow.decide(&session, &decision).await }).await?;
        Ok(Response::new(wire::DecideResponse {
            approval: Some(approval(shown)),
        }))
    }

    async fn add_approver(
        &self,
        asked: Request<wire::AddApproverRequest>,
    ) -> Result<Response<wire::AddApproverResponse>, Status> {
        let (session, workflow, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (request, staff) = (id("id", &asked.id)?, id("staff_id", &asked.staff_id)?);
        let shown = finish(async move { workflow.add_approver(&session, request, staff).await }).await?;
        Ok(Response::new(wire::AddApproverResponse {
            approval: Some(approval(shown)),
        }))
    }

    async fn withdraw_request(
        &self,
        asked: Request<wire::WithdrawRequestRequest>,
    ) -> Result<Response<wire::WithdrawRequestResponse>, Status> {
        let (session, workflow, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let request = id("id", &asked.id)?;
        let shown = finish(async move { workflow.withdraw(&session, request).await }).await?;
        Ok(Response::new(wire::WithdrawRequestResponse {
            approval: Some(approval(shown)),
        }))
    }

    async fn delegate(
        &self,
        asked: Request<wire::DelegateRequest>,
    ) -> Result<Response<wire::DelegateResponse>, Status> {
        let (session, workflow, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let to = id("to_staff_id", &asked.to_staff_id)?;
        let begins_at = asked.begins_at.map(|at| instant("begins_at", at)).transpose()?;
        let ends_at = asked
            .ends_at
            .ok_or_else(|| status(Fault::invalid("ends_at", "say until when")))?;
        let ends_at = instant("ends_at", ends_at)?;
        let done = async move { workflow.delegate(&session, to, begins_at, ends_at, &asked.reason).await };
        let (row, staff) = finish(done).await?;
        Ok(Response::new(wire::DelegateResponse {
            delegation: Some(delegation(&row, &staff)),
        }))
    }

    async fn end_delegation(
        &self,
        asked: Request<wire::EndDelegationRequest>,
    ) -> Result<Response<wire::EndDelegationResponse>, Status> {
        let (session, workflow, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let one = id("id", &asked.id)?;
        finish(async move { workflow.end_delegation(&session, one).await }).await?;
        Ok(Response::new(wire::EndDelegationResponse {}))
    }

    async fn list_delegations(
        &self,
        asked: Request<wire::ListDelegationsRequest>,
    ) -> Result<Response<wire::ListDelegationsResponse>, Status> {
        let session = Session::of(&asked)?;
        let (all, staff) = self.0.delegations(&session).await.map_err(status)?;
        Ok(Response::new(wire::ListDelegationsResponse {
            delegations: all.iter().map(|row| delegation(row, &staff)).collect(),
        }))
    }
}
