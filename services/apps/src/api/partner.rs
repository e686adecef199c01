//! What partners may do with apps of ours.

use hansa_edge::finish;
use hansa_link::Permit;
use hansa_proto::apps::v1::{self as wire, apps_partner_service_server::AppsPartnerService};
use tonic::{Request, Response, Status};

use crate::Apps;

/// `hansa.apps.v1.AppsPartnerService`.
#[derive(Clone, Debug)]
pub struct AppsPartner(pub Apps);

#[tonic::async_trait]
impl AppsPartnerService for AppsPartner {
    async fn call_operation(
        &self,
        asked: Request<wire::CallOperationRequest>,
    ) -> Result<Response<wire::CallOperationResponse>, Status> {
        let (permit, apps, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let (output, refused) = finish(async move { apps.call_for(&permit, asked).await }).await?;
        Ok(Response::new(wire::CallOperationResponse { output, refused }))
    }
}
