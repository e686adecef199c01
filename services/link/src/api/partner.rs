//! What a linked partner may ask about the link itself.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use hansa_edge::{Peer, finish, status};
use hansa_proto::link::v1::{
    ExchangeRequest, ExchangeResponse, ReconcileRequest, ReconcileResponse,
    link_partner_service_server::LinkPartnerService,
};
use tonic::{Request, Response, Status, Streaming};

use crate::{Error, Links, Permit, exchange::answers};

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

    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<ExchangeResponse, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let node = request.extensions().get::<Peer>().and_then(|peer| peer.node);
        let node = node.ok_or_else(|| status(Error::NoSuchLink))?;
        let answered = answers(self.0.clone(), node, request.into_inner());
        let stopping = self.0.stopping().clone();
        Ok(Response::new(Box::pin(answered.take_until(stopping.cancelled_owned()))))
    }
}
