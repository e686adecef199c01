//! What partners may ask of us for people.

use hansa_edge::{finish, id, status};
use hansa_link::Permit;
use hansa_proto::outreach::v1::{self as wire, outreach_partner_service_server::OutreachPartnerService};
use tonic::{Request, Response, Status};

use super::{reach, shown};
use crate::{Outreach, ops::NewMessage};

/// `hansa.outreach.v1.OutreachPartnerService`.
#[derive(Clone, Debug)]
pub struct OutreachPartner(pub Outreach);

#[tonic::async_trait]
impl OutreachPartnerService for OutreachPartner {
    async fn get_terms(
        &self,
        asked: Request<wire::GetTermsRequest>,
    ) -> Result<Response<wire::GetTermsResponse>, Status> {
        let (permit, asked) = (Permit::of(&asked)?, asked.into_inner());
        let (name, notice) = self.0.terms_for(&permit, &asked.pool).await.map_err(status)?;
        Ok(Response::new(wire::GetTermsResponse {
            name,
            notice: notice.map(shown),
        }))
    }

    async fn enrol(&self, asked: Request<wire::EnrolRequest>) -> Result<Response<wire::EnrolResponse>, Status> {
        let (permit, outreach, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let id = id("id", &asked.id)?;
        finish(async move { outreach.enrolled_by(&permit, id, &asked).await }).await?;
        Ok(Response::new(wire::EnrolResponse {}))
    }

    async fn send_message(
        &self,
        asked: Request<wire::SendMessageRequest>,
    ) -> Result<Response<wire::SendMessageResponse>, Status> {
        let (permit, outreach, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let id = id("id", &asked.id)?;
        let tally = finish(async move { outreach.send_for(&permit, &NewMessage { id, asked }).await }).await?;
        Ok(Response::new(wire::SendMessageResponse {
            reach: Some(reach(&tally)),
        }))
    }

    async fn get_reach(
        &self,
        asked: Request<wire::GetReachRequest>,
    ) -> Result<Response<wire::GetReachResponse>, Status> {
        let (permit, asked) = (Permit::of(&asked)?, asked.into_inner());
        let tally = self.0.reach_for(&permit, id("id", &asked.id)?).await.map_err(status)?;
        Ok(Response::new(wire::GetReachResponse {
            reach: Some(reach(&tally)),
        }))
    }

    async fn get_joint_funnel(
        &self,
        asked: Request<wire::GetJointFunnelRequest>,
    ) -> Result<Response<wire::GetJointFunnelResponse>, Status> {
        let (permit, asked) = (Permit::of(&asked)?, asked.into_inner());
        let counts = self
            .0
            .joint_funnel(&permit, &asked.pool, &asked.way)
            .await
            .map_err(status)?;
        Ok(Response::new(wire::GetJointFunnelResponse { counts }))
    }
}
