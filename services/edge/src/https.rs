//! TLS of the staff port's own, for browsers: by a certificate out of files, looked at again when they change.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A certificate or a key that can't be used, and which file it is in.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}")]
pub struct BadFile {
    file: String,
    why: String,
}

fn bad(file: &Path, why: impl fmt::Display) -> BadFile {
    BadFile {
        file: file.display().to_string(),
        why: why.to_string(),
    }
}

/// What browsers are shown.
pub struct Https {
    certificate: PathBuf,
    key: PathBuf,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Https {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Https")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Https {
    /// With a chain (leaf first) and its key, both PEM.
    ///
    /// # Errors
    ///
    /// Which file can't be read, or that the key is another certificate's.
    pub fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>, BadFile> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let shown = Arc::new(Shown(ArcSwap::from_pointee(read(certificate, key, &provider)?)));
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(certificate, error))?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            shown,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            provider,
        }))
    }

    /// Looks at the files again; true when there is another certificate, which new connections see.
    ///
    /// # Errors
    ///
    /// What is wrong with them; the one before stays.
    pub fn look_again(&self) -> Result<bool, BadFile> {
        let read = read(&self.certificate, &self.key, &self.provider)?;
        let new = read.cert != self.shown.0.load().cert;
        if new {
            self.shown.0.store(Arc::new(read));
        }
        Ok(new)
    }

    pub(crate) async fn accept(&self, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(tcp).await
    }
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, BadFile> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| bad(certificate, error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, error))?;
    CertifiedKey::from_der(chain, private, provider).map_err(|error| bad(certificate, error))
}
