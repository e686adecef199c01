//! The simulated network under real gRPC, with streams that can be broken at any byte.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::Stream;
use hansa_link::exchange::answers;
use hansa_proto::link::v1::{
    ExchangeRequest, ExchangeResponse, ReconcileRequest, ReconcileResponse,
    link_partner_service_server::{LinkPartnerService, LinkPartnerServiceServer},
};
use hansa_vocab::NodeId;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Channel, Endpoint, Server, server::Connected},
};
use turmoil::net::{TcpListener, TcpStream};

use crate::memory::Side;

struct Partner {
    side: Side,
    peer: NodeId,
}

#[tonic::async_trait]
impl LinkPartnerService for Partner {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<ExchangeResponse, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let answered = answers(self.side.clone(), self.peer, request.into_inner());
        Ok(Response::new(Box::pin(answered)))
    }

    async fn reconcile(&self, _: Request<ReconcileRequest>) -> Result<Response<ReconcileResponse>, Status> {
        Err(Status::unimplemented("declarations are not simulated"))
    }
}

/// A connection that breaks when its side's streams are reset.
struct Wire {
    inner: TcpStream,
    resets: Arc<AtomicU64>,
    made_at: u64,
}

impl Wire {
    fn new(inner: TcpStream, resets: Arc<AtomicU64>) -> Self {
        let made_at = resets.load(Ordering::SeqCst);
        Self { inner, resets, made_at }
    }

    fn whole(&self) -> io::Result<()> {
        if self.resets.load(Ordering::SeqCst) == self.made_at {
            Ok(())
        } else {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}

impl Connected for Wire {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.whole()?;
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Serves exchanges until the host dies.
pub async fn serve(side: Side, peer: NodeId, port: u16) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    let resets = side.resets();
    let incoming = futures_util::stream::unfold(listener, move |listener| {
        let resets = resets.clone();
        async move {
            let accepted = listener.accept().await.map(|(tcp, _)| Wire::new(tcp, resets));
            Some((accepted, listener))
        }
    });
    let service = LinkPartnerServiceServer::new(Partner { side, peer });
    Server::builder()
        .add_service(service)
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}

/// A channel to the other host; it connects at its first call, and again whenever the connection has gone.
pub fn channel(host: &'static str, port: u16, resets: Arc<AtomicU64>) -> Channel {
    Endpoint::from_static("http://peer")
        .connect_timeout(std::time::Duration::from_secs(5))
        .connect_with_connector_lazy(tower::service_fn(move |_: http::Uri| {
            let resets = resets.clone();
            async move {
                let tcp = TcpStream::connect((host, port)).await?;
                Ok::<_, io::Error>(TokioIo::new(Wire::new(tcp, resets)))
            }
        }))
}
