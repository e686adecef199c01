//! The staff port: gRPC, gRPC-Web and JSON on one address, with one deadline for all three.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use hansa_vocab::{Fault, Kind};
use prost_reflect::DescriptorPool;
use tower::ServiceExt as _;

use crate::{RulesError, json, openapi, refuse, status::patience};

/// How the staff port behaves.
#[derive(Clone, Debug)]
pub struct StaffOptions {
    /// Until a unary answer, or the head of a stream, when the caller does not say.
    pub call_timeout: Duration,
    /// No caller waits longer, whatever it says.
    pub call_timeout_max: Duration,
}

impl Default for StaffOptions {
    fn default() -> Self {
        Self {
            call_timeout: Duration::from_secs(10),
            call_timeout_max: Duration::from_secs(60),
        }
    }
}

struct Port {
    pool: DescriptorPool,
    grpc: Router,
    options: StaffOptions,
}

/// All that the staff port serves: `grpc` by gRPC, gRPC-Web and JSON, and the description at `/openapi.json`.
///
/// # Errors
///
/// [`RulesError::Unreadable`] when the descriptor set is not one.
pub fn staff_router(descriptors: &[u8], grpc: Router, options: StaffOptions) -> Result<Router, RulesError> {
    let pool = DescriptorPool::decode(descriptors).map_err(|error| RulesError::Unreadable(error.to_string()))?;
    let description = openapi(&pool).to_string();
    let grpc = grpc
        .layer(tonic_web::GrpcWebLayer::new())
        .layer(middleware::from_fn(plain_words));
    let port = Arc::new(Port { pool, grpc, options });
    Ok(Router::new()
        .route(
            "/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], description) }),
        )
        .fallback(serve)
        .with_state(port))
}

/// One deadline for gRPC, gRPC-Web and JSON: what the caller says, within our bounds.
async fn serve(State(port): State<Arc<Port>>, request: Request) -> Response {
    let asked = patience(request.headers()).unwrap_or(port.options.call_timeout);
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_json = kind.starts_with("application/json");
    let work = async {
        if is_json {
            json::call(&port.pool, port.grpc.clone(), request).await
        } else {
            port.grpc.clone().oneshot(request).await.into_response()
        }
    };
    match tokio::time::timeout(asked.min(port.options.call_timeout_max), work).await {
        Ok(response) => response,
        Err(_) if is_json => (
            http::StatusCode::GATEWAY_TIMEOUT,
            axum::Json(serde_json::json!({
                "code": "deadline_exceeded",
                "reason": "DEADLINE",
                "message": "no answer in time; ask what became of it before trying again",
            })),
        )
            .into_response(),
        Err(_) => refuse(Fault::new(
            Kind::Deadline,
            "DEADLINE",
            "no answer in time; ask what became of it before trying again",
        )),
    }
}

/// tonic tells a caller the path of the field that did not decode, a hundred times over when it is nested; we say one thing.
pub(crate) async fn plain_words(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let undecodable = response
        .headers()
        .get("grpc-message")
        .is_some_and(|message| message.as_bytes().starts_with(b"failed%20to%20decode"));
    if undecodable {
        let headers = response.headers_mut();
        headers.insert("grpc-status", HeaderValue::from_static("3"));
        headers.insert("grpc-message", HeaderValue::from_static("the message does not decode"));
    }
    response
}
