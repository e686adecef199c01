//! What other enterprises may ask of documents that we hold in common.

use std::pin::Pin;

use futures_util::{Stream, TryStreamExt as _};
use hansa_edge::{id, parts, status};
use hansa_link::Permit;
use hansa_proto::documents::v1::{
    FetchFileRequest, FetchFileResponse, documents_partner_service_server::DocumentsPartnerService,
};
use tonic::{Request, Response, Status};

use crate::Documents;

/// `hansa.documents.v1.DocumentsPartnerService`.
#[derive(Clone, Debug)]
pub struct DocumentsPartner(pub Documents);

#[tonic::async_trait]
impl DocumentsPartnerService for DocumentsPartner {
    type FetchFileStream = Pin<Box<dyn Stream<Item = Result<FetchFileResponse, Status>> + Send>>;

    async fn fetch_file(&self, asked: Request<FetchFileRequest>) -> Result<Response<Self::FetchFileStream>, Status> {
        let (permit, asked) = (Permit::of(&asked)?, asked.into_inner());
        let document = id("document_id", &asked.document_id)?;
        self.0.fetchable(&permit, document, &asked.hash).await.map_err(status)?;
        let documents = self.0.clone();
        // Each part asks anew whether the link is as the permit says: a revocation ends it in the middle.
        let part = move |place| {
            let (documents, permit, hash) = (documents.clone(), permit.clone(), asked.hash.clone());
            async move { documents.part_for(&permit, document, &hash, place).await }
        };
        let told = parts(part).map_ok(|bytes| FetchFileResponse { chunk: bytes.into() });
        Ok(Response::new(Box::pin(told)))
    }
}
