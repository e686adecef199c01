//! Personal data of one tenant: sealed before it is stored, found by tags that say nothing without their key.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Error, hmac_sha256};

/// The first byte says how the rest was sealed.
const FORM: u8 = 1;

/// What a tenant's personal data is sealed, opened and found with.
pub struct Seal {
    key: RandomizedNonceKey,
    tag: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seal")
    }
}

impl Seal {
    pub(crate) fn new(key: &[u8; 32], tag: Zeroizing<[u8; 32]>) -> Result<Self, Error> {
        Ok(Self {
            key: RandomizedNonceKey::new(&AES_256_GCM_SIV, key).map_err(|_| Error::Library)?,
            tag,
        })
    }

    /// Under a key that both ends of something have: not the tenant's own.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] when the cipher fails.
    pub fn under(key: &[u8; 32]) -> Result<Self, Error> {
        Self::new(key, Zeroizing::new(*key))
    }

    /// Seals what stands at one place; it opens at no other.
    ///
    /// # Errors
    ///
    /// [`Error::Library`] when the cipher fails.
    pub fn close(&self, place: &[u8], clear: &[u8]) -> Result<Vec<u8>, Error> {
        let mut body = clear.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(place), &mut body);
        let nonce = nonce.map_err(|_| Error::Library)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(FORM);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens what [`Seal::close`] made for this place.
    ///
    /// # Errors
    ///
    /// [`Error::Unwrap`] for another key, another place, or changed bytes.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (head, body) = sealed.split_at_checked(1 + NONCE_LEN).ok_or(Error::Unwrap)?;
        if head[0] != FORM {
            return Err(Error::Unwrap);
        }
        let nonce = Nonce::try_assume_unique_for_key(&head[1..]).map_err(|_| Error::Unwrap)?;
        let mut body = Zeroizing::new(body.to_vec());
        let clear = self.key.open_in_place(nonce, Aad::from(place), &mut body);
        let length = clear.map_err(|_| Error::Unwrap)?.len();
        body.truncate(length);
        Ok(body)
    }

    /// By what something is found again without being stored in clear; it never leaves the tenant.
    #[must_use]
    pub fn tag(&self, kind: &str, what: &[&[u8]]) -> Uuid {
        let mut parts = vec![kind.as_bytes(), &[0]];
        parts.extend(what);
        let tag = hmac_sha256(&*self.tag, &parts);
        Uuid::from_bytes(std::array::from_fn(|place| tag[place]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_at_its_own_place_with_its_own_key_only() {
        let seal = Seal::new(&[1; 32], Zeroizing::new([2; 32])).unwrap();
        let other = Seal::new(&[3; 32], Zeroizing::new([2; 32])).unwrap();
        let sealed = seal.close(b"member/1", b"Ada").unwrap();
        assert_eq!(&**seal.open(b"member/1", &sealed).unwrap(), b"Ada");
        assert!(seal.open(b"member/2", &sealed).is_err());
        assert!(other.open(b"member/1", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(seal.open(b"member/1", &changed).is_err(), "{place}");
        }
        assert!(seal.open(b"member/1", &sealed[..9]).is_err());
        assert_ne!(sealed, seal.close(b"member/1", b"Ada").unwrap());
    }

    #[test]
    fn a_tag_is_the_same_each_time_and_another_for_each_kind_and_key() {
        let seal = Seal::new(&[1; 32], Zeroizing::new([2; 32])).unwrap();
        let other = Seal::new(&[1; 32], Zeroizing::new([4; 32])).unwrap();
        assert_eq!(seal.tag("phone", &[b"1"]), seal.tag("phone", &[b"1"]));
        assert_ne!(seal.tag("phone", &[b"1"]), seal.tag("email", &[b"1"]));
        assert_ne!(seal.tag("phone", &[b"1"]), other.tag("phone", &[b"1"]));
    }
}
