//! Signatures, hashes and tags; one tag for each kind of thing, so that none stands for another.

use std::fmt;

use aws_lc_rs::{
    digest, hmac,
    rand::{SecureRandom, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use zeroize::Zeroizing;

use crate::Error;
use uuid::{Builder, Uuid};

/// A signature, and the key it was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// First 16 hex digits of the SHA-256 of the public key.
    pub key_id: String,
    /// Ed25519.
    pub bytes: [u8; 64],
}

/// The signature does not belong to these bytes and this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct BadSignature;

/// A private Ed25519 key that can sign, and nothing else.
pub struct Signer {
    pair: Ed25519KeyPair,
    seed: Zeroizing<[u8; 32]>,
    public: [u8; 32],
    key_id: String,
}

impl Signer {
    /// The key that belongs to a seed.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] when the library refuses the seed.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| Error::Library)?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| Error::Library)?;
        Ok(Self {
            pair,
            seed: Zeroizing::new(seed),
            key_id: key_id(&public),
            public,
        })
    }

    /// A new key.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] when there is no randomness.
    pub fn generate() -> Result<Self, Error> {
        Self::from_seed(random()?)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.public
    }

    /// What the key is called in a signature.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Signs these bytes as a thing of this kind.
    #[must_use]
    pub fn sign(&self, kind: &str, body: &[u8]) -> Signature {
        let signature = self.pair.sign(&tagged(kind, body));
        let mut bytes = [0; 64];
        bytes.copy_from_slice(signature.as_ref());
        Signature {
            key_id: self.key_id.clone(),
            bytes,
        }
    }

    pub(crate) fn seed(&self) -> &[u8; 32] {
        &self.seed
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Signer({})", self.key_id)
    }
}

fn tagged(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10 + kind.len() + body.len());
    bytes.extend_from_slice(b"hansa/v1/");
    bytes.extend_from_slice(kind.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(body);
    bytes
}

/// Checks that the holder of this key signed these bytes as a thing of this kind.
///
/// # Errors
///
/// [`BadSignature`] when not.
pub fn verify(public_key: &[u8], kind: &str, body: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    UnparsedPublicKey::new(&ED25519, public_key)
        .verify(&tagged(kind, body), signature)
        .map_err(|_| BadSignature)
}

/// What a key is called: the first 16 hex digits of its SHA-256.
#[must_use]
pub fn key_id(public_key: &[u8]) -> String {
    HEXLOWER.encode(&sha256(&[public_key])[..8])
}

/// SHA-256 of the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

/// An id that follows from these parts: the same each time.
#[must_use]
pub fn derived_id(parts: &[&[u8]]) -> Uuid {
    let hash = sha256(parts);
    Builder::from_custom_bytes(std::array::from_fn(|place| hash[place])).into_uuid()
}

/// HMAC-SHA-256 of the parts, one after the other.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.sign().as_ref());
    bytes
}

/// Compares a tag in constant time.
#[must_use]
pub fn hmac_verify(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    let message = parts.concat();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), &message, tag).is_ok()
}

/// Text that comes back unchanged or not at all: what it says, and a tag of ours. It is no secret.
#[must_use]
pub fn stamp(key: &[u8], says: &[u8]) -> String {
    let tag = hmac_sha256(key, &[says]);
    format!("{}.{}", BASE64URL_NOPAD.encode(says), BASE64URL_NOPAD.encode(&tag))
}

/// What such a text says; `None` when it is none of ours.
#[must_use]
pub fn stamped(key: &[u8], text: &str) -> Option<Vec<u8>> {
    let (says, tag) = text.split_once('.')?;
    let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).ok();
    let (says, tag) = (decode(says)?, decode(tag)?);
    hmac_verify(key, &[&says], &tag).then_some(says)
}

/// Bytes that nobody can guess.
///
/// # Errors
///
/// [`Error::Library`] when the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Library)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_of_one_kind_never_stands_for_another() {
        let signer = Signer::from_seed([3; 32]).unwrap();
        let signature = signer.sign("batch", b"body");
        assert_eq!(verify(&signer.public_key(), "batch", b"body", &signature.bytes), Ok(()));
        assert_eq!(
            verify(&signer.public_key(), "receipt", b"body", &signature.bytes),
            Err(BadSignature)
        );
        assert_eq!(
            verify(&signer.public_key(), "batch", b"bodY", &signature.bytes),
            Err(BadSignature)
        );
    }

    #[test]
    fn debug_shows_the_key_id_and_no_seed() {
        let signer = Signer::from_seed([3; 32]).unwrap();
        assert_eq!(format!("{signer:?}"), format!("Signer({})", signer.key_id()));
    }

    #[test]
    fn a_changed_tag_is_refused() {
        let tag = hmac_sha256(b"key", &[b"a", b"b"]);
        assert!(hmac_verify(b"key", &[b"ab"], &tag));
        assert!(!hmac_verify(b"other", &[b"ab"], &tag));
    }
}
