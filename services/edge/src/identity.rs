//! The node's TLS identity: one key, a self-signed leaf of 24 hours that renews itself.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use hansa_vocab::{NodeId, Pin, clock::SharedClock};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData as _, SanType,
};
use rustls::{
    ClientConfig, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime},
    sign::CertifiedKey,
    time_provider::TimeProvider,
};
use time::Duration;

use crate::verify::{Admit, Verifier};

/// How long a leaf is valid.
const VALIDITY: Duration = Duration::hours(24);
/// A partner's clock may be behind ours by this much.
const BACKDATED: Duration = Duration::hours(2);
/// A leaf with less than this left is renewed.
pub const RENEW_BEFORE: Duration = Duration::hours(8);

/// A key that is no P-256 key in PKCS#8.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node's TLS key can't be used: {0}")]
pub struct BadKey(String);

struct Leaf {
    key: Arc<CertifiedKey>,
    pin: Pin,
    not_after: time::OffsetDateTime,
    pkcs8: wiped::Secret,
}

mod wiped {
    /// Key bytes, kept to sign the next leaf with.
    pub struct Secret(pub Vec<u8>);

    impl Drop for Secret {
        fn drop(&mut self) {
            self.0.fill(0);
        }
    }
}

/// Our own certificate and key. A renewal or a new key shows in new handshakes; live connections go on.
pub struct Identity {
    node: NodeId,
    leaf: ArcSwap<Leaf>,
    clock: SharedClock,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({}, pin {})", self.node, self.pin())
    }
}

impl Identity {
    /// The identity of this node with this key (P-256, PKCS#8).
    ///
    /// # Errors
    ///
    /// [`BadKey`] when the key can't be used.
    pub fn new(node: NodeId, pkcs8: &[u8], clock: SharedClock) -> Result<Arc<Self>, BadKey> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let leaf = make_leaf(node, pkcs8, &clock, &provider)?;
        Ok(Arc::new(Self {
            node,
            leaf: ArcSwap::from_pointee(leaf),
            clock,
            provider,
        }))
    }

    /// Which node this is.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// SHA-256 of the public key in use.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.leaf.load().pin
    }

    /// The time by which certificates are judged.
    pub(crate) fn now(&self) -> time::OffsetDateTime {
        self.clock.now()
    }

    /// When the leaf in use ends.
    #[must_use]
    pub fn not_after(&self) -> time::OffsetDateTime {
        self.leaf.load().not_after
    }

    /// The pin that a key will have.
    ///
    /// # Errors
    ///
    /// [`BadKey`] when the key can't be used.
    pub fn pin_of(pkcs8: &[u8]) -> Result<Pin, BadKey> {
        pin_of(&key_pair(pkcs8)?)
    }

    /// Shows this key from the next handshake on.
    ///
    /// # Errors
    ///
    /// [`BadKey`] when the key can't be used; the old one stays.
    pub fn install(&self, pkcs8: &[u8]) -> Result<(), BadKey> {
        self.leaf
            .store(Arc::new(make_leaf(self.node, pkcs8, &self.clock, &self.provider)?));
        Ok(())
    }

    /// Renews the leaf when less than [`RENEW_BEFORE`] is left of it; true when it did.
    ///
    /// # Errors
    ///
    /// [`BadKey`] when the library fails.
    pub fn renew_if_due(&self) -> Result<bool, BadKey> {
        let leaf = self.leaf.load();
        if leaf.not_after - self.clock.now() > RENEW_BEFORE {
            return Ok(false);
        }
        self.install(&leaf.pkcs8.0)?;
        Ok(true)
    }

    pub(crate) fn server_config(
        self: &Arc<Self>,
        admit: Admit,
        alpn: &[u8],
    ) -> Result<Arc<ServerConfig>, rustls::Error> {
        let verifier = Verifier {
            admit,
            provider: self.provider.clone(),
        };
        let details = Arc::new(Tell(self.clock.clone()));
        let mut config = ServerConfig::builder_with_details(self.provider.clone(), details)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(Shown(self.clone())));
        config.alpn_protocols = vec![alpn.to_vec()];
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Ok(Arc::new(config))
    }

    pub(crate) fn client_config(
        self: &Arc<Self>,
        admit: Admit,
        alpn: &[u8],
    ) -> Result<Arc<ClientConfig>, rustls::Error> {
        let verifier = Verifier {
            admit,
            provider: self.provider.clone(),
        };
        let details = Arc::new(Tell(self.clock.clone()));
        let mut config = ClientConfig::builder_with_details(self.provider.clone(), details)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(Shown(self.clone())));
        config.alpn_protocols = vec![alpn.to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }
}

fn key_pair(pkcs8: &[u8]) -> Result<KeyPair, BadKey> {
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8), &PKCS_ECDSA_P256_SHA256)
        .map_err(|error| BadKey(error.to_string()))
}

fn pin_of(key: &KeyPair) -> Result<Pin, BadKey> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.subject_public_key_info());
    Pin::try_from(digest.as_ref()).map_err(|error| BadKey(error.to_string()))
}

fn make_leaf(node: NodeId, pkcs8: &[u8], clock: &SharedClock, provider: &CryptoProvider) -> Result<Leaf, BadKey> {
    let bad = |error: rcgen::Error| BadKey(error.to_string());
    let key = key_pair(pkcs8)?;
    let now = clock.now();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "hansa node");
    let name = format!("spiffe://{node}/node");
    params.subject_alt_names = vec![SanType::URI(name.as_str().try_into().map_err(bad)?)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = now - BACKDATED;
    params.not_after = now + VALIDITY;
    let certificate = params.self_signed(&key).map_err(bad)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.to_vec()));
    let certified = CertifiedKey::from_der(vec![certificate.der().clone()], private, provider)
        .map_err(|error| BadKey(error.to_string()))?;
    Ok(Leaf {
        key: Arc::new(certified),
        pin: pin_of(&key)?,
        not_after: now + VALIDITY,
        pkcs8: wiped::Secret(pkcs8.to_vec()),
    })
}

/// Shows the leaf of the moment.
#[derive(Debug)]
struct Shown(Arc<Identity>);

impl rustls::server::ResolvesServerCert for Shown {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.leaf.load().key.clone())
    }
}

impl rustls::client::ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.leaf.load().key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Our clock, as TLS asks for it.
struct Tell(SharedClock);

impl fmt::Debug for Tell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tell")
    }
}

impl TimeProvider for Tell {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().unix_timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}
