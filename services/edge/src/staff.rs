//! The staff port: gRPC, gRPC-Web and JSON on one address, with one deadline for all three.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use hansa_vocab::{Fault, Kind};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use prost_reflect::DescriptorPool;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{
    Https, RulesError, files, json, openapi,
    prompt::{PREFACE_BYTES, Prompt},
    refuse,
    status::patience,
};

/// Connections of a port at one time: a proxy has a few, an operator's tools have one each.
const CONNECTIONS_MAX: usize = 1_024;
/// Until the head of a request, from the opening of the connection or the answer before.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves the staff port or the ops port, HTTP/1.1 and HTTP/2, until `shutdown` and the end of the calls under way;
/// with TLS when there is something to show for it.
///
/// # Errors
///
/// When connections can't be accepted any more.
pub async fn serve_http(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<Https>>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(64);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .max_concurrent_streams(128)
        .max_header_list_size(16 * 1024)
        .max_pending_accept_reset_streams(20);
    let (places, ending) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), GracefulShutdown::new());
    loop {
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let Ok((tcp, _)) = accepted else {
            // Out of file descriptors, for instance: the others must end first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Fails when the caller has gone already.
        let _ = tcp.set_nodelay(true);
        let (server, router, tls, watcher) = (server.clone(), router.clone(), tls.clone(), ending.watcher());
        let end = shutdown.clone();
        tokio::spawn(async move {
            match tls {
                None => serve_one(&server, tcp, router, watcher).await,
                Some(tls) => {
                    let shaken = tokio::time::timeout(HEAD_TIMEOUT, tls.accept(tcp));
                    if let Some(Ok(Ok(stream))) = end.run_until_cancelled(shaken).await {
                        serve_one(&server, stream, router, watcher).await;
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    ending.shutdown().await;
    Ok(())
}

async fn serve_one<S>(server: &auto::Builder<TokioExecutor>, stream: S, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Until it is known which HTTP it speaks, hyper waits without end.
    let prompt = Prompt::new(stream, HEAD_TIMEOUT, PREFACE_BYTES);
    let connection = server.serve_connection(TokioIo::new(prompt), TowerToHyperService::new(router));
    // How a connection ends is its caller's business.
    let _ = watcher.watch(connection.into_owned()).await;
}

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
    let files = files::routes(grpc.clone());
    let port = Arc::new(Port { pool, grpc, options });
    Ok(files
        .route(
            "/openapi.json",
            get(move || async move { ([(header::CONTENT_TYPE, "application/json")], description) }),
        )
        .fallback_service(Router::new().fallback(serve).with_state(port)))
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    /// The clock stands still while anything moves, and jumps on when nothing does.
    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_come_ends_its_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let end = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "here" }));
        let serving = tokio::spawn(serve_http(listener, router, None, end.clone()));
        for begin in ["", "GET / HTTP/1.1\r\nhost: a", "PRI * HTTP/2.0\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begin.as_bytes()).await.unwrap();
            let ended = tokio::time::timeout(HEAD_TIMEOUT * 2, stream.read_to_end(&mut Vec::new())).await;
            assert!(ended.is_ok(), "{begin:?} is waited for");
        }
        end.cancel();
        serving.await.unwrap().unwrap();
    }
}
