//! The link port: from a TCP connection to a call with a [`Peer`], each step with a deadline and a limit.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    pin::Pin as Pinned,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use hansa_vocab::{Fault, Kind, NodeId, Pin};
use rustls::{ServerConfig, server::Acceptor};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{
    service::Routes,
    transport::{Server, server::Connected},
};

use crate::{
    Identity, Pins,
    prompt::{PREFACE_BYTES, Prompt},
    rate::JoinRate,
    refuse,
    staff::plain_words,
    verify::{Admit, not_after, pin_of},
};

/// Partners: known pins only.
pub const ALPN_LINK: &[u8] = b"h2";
/// Strangers: the join service only.
pub const ALPN_JOIN: &[u8] = b"hansa-join/1";

/// Bounds of the link port.
#[derive(Clone, Debug)]
pub struct LinkLimits {
    /// For the handshake, and again for the first HTTP/2 frame.
    pub first_contact: Duration,
    /// Handshakes at one time.
    pub handshakes_max: usize,
    /// Connections from one address.
    pub per_address_max: usize,
    /// Connections of one pin.
    pub per_pin_max: usize,
    /// Calls of strangers from one address, each second.
    pub joins_per_second: NonZeroU32,
    /// Such calls at once, after a rest.
    pub joins_at_once: NonZeroU32,
    /// Until a unary answer, or the head of a stream.
    pub call_timeout: Duration,
    /// A connection older than this is asked to dial again, so that every link shows its certificate now and then.
    pub connection_age: Duration,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            first_contact: Duration::from_secs(3),
            handshakes_max: 256,
            per_address_max: 256,
            per_pin_max: 64,
            joins_per_second: const { NonZeroU32::new(10).unwrap() },
            joins_at_once: const { NonZeroU32::new(100).unwrap() },
            call_timeout: Duration::from_secs(10),
            connection_age: Duration::from_secs(15 * 60),
        }
    }
}

/// Who is at the other end, as the handshake proved it. In the extensions of every call on the link port.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The key.
    pub pin: Pin,
    /// Whose it is; none for a stranger on `hansa-join/1`.
    pub node: Option<NodeId>,
    /// Where from.
    pub remote: SocketAddr,
    /// Until when the certificate that was shown is valid.
    pub not_after: OffsetDateTime,
    /// Cancelled when the pin is withdrawn or the certificate is over.
    pub ended: CancellationToken,
}

/// A preface and one frame head: less is no first contact.
const FIRST_CONTACT_BYTES: usize = PREFACE_BYTES + 9;

/// A connection whose peer is known. It ends with its token, and when its first frame is late.
struct LinkStream {
    inner: Prompt<TlsStream<TcpStream>>,
    peer: Peer,
    ended: Pinned<Box<WaitForCancellationFutureOwned>>,
    _place: Place,
}

impl Connected for LinkStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for LinkStream {
    fn poll_read(
        mut self: Pinned<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the key is not good any more",
            )));
        }
        Pinned::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for LinkStream {
    fn poll_write(mut self: Pinned<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pinned::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pinned<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pinned::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pinned<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pinned::new(&mut self.inner).poll_shutdown(context)
    }
}

/// How many connections each address has; a place is given back when its connection ends.
#[derive(Clone, Debug, Default)]
struct Places(Arc<Mutex<HashMap<IpAddr, usize>>>);

struct Place(Places, IpAddr);

impl Places {
    fn take(&self, address: IpAddr, places_max: usize) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= places_max {
            return None;
        }
        *count += 1;
        Some(Place(self.clone(), address))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.1);
            }
        }
    }
}

/// What every connection of the port shares.
struct Port {
    pins: Arc<Pins>,
    limits: LinkLimits,
    link: Arc<ServerConfig>,
    join: Arc<ServerConfig>,
}

/// Serves the link port until `shutdown`: `partner` to known pins on `h2`, `join` to anyone on `hansa-join/1`.
///
/// # Errors
///
/// When TLS can't be set up, or a server ends badly.
pub async fn serve_link(
    listener: TcpListener,
    identity: Arc<Identity>,
    pins: Arc<Pins>,
    partner: Router,
    join: Router,
    limits: LinkLimits,
    shutdown: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let port = Arc::new(Port {
        link: identity.server_config(Admit::Known(pins.clone()), ALPN_LINK)?,
        join: identity.server_config(Admit::Any(Arc::default()), ALPN_JOIN)?,
        pins: pins.clone(),
        limits: limits.clone(),
    });
    let (to_partner, partners) = mpsc::channel(64);
    let (to_join, strangers) = mpsc::channel(16);
    let accepting = tokio::spawn(accept(listener, port, to_partner, to_join, shutdown.clone()));
    let partner = partner
        .layer(middleware::from_fn(plain_words))
        .layer(middleware::from_fn_with_state((pins, identity), key_on_every_call));
    let rate = JoinRate::new(limits.joins_per_second, limits.joins_at_once);
    let join = join
        .layer(middleware::from_fn(plain_words))
        .layer(middleware::from_fn_with_state(rate, JoinRate::check));
    let (one, two) = tokio::join!(
        server(&limits)
            .add_routes(Routes::from(partner))
            .serve_with_incoming_shutdown(ReceiverStream::new(partners), shutdown.clone().cancelled_owned()),
        server(&limits)
            .add_routes(Routes::from(join))
            .serve_with_incoming_shutdown(ReceiverStream::new(strangers), shutdown.clone().cancelled_owned()),
    );
    accepting.abort();
    one?;
    two?;
    Ok(())
}

