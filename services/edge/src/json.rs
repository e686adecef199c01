//! JSON over HTTP in front of the same services, in process: the Connect protocol's unary form, from the same descriptors.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use hansa_vocab::{Fault, Kind};
use http_body_util::BodyExt as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, SerializeOptions, prost::Message as _};
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use crate::{STAFF_MESSAGE_MAX, fault_of, status};

/// Headers of a JSON call that its gRPC call carries on.
const CARRIED: [&str; 7] = [
    "authorization",
    "cookie",
    "hansa-csrf",
    "traceparent",
    "tracestate",
    "accept-language",
    "grpc-timeout",
];
/// Length of a gRPC frame's head: one flag, four bytes of length.
pub const FRAME_HEAD: usize = 5;

fn answer(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::InvalidArgument => (StatusCode::BAD_REQUEST, "invalid_argument"),
        Code::FailedPrecondition => (StatusCode::BAD_REQUEST, "failed_precondition"),
        Code::OutOfRange => (StatusCode::BAD_REQUEST, "out_of_range"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "permission_denied"),
        Code::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Code::AlreadyExists => (StatusCode::CONFLICT, "already_exists"),
        Code::Aborted => (StatusCode::CONFLICT, "aborted"),
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "resource_exhausted"),
        Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded"),
        Code::Cancelled => (StatusCode::REQUEST_TIMEOUT, "canceled"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Code::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "unimplemented"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

/// What stands in the status beside its code, as the Connect protocol sends it: Base64 without padding.
fn error_info(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().cloned().map(tonic_types::pb::ErrorInfo::from);
    STANDARD_NO_PAD.encode(info.unwrap_or_default().encode_to_vec())
}

/// A refusal as JSON: the same fault that gRPC carries.
pub fn refuse(status: &Status) -> Response {
    let fault = fault_of(status);
    let (http, name) = answer(status.code());
    let shown = json!({
        "reason": fault.reason,
        "rule": fault.rule,
        "changeableBy": fault.changeable_by,
        "parameters": fault.parameters,
    });
    let body = json!({
        "code": name,
        // Where clients of the Connect protocol look for more.
        "details": [{"type": "google.rpc.ErrorInfo", "value": error_info(status), "debug": shown}],
        "message": fault.text,
        "reason": fault.reason,
        "rule": fault.rule,
        "changeableBy": fault.changeable_by,
        "parameters": fault.parameters,
        "retryAfterSeconds": fault.retry_after.as_ref().map(Duration::as_secs_f64),
    });
    (http, axum::Json(body)).into_response()
}

fn wrong(kind: Kind, reason: &'static str, text: impl Into<std::borrow::Cow<'static, str>>) -> Response {
    refuse(&status(Fault::new(kind, reason, text)))
}

/// Answers one JSON call through the gRPC router.
pub async fn call(pool: &DescriptorPool, grpc: Router, request: Request<Body>) -> Response {
    let path = request.uri().path().to_owned();
    let Some(method) = find(pool, &path) else {
        return wrong(
            Kind::Unimplemented,
            "UNKNOWN_METHOD",
            "no such method; /openapi.json lists them all",
        );
    };
    if method.is_client_streaming() || method.is_server_streaming() {
        return wrong(
            Kind::Unimplemented,
            "STREAMING",
            "this method streams: call it by gRPC or gRPC-Web",
        );
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, STAFF_MESSAGE_MAX).await else {
        return wrong(Kind::Exhausted, "TOO_LARGE", "a request has at most 1 MiB");
    };
    let text: &[u8] = if body.is_empty() { b"{}" } else { &body };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let message =
        DynamicMessage::deserialize(method.input(), &mut reader).and_then(|message| reader.end().map(|()| message));
    let message = match message {
        Ok(message) => message.encode_to_vec(),
        Err(error) => return wrong(Kind::Invalid, "NOT_JSON_OF_THIS_METHOD", error.to_string()),
    };
    match invoke(
        grpc,
        &parts.headers,
        parts.extensions,
        &path,
        Body::from(frame(&message)),
    )
    .await
    {
        Ok(answer) => render(&method, answer),
        Err(status) => refuse(&status),
    }
}

fn find(pool: &DescriptorPool, path: &str) -> Option<MethodDescriptor> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    pool.get_service_by_name(service)?
        .methods()
        .find(|one| one.name() == method)
}

fn render(method: &MethodDescriptor, answer: Bytes) -> Response {
    let mut text = Vec::with_capacity(256);
    let options = SerializeOptions::new().skip_default_fields(false);
    let rendered = DynamicMessage::decode(method.output(), answer)
        .map_err(|error| error.to_string())
        .and_then(|message| {
            let mut writer = serde_json::Serializer::new(&mut text);
            message
                .serialize_with_options(&mut writer, &options)
                .map_err(|error| error.to_string())
        });
    match rendered {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => {
            tracing::error!(error, "an answer could not be rendered");
            refuse(&status(Fault::internal()))
        }
    }
}

/// A message as gRPC frames it.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME_HEAD + message.len());
    frame.push(0);
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// A gRPC call with these frames. The caller's identity travels in the extensions.
pub fn request(
    headers: &HeaderMap,
    extensions: http::Extensions,
    path: &str,
    frames: Body,
) -> Result<Request<Body>, Status> {
    let mut request = Request::post(path)
        .version(http::Version::HTTP_2)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(frames)
        .map_err(|_| status(Fault::internal()))?;
    *request.extensions_mut() = extensions;
    for name in CARRIED {
        let carried: Option<&HeaderValue> = headers.get(name);
        if let Some(value) = carried {
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value.clone());
        }
    }
    Ok(request)
}

/// Frames in, one message out.
pub async fn invoke(
    grpc: Router,
    headers: &HeaderMap,
    extensions: http::Extensions,
    path: &str,
    frames: Body,
) -> Result<Bytes, Status> {
    let request = request(headers, extensions, path, frames)?;
    let response = grpc.oneshot(request).await.unwrap_or_else(|never| match never {});
    check(response.headers())?;
    let body = response.into_body().collect().await.map_err(|error| {
        tracing::error!(%error, "an answer broke off");
        status(Fault::internal())
    })?;
    if let Some(trailers) = body.trailers() {
        check(trailers)?;
    }
    let bytes = body.to_bytes();
    if bytes.len() < FRAME_HEAD {
        return Err(status(Fault::internal()));
    }
    Ok(bytes.slice(FRAME_HEAD..))
}

pub fn check(headers: &HeaderMap) -> Result<(), Status> {
    match Status::from_header_map(headers) {
        Some(status) if status.code() != Code::Ok => Err(status),
        _ => Ok(()),
    }
}
