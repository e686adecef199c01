//! What a stranger with an invite may ask.

use hansa_edge::{Peer, finish, status};
use hansa_proto::link::v1::{
    AcceptInviteRequest, AcceptInviteResponse, FetchInviteRequest, FetchInviteResponse,
    link_join_service_server::LinkJoinService,
};
use tonic::{Request, Response, Status};

use crate::{Error, Links};

/// `hansa.link.v1.LinkJoinService`.
#[derive(Clone, Debug)]
pub struct LinkJoin(pub Links);

fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    request
        .extensions()
        .get::<Peer>()
        .cloned()
        .ok_or_else(|| status(Error::NoSuchLink))
}

#[tonic::async_trait]
impl LinkJoinService for LinkJoin {
    async fn fetch_invite(
        &self,
        request: Request<FetchInviteRequest>,
    ) -> Result<Response<FetchInviteResponse>, Status> {
        let (links, peer) = (self.0.clone(), peer(&request)?);
        let asked = request.into_inner();
        finish(async move { links.fetch_invite(&peer, asked).await })
            .await
            .map(Response::new)
    }

    async fn accept_invite(
        &self,
        request: Request<AcceptInviteRequest>,
    ) -> Result<Response<AcceptInviteResponse>, Status> {
        let (links, peer) = (self.0.clone(), peer(&request)?);
        let asked = request.into_inner();
        finish(async move { links.take_acceptance(&peer, asked).await })
            .await
            .map(Response::new)
    }
}