fn server(limits: &LinkLimits) -> Server {
    Server::builder()
        .timeout(limits.call_timeout)
        .max_concurrent_streams(128)
        .http2_max_header_list_size(8 * 1024)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_pending_accept_reset_streams(Some(20))
        .max_connection_age(limits.connection_age)
        .max_connection_age_grace(Duration::from_secs(30))
}

/// The certificate in use is checked against the clock and the known pins on every call, however old the connection is.
async fn key_on_every_call(
    State((pins, identity)): State<(Arc<Pins>, Arc<Identity>)>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>();
    if let Some(over) = peer.filter(|peer| peer.not_after <= identity.now()) {
        // Whoever has renewed it meanwhile shows the new one on the next connection.
        over.ended.cancel();
        return refuse(Fault::new(
            Kind::Unauthenticated,
            "CERTIFICATE_EXPIRED",
            "the certificate of this connection is over: connect again with a new one",
        ));
    }
    let known = peer
        .is_some_and(|peer| !peer.ended.is_cancelled() && peer.node.is_some() && pins.admits(&peer.pin) == peer.node);
    if known {
        next.run(request).await
    } else {
        refuse(Fault::new(
            Kind::Unauthenticated,
            "PIN_UNKNOWN",
            "this node's key is not known here any more",
        ))
    }
}

async fn accept(
    listener: TcpListener,
    port: Arc<Port>,
    partners: mpsc::Sender<io::Result<LinkStream>>,
    strangers: mpsc::Sender<io::Result<LinkStream>>,
    shutdown: CancellationToken,
) {
    let handshakes = Arc::new(Semaphore::new(port.limits.handshakes_max));
    let places = Places::default();
    loop {
        let Ok(slot) = handshakes.clone().acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        let Ok((tcp, remote)) = accepted else {
            // Out of file descriptors, for instance: the others must end first.
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Some(place) = places.take(remote.ip(), port.limits.per_address_max) else {
            continue;
        };
        let (port, partners, strangers) = (port.clone(), partners.clone(), strangers.clone());
        tokio::spawn(async move {
            let shaken = timeout(port.limits.first_contact, handshake(&port, tcp, remote, place)).await;
            drop(slot);
            // A failed handshake never reaches HTTP.
            if let Ok(Ok(stream)) = shaken {
                let server = if stream.peer.node.is_some() {
                    partners
                } else {
                    strangers
                };
                let _ = server.send(Ok(stream)).await;
            }
        });
    }
}

async fn handshake(port: &Port, tcp: TcpStream, remote: SocketAddr, place: Place) -> io::Result<LinkStream> {
    let refused = |text: &'static str| io::Error::new(io::ErrorKind::PermissionDenied, text);
    tcp.set_nodelay(true)?;
    let start = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
    let joins = start
        .client_hello()
        .alpn()
        .is_some_and(|mut offered| offered.any(|one| one == ALPN_JOIN));
    let config = if joins { port.join.clone() } else { port.link.clone() };
    let inner = start.into_stream(config).await?;
    let connection = inner.get_ref().1;
    if connection.alpn_protocol() != Some(if joins { ALPN_JOIN } else { ALPN_LINK }) {
        return Err(refused("no ALPN"));
    }
    let leaf = connection
        .peer_certificates()
        .and_then(<[_]>::first)
        .ok_or_else(|| refused("no certificate"))?;
    let pin = pin_of(leaf).map_err(|_| refused("certificate"))?;
    let not_after = not_after(leaf).ok_or_else(|| refused("certificate"))?;
    let (node, ended) = if joins {
        (None, CancellationToken::new())
    } else {
        let ended = port
            .pins
            .register(pin, port.limits.per_pin_max)
            .ok_or_else(|| refused("pin"))?;
        (Some(port.pins.admits(&pin).ok_or_else(|| refused("pin"))?), ended)
    };
    Ok(LinkStream {
        ended: Box::pin(ended.clone().cancelled_owned()),
        peer: Peer {
            pin,
            node,
            remote,
            not_after,
            ended,
        },
        inner: Prompt::new(inner, port.limits.first_contact, FIRST_CONTACT_BYTES),
        _place: place,
    })
}
