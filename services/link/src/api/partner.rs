//! What a linked partner may ask about the link itself.

use hansa_edge::finish;
use hansa_proto::link::v1::{ReconcileRequest, ReconcileResponse, link_partner_service_server::LinkPartnerService};
use tonic::{Request, Response, Status};

use crate::{Links, Permit};

/// `hansa.link.v1.LinkPartnerService`.
#[derive(Clone, Debug)]
pub struct LinkPartner(pub Links);

#[tonic::async_trait]
impl LinkPartnerService for LinkPartner {
    async fn reconcile(&self, request: Request<ReconcileRequest>) -> Result<Response<ReconcileResponse>, Status> {
        let (links, permit) = (self.0.clone(), Permit::of(&request)?);
        let asked = request.into_inner();
        finish(async move { links.answer_reconcile(&permit, asked).await })
            .await
            .map(Response::new)
    }
}
