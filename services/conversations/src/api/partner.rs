//! What other enterprises may ask of threads that we hold in common.

use std::pin::Pin;

use futures_util::{Stream, TryStreamExt as _};
use hansa_edge::{id, parts, status};
use hansa_link::Permit;
use hansa_proto::conversations::v1::{
    FetchFileRequest, FetchFileResponse, conversations_partner_service_server::ConversationsPartnerService,
};
use tonic::{Request, Response, Status};

use crate::Conversations;

/// `hansa.conversations.v1.ConversationsPartnerService`.
#[derive(Clone, Debug)]
pub struct ConversationsPartner(pub Conversations);

#[tonic::async_trait]
impl ConversationsPartnerService for ConversationsPartner {
    type FetchFileStream = Pin<Box<dyn Stream<Item = Result<FetchFileResponse, Status>> + Send>>;

    async fn fetch_file(&self, asked: Request<FetchFileRequest>) -> Result<Response<Self::FetchFileStream>, Status> {
        let (permit, asked) = (Permit::of(&asked)?, asked.into_inner());
        let (thread, entry) = (id("thread_id", &asked.thread_id)?, id("entry_id", &asked.entry_id)?);
        let conversations = self.0.clone();
        let which = (thread, entry);
        conversations
            .fetchable(&permit, which, &asked.hash)
            .await
            .map_err(status)?;
        // Each part asks anew whether the link is as the permit says: a revocation ends it in the middle.
        let part = move |place| {
            let (conversations, permit, hash) = (conversations.clone(), permit.clone(), asked.hash.clone());
            async move { conversations.part_for(&permit, thread, &hash, place).await }
        };
        let told = parts(part).map_ok(|bytes| FetchFileResponse { chunk: bytes.into() });
        Ok(Response::new(Box::pin(told)))
    }
}
