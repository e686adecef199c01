//! Files over plain HTTP, for phones and whoever has no gRPC: the same calls, by the same door, in process.
//!
//! What is sent out is never shown by a browser in our name: always an attachment, of no type, in a sandbox.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{
    Stream, StreamExt as _, TryStreamExt as _,
    stream::{once, try_unfold},
};
use hansa_proto::{
    conversations::v1::{DownloadFileRequest as DownloadSaid, Subject, subject::About},
    documents::v1::{DownloadFileRequest, DownloadFileResponse},
    files::v1::{FileHead, UploadFileRequest, UploadFileResponse, upload_file_request::Part},
};
use hansa_vocab::{Fault, Kind};
use http_body_util::BodyExt as _;
use prost::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::Status;
use tower::ServiceExt as _;

use crate::{
    json::{FRAME_HEAD, check, frame, invoke, refuse, request},
    status,
};

const UPLOAD: &str = "/hansa.files.v1.FilesStaffService/UploadFile";
const DOWNLOAD: &str = "/hansa.documents.v1.DocumentsStaffService/DownloadFile";
const DOWNLOAD_SAID: &str = "/hansa.conversations.v1.ConversationsStaffService/DownloadFile";
/// Bytes of a message that brings a part of a file.
const CHUNK: usize = 256 * 1024;
/// How long a file may take on its way here.
const UPLOAD_MAX: Duration = Duration::from_secs(60);

/// `POST /files/{name}`, `GET /documents/{id}/file?hash=…` and `GET /threads/{about}/{id}/{entry}/file?hash=…`, through these services.
pub fn routes(grpc: Router) -> Router {
    let grpc = Arc::new(grpc);
    Router::new()
        .route("/files/{name}", post(upload))
        .route("/documents/{id}/file", get(download))
        .route("/threads/{about}/{id}/{entry}/file", get(download_said))
        .with_state(grpc)
}

/// What the description of the JSON face says of them.
pub fn described() -> Value {
    let bytes = json!({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}});
    let text =
        |name: &str, place: &str| json!({"name": name, "in": place, "required": true, "schema": {"type": "string"}});
    json!({
        "/files/{name}": {"post": {
            "operationId": "uploadFile",
            "summary": "Brings a file of at most 10 MiB; Content-Type says what it is. Answers the FileRef that an act names.",
            "parameters": [text("name", "path")],
            "requestBody": {"required": true, "content": bytes},
            "responses": {"200": {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}}},
        }},
        "/documents/{id}/file": {"get": {
            "operationId": "downloadFile",
            "summary": "The bytes of a file that the document names, always as an attachment. hash is Base64, as its FileRef has it.",
            "parameters": [text("id", "path"), text("hash", "query")],
            "responses": {"200": {"description": "done", "content": bytes}},
        }},
        "/threads/{about}/{id}/{entry}/file": {"get": {
            "operationId": "downloadFileOfThread",
            "summary": "The bytes of a file that an entry names; about is link or document, and id is the id of that.",
            "parameters": [text("about", "path"), text("id", "path"), text("entry", "path"), text("hash", "query")],
            "responses": {"200": {"description": "done", "content": bytes}},
        }},
    })
}

/// The body is passed on as it comes: whoever has no key, or too much to send, is told so before it is read.
async fn upload(State(grpc): State<Arc<Router>>, Path(name): Path<String>, asked: Request) -> Response {
    let (parts, body) = asked.into_parts();
    let kind = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    // Without what follows the type: "text/csv; charset=utf-8".
    let media_type = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let head = framed(Part::Head(FileHead {
        name,
        media_type: media_type.to_owned(),
    }));
    let chunks = body.into_data_stream().map_ok(|bytes| chunked(&bytes));
    let frames = Body::from_stream(once(async { Ok(head) }).chain(chunks));
    let call = invoke((*grpc).clone(), &parts.headers, parts.extensions, UPLOAD, frames);
    let late = || {
        status(Fault::new(
            Kind::Deadline,
            "DEADLINE",
            "the file took longer than a minute",
        ))
    };
    let answer = timeout(UPLOAD_MAX, call).await.unwrap_or_else(|_| Err(late()));
    let file = answer.and_then(|bytes| UploadFileResponse::decode(bytes).map_err(|_| status(Fault::internal())));
    match file.map(|answer| answer.file.unwrap_or_default()) {
        Ok(file) => Json(json!({
            "hash": STANDARD.encode(&file.hash), "salt": STANDARD.encode(&file.salt), "name": file.name,
            "mediaType": file.media_type, "size": file.size.to_string(),
        }))
        .into_response(),
        Err(refused) => refuse(&refused),
    }
}

fn framed(part: Part) -> Bytes {
    frame(&UploadFileRequest { part: Some(part) }.encode_to_vec()).into()
}

/// What has come of a body, as messages of which none is too large.
fn chunked(bytes: &Bytes) -> Bytes {
    let parts = (0..bytes.len()).step_by(CHUNK);
    let parts = parts.map(|start| framed(Part::Chunk(bytes.slice(start..bytes.len().min(start + CHUNK)))));
    parts.collect::<Vec<_>>().concat().into()
}

