//! Asking a system of ours, and reading what it says: as much as it may say, and no longer than it may take.

use std::{io, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::{ClientConfig, crypto::aws_lc_rs, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;
use tonic::transport::{Channel, Endpoint};

use super::{Letter, looked_up, post};

/// Posts it, and reads the answer: at most so many bytes within that time.
///
/// # Errors
///
/// Why there is none, for people.
pub async fn answered(
    letter: Letter<'_>,
    allowed: &[IpNet],
    (most, within): (usize, Duration),
) -> Result<Vec<u8>, String> {
    let read = async {
        let mut answer = post(letter, allowed).await?;
        if answer.status() != 200 {
            return Err(format!("it answered with status {}", answer.status().as_u16()));
        }
        let mut all = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| error.without_url().to_string())? {
            if all.len() + part.len() > most {
                return Err(format!("its answer has more than {most} bytes"));
            }
            all.extend_from_slice(&part);
        }
        Ok(all)
    };
    let late = |_| Err(format!("no answer within {} seconds", within.as_secs()));
    tokio::time::timeout(within, read).await.unwrap_or_else(late)
}

/// A connection to a gRPC server of ours, at an address that was looked at.
///
/// # Errors
///
/// Why there is none, for people.
pub async fn channel(url: &str, allowed: &[IpNet], within: Duration) -> Result<Channel, String> {
    let (url, host, to) = looked_up(url, allowed).await?;
    let tls = (url.scheme() == "https").then(config).transpose()?;
    // The scheme is said by the origin: with `https` here, tonic would look for a TLS of its own.
    let endpoint = Endpoint::from_shared(format!("http://{to}")).map_err(|error| error.to_string())?;
    let origin = url.origin().ascii_serialization();
    let endpoint = endpoint
        .origin(origin.parse().map_err(|_| "no address".to_owned())?)
        .connect_timeout(within);
    let connector = tower::service_fn(move |_| {
        let (tls, host) = (tls.clone(), host.clone());
        async move {
            let tcp = TcpStream::connect(to).await?;
            tcp.set_nodelay(true)?;
            let stream = match tls {
                None => Either::Left(tcp),
                Some(tls) => {
                    let name = ServerName::try_from(host).map_err(io::Error::other)?;
                    Either::Right(TlsConnector::from(tls).connect(name, tcp).await?)
                }
            };
            Ok::<_, io::Error>(TokioIo::new(stream))
        }
    });
    let found = endpoint.connect_with_connector(connector).await;
    found.map_err(|error| format!("it can't be reached: {error}"))
}

/// What speaks HTTP/2 to whoever the system's own authorities vouch for.
fn config() -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = builder.with_platform_verifier().map_err(|error| error.to_string())?;
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}
