//! The wire of files: our own people bring them.

use hansa_directory::Session;
use hansa_edge::{finish, status};
use hansa_proto::files::v1::{
    UploadFileRequest, UploadFileResponse, files_staff_service_server::FilesStaffService, upload_file_request::Part,
};
use hansa_vocab::Fault;
use tonic::{Request, Response, Status, Streaming};

use crate::{Error, Files, model::SIZE_MAX};

/// `hansa.files.v1.FilesStaffService`.
#[derive(Clone, Debug)]
pub struct FilesStaff(pub Files);

#[tonic::async_trait]
impl FilesStaffService for FilesStaff {
    async fn upload_file(
        &self,
        asked: Request<Streaming<UploadFileRequest>>,
    ) -> Result<Response<UploadFileResponse>, Status> {
        let (session, files, mut parts) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let _room = files.room().map_err(status)?;
        let order = || status(Fault::invalid("part", "first the head, then chunks"));
        let Some(Part::Head(head)) = parts.message().await?.and_then(|first| first.part) else {
            return Err(order());
        };
        let mut bytes = Vec::new();
        while let Some(next) = parts.message().await? {
            let Some(Part::Chunk(chunk)) = next.part else {
                return Err(order());
            };
            if bytes.len() + chunk.len() > SIZE_MAX {
                return Err(status(Error::TooLarge));
            }
            bytes.extend_from_slice(&chunk);
        }
        let brought = async move { files.bring(&session, head.name, head.media_type, bytes).await };
        Ok(Response::new(UploadFileResponse {
            file: Some(finish(brought).await?),
        }))
    }
}