#[derive(Deserialize)]
struct Which {
    hash: String,
}

fn hash_of(which: Result<Query<Which>, QueryRejection>) -> Result<Bytes, Response> {
    let hash = which.ok().and_then(|Query(which)| STANDARD.decode(which.hash).ok());
    let wrong = || refuse(&status(Fault::invalid("hash", "Base64, as a FileRef has it")));
    hash.map(Bytes::from).ok_or_else(wrong)
}

async fn download(
    State(grpc): State<Arc<Router>>,
    Path(id): Path<String>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
    asked: Request,
) -> Response {
    match hash_of(which) {
        Ok(hash) => sent(&grpc, &headers, asked, DOWNLOAD, &DownloadFileRequest { id, hash }).await,
        Err(wrong) => wrong,
    }
}

async fn download_said(
    State(grpc): State<Arc<Router>>,
    Path((about, id, entry_id)): Path<(String, String, String)>,
    which: Result<Query<Which>, QueryRejection>,
    headers: HeaderMap,
    asked: Request,
) -> Response {
    let hash = match hash_of(which) {
        Ok(hash) => hash,
        Err(wrong) => return wrong,
    };
    let about = match about.as_str() {
        "link" => About::LinkId(id),
        "document" => About::DocumentId(id),
        _ => return refuse(&status(Fault::invalid("about", "link or document"))),
    };
    let wanted = DownloadSaid {
        subject: Some(Subject { about: Some(about) }),
        entry_id,
        hash,
    };
    sent(&grpc, &headers, asked, DOWNLOAD_SAID, &wanted).await
}

/// What a call answers in parts, as an attachment. All of these answers hold their part in the same field.
async fn sent(
    grpc: &Arc<Router>,
    headers: &HeaderMap,
    asked: Request,
    method: &'static str,
    wanted: &impl Message,
) -> Response {
    let extensions = asked.into_parts().0.extensions;
    let message = frame(&wanted.encode_to_vec());
    let call = match request(headers, extensions, method, message.into()) {
        Ok(call) => call,
        Err(refused) => return refuse(&refused),
    };
    let answer = (**grpc)
        .clone()
        .oneshot(call)
        .await
        .unwrap_or_else(|never| match never {});
    if let Err(refused) = check(answer.headers()) {
        return refuse(&refused);
    }
    let kind = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    (kind, Body::from_stream(chunks(answer.into_body()))).into_response()
}

/// The parts of a file one after the other, each read when the one before has been taken.
pub fn parts<F, R, E>(part: F) -> impl Stream<Item = Result<Vec<u8>, Status>> + Send
where
    F: Fn(i16) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Option<Vec<u8>>, E>> + Send,
    E: Into<Fault>,
{
    try_unfold((part, 0), |(part, place)| async move {
        let read = part(place).await.map_err(status)?;
        Ok(read.map(|bytes| (bytes, (part, place + 1))))
    })
}

/// What the frames of an answer hold. One that breaks off breaks off here too: it never looks like a whole file.
fn chunks(body: Body) -> impl Stream<Item = Result<Bytes, Status>> + Send {
    try_unfold((body, Vec::new()), |(mut body, mut read): (Body, Vec<u8>)| async move {
        loop {
            if let Some(message) = whole(&mut read) {
                let part = DownloadFileResponse::decode(message).map_err(|_| status(Fault::internal()))?;
                return Ok(Some((part.chunk, (body, read))));
            }
            match body.frame().await {
                None => {
                    return if read.is_empty() {
                        Ok(None)
                    } else {
                        Err(status(Fault::internal()))
                    };
                }
                Some(Err(_)) => return Err(status(Fault::internal())),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => read.extend_from_slice(&data),
                    Err(frame) => check(frame.trailers_ref().unwrap_or(&HeaderMap::new()))?,
                },
            }
        }
    })
}

/// Takes the first message, when all of it has come.
fn whole(read: &mut Vec<u8>) -> Option<Bytes> {
    let length = read.get(1..FRAME_HEAD)?.try_into().map(u32::from_be_bytes).ok()?;
    let end = FRAME_HEAD + usize::try_from(length).ok()?;
    if read.len() < end {
        return None;
    }
    let message = Bytes::copy_from_slice(&read[FRAME_HEAD..end]);
    read.drain(..end);
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_when_all_of_it_has_come() {
        let two = [frame(b"one"), frame(b"")].concat();
        for cut in 0..two.len() {
            let mut read = two[..cut].to_vec();
            let mut taken = Vec::new();
            while let Some(message) = whole(&mut read) {
                taken.push(message);
            }
            read.extend(&two[cut..]);
            while let Some(message) = whole(&mut read) {
                taken.push(message);
            }
            assert_eq!(taken, [&b"one"[..], b""], "cut at {cut}");
            assert!(read.is_empty());
        }
    }
}
