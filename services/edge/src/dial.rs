//! The dialling side: a channel to a partner's node, whose key is checked before the first byte of a call.

use std::{
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use hansa_vocab::Pin;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use crate::{ALPN_JOIN, ALPN_LINK, Identity, verify::Admit};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Whom we expect to answer.
#[derive(Clone, Debug)]
pub enum Expect {
    /// A node with one of these keys.
    Pins(Vec<Pin>),
    /// Whoever holds the invite's other end; what it shows is compared with the invite afterwards.
    Stranger,
}

/// A channel, and with [`Expect::Stranger`] the key that was shown.
#[derive(Clone, Debug)]
pub struct Dialled {
    /// Connects again by itself.
    pub channel: Channel,
    served: Arc<OnceLock<Pin>>,
}

impl Dialled {
    /// The key that the other end showed, once it has been reached.
    #[must_use]
    pub fn served_pin(&self) -> Option<Pin> {
        self.served.get().copied()
    }
}

/// Why there is no channel.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Nothing to dial.
    #[error("the partner's node has no address")]
    NoAddress,
    /// No address answered as expected.
    #[error("{0}")]
    Failed(String),
}

/// A lazy channel to the first of these addresses that answers with the expected key.
///
/// It connects at its first call, and again whenever the connection has gone.
///
/// # Errors
///
/// [`DialError`] when there is nothing to dial or TLS can't be set up.
pub fn dial(identity: &Arc<Identity>, addresses: &[String], expect: Expect) -> Result<Dialled, DialError> {
    let first = addresses.first().ok_or(DialError::NoAddress)?;
    let failed = |error: &dyn std::fmt::Display| DialError::Failed(error.to_string());
    let served: Arc<OnceLock<Pin>> = Arc::default();
    let (admit, alpn) = match expect {
        Expect::Pins(pins) => (Admit::These(pins), ALPN_LINK),
        Expect::Stranger => (Admit::Any(served.clone()), ALPN_JOIN),
    };
    let config = identity.client_config(admit, alpn).map_err(|error| failed(&error))?;
    let addresses: Arc<[String]> = addresses.into();
    // `https` would make tonic look for a TLS of its own; ours is inside the connector.
    let endpoint = Endpoint::from_shared(format!("http://{first}"))
        .map_err(|error| failed(&error))?
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_timeout(CONNECT_TIMEOUT * u32::try_from(addresses.len()).unwrap_or(1));
    let channel = endpoint.connect_with_connector_lazy(tower::service_fn(move |_| {
        let (config, addresses) = (config.clone(), addresses.clone());
        async move { connect(config, &addresses).await.map(TokioIo::new) }
    }));
    Ok(Dialled { channel, served })
}

async fn connect(
    config: Arc<ClientConfig>,
    addresses: &[String],
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut trouble = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match timeout(CONNECT_TIMEOUT, connect_one(config.clone(), address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => trouble = io::Error::new(error.kind(), format!("{address}: {}", explain(&error))),
            Err(_) => trouble = io::Error::new(io::ErrorKind::TimedOut, format!("{address}: no answer in 5 s")),
        }
    }
    Err(trouble)
}

async fn connect_one(
    config: Arc<ClientConfig>,
    address: &str,
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    // Names are not what a node is recognised by.
    let name = ServerName::try_from("link.invalid").map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, tcp).await
}

/// TLS errors in words that say what to do.
fn explain(error: &io::Error) -> String {
    use rustls::{AlertDescription, CertificateError, Error};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            "another node answers there than the partner's".to_owned()
        }
        Some(Error::InvalidCertificate(CertificateError::Expired)) => {
            "the partner's certificate has expired".to_owned()
        }
        Some(Error::AlertReceived(AlertDescription::AccessDenied | AlertDescription::BadCertificate)) => {
            "the partner's node does not know this node's key yet".to_owned()
        }
        _ => error.to_string(),
    }
}
