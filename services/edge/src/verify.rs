//! The one place where a certificate becomes a pin: a self-signed leaf, checked with itself as anchor.

use std::sync::{Arc, OnceLock};

use hansa_vocab::Pin;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::Pins;

/// Why a certificate is refused.
pub type Refused = Error;

/// Checks a leaf and returns its pin: signed by its own key, in its time, for this usage, no CA, alone in its chain.
///
/// # Errors
///
/// The alert that TLS sends for it.
pub fn check_leaf(
    provider: &CryptoProvider,
    leaf: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    now: UnixTime,
    usage: KeyUsage,
) -> Result<Pin, Refused> {
    let bad = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
    if !rest.is_empty() {
        return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
    }
    let end_entity = EndEntityCert::try_from(leaf).map_err(bad)?;
    let anchor = anchor_from_trusted_cert(leaf).map_err(bad)?;
    end_entity
        .verify_for_usage(
            provider.signature_verification_algorithms.all,
            &[anchor],
            &[],
            now,
            usage,
            None,
            None,
        )
        .map_err(alert)?;
    pin_of(leaf)
}

/// The pin of a certificate that has been checked already.
pub fn pin_of(leaf: &CertificateDer<'_>) -> Result<Pin, Refused> {
    let end_entity =
        EndEntityCert::try_from(leaf).map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let key = end_entity.subject_public_key_info();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_ref());
    Pin::try_from(digest.as_ref()).map_err(|_| Error::General("SHA-256 has 32 bytes".to_owned()))
}

/// The end of a certificate that has been checked already.
pub fn not_after(leaf: &CertificateDer<'_>) -> Option<time::OffsetDateTime> {
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).ok()?;
    Some(parsed.validity().not_after.to_datetime())
}

fn alert(error: webpki::Error) -> Error {
    use webpki::Error as W;
    Error::InvalidCertificate(match error {
        W::CertExpired { .. } => CertificateError::Expired,
        W::CertNotValidYet { .. } => CertificateError::NotValidYet,
        W::UnknownIssuer => CertificateError::UnknownIssuer,
        other => CertificateError::Other(rustls::OtherError(Arc::new(other))),
    })
}

/// Which keys a verifier lets in.
#[derive(Debug)]
pub enum Admit {
    /// Those whose pins are known.
    Known(Arc<Pins>),
    /// Exactly these.
    These(Vec<Pin>),
    /// Any; the pin is kept here.
    Any(Arc<OnceLock<Pin>>),
}

/// The verifier of both directions.
#[derive(Debug)]
pub struct Verifier {
    pub admit: Admit,
    pub provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
        usage: KeyUsage,
    ) -> Result<(), Error> {
        let pin = check_leaf(&self.provider, leaf, rest, now, usage)?;
        let admitted = match &self.admit {
            Admit::Known(pins) => pins.admits(&pin).is_some(),
            Admit::These(pins) => pins.contains(&pin),
            Admit::Any(seen) => {
                let _ = seen.set(pin);
                true
            }
        };
        if admitted {
            Ok(())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// TLS 1.2 is never spoken.
fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::General("TLS 1.3 only".to_owned()))
}

impl ClientCertVerifier for Verifier {
    /// No hints: a stranger must not learn who our partners are.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(leaf, rest, now, KeyUsage::client_auth())
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(leaf, rest, now, KeyUsage::server_auth())
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
