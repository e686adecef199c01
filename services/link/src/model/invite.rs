//! The one string that opens a link: address, enterprise, secret, expiry, terms; and the proof that somebody holds it.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hansa_proto::link::v1 as wire;
use hansa_vault::{hmac_sha256, sha256};
use hansa_vocab::{EnterpriseId, LinkId, Pin};
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::InviteTrouble;

/// What every invite begins with.
pub const PREFIX: &str = "hansa1.";
/// Longest invite, so that it fits a QR code and a text message.
pub const TEXT_MAX: usize = 400;
/// Most addresses of an inviter.
pub const ADDRESSES_MAX: usize = 3;
/// Bytes of the checksum at its end.
const CHECKSUM: usize = 4;

/// An invitation, as both sides understand it.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// "host:port" of the inviter's link port.
    pub addresses: Vec<String>,
    /// Who invites.
    pub enterprise: EnterpriseId,
    /// The link that will be.
    pub link: LinkId,
    /// Proves that its holder was given this very string.
    pub secret: [u8; 16],
    /// No use after that.
    pub expires: OffsetDateTime,
    /// SHA-256 of the proposed terms.
    pub terms_hash: [u8; 32],
}

impl std::fmt::Debug for Invite {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Invite({}, from {})", self.link, self.enterprise)
    }
}

impl Invite {
    /// The text that the partner is sent.
    #[must_use]
    pub fn text(&self) -> String {
        let message = wire::Invite {
            addresses: self.addresses.clone(),
            enterprise_id: self.enterprise.as_bytes().to_vec().into(),
            link_id: self.link.0.as_bytes().to_vec().into(),
            secret: self.secret.to_vec().into(),
            expires: self.expires.unix_timestamp(),
            terms_hash: self.terms_hash.to_vec().into(),
        };
        let mut bytes = message.encode_to_vec();
        let checksum = sha256(&[&bytes]);
        bytes.extend_from_slice(&checksum[..CHECKSUM]);
        format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))
    }

    /// Reads what [`Invite::text`] wrote.
    ///
    /// # Errors
    ///
    /// [`InviteTrouble::Malformed`] when a character is missing, changed or too many.
    pub fn read(text: &str) -> Result<Self, InviteTrouble> {
        let bad = InviteTrouble::Malformed;
        let text = text.trim();
        if text.len() > TEXT_MAX {
            return Err(bad);
        }
        let bytes = BASE64URL_NOPAD
            .decode(text.strip_prefix(PREFIX).ok_or(bad)?.as_bytes())
            .map_err(|_| bad)?;
        let (body, checksum) = bytes
            .split_at_checked(bytes.len().checked_sub(CHECKSUM).ok_or(bad)?)
            .ok_or(bad)?;
        if sha256(&[body])[..CHECKSUM] != *checksum {
            return Err(bad);
        }
        let message = wire::Invite::decode(body).map_err(|_| bad)?;
        if message.addresses.is_empty() || message.addresses.len() > ADDRESSES_MAX {
            return Err(bad);
        }
        Ok(Self {
            addresses: message.addresses,
            enterprise: EnterpriseId::try_from(&*message.enterprise_id).map_err(|_| bad)?,
            link: LinkId(Uuid::from_slice(&message.link_id).map_err(|_| bad)?),
            secret: (&*message.secret).try_into().map_err(|_| bad)?,
            expires: OffsetDateTime::from_unix_timestamp(message.expires).map_err(|_| bad)?,
            terms_hash: (&*message.terms_hash).try_into().map_err(|_| bad)?,
        })
    }
}

/// What is kept of a secret.
#[must_use]
pub fn secret_hash(secret: &[u8]) -> String {
    HEXLOWER.encode(&sha256(&[b"hansa/v1/invite-secret\0", secret]))
}

/// Proof that the holder of the secret accepts this, over this very connection, for this very nonce.
///
/// The key is the kept hash of the secret, so that the inviter need not keep the secret itself.
#[must_use]
pub fn proof(secret_hash: &str, nonce: &[u8], client: &Pin, server: &Pin, acceptance: &[u8]) -> [u8; 32] {
    let body = sha256(&[acceptance]);
    hmac_sha256(
        secret_hash.as_bytes(),
        &[b"hansa/v1/join\0", nonce, &client.0, &server.0, &body],
    )
}

/// Six digits that both admins compare by another way than this one.
#[must_use]
pub fn check_code(link: LinkId, inviter_bundle: &[u8], invitee_bundle: &[u8], terms_hash: &[u8; 32]) -> String {
    let hash = sha256(&[
        b"hansa/v1/check-code\0",
        link.0.as_bytes(),
        &sha256(&[inviter_bundle]),
        &sha256(&[invitee_bundle]),
        terms_hash,
    ]);
    let number = hash[..8]
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{:06}", number % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite() -> Invite {
        Invite {
            addresses: vec![
                "203.0.113.7:7443".into(),
                "[2001:db8::7]:7443".into(),
                "link.visby.example:443".into(),
            ],
            enterprise: EnterpriseId([3; 32]),
            link: LinkId(Uuid::from_u128(7)),
            secret: [9; 16],
            expires: OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap(),
            terms_hash: [5; 32],
        }
    }

    #[test]
    fn an_invite_survives_its_text_and_fits_its_limit() {
        let text = invite().text();
        assert!(text.len() <= TEXT_MAX, "{}", text.len());
        assert_eq!(Invite::read(&format!("  {text}\n")), Ok(invite()));
    }

    #[test]
    fn every_changed_or_missing_character_is_noticed() {
        let text = invite().text();
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(
                Invite::read(&String::from_utf8(changed).unwrap()),
                Err(InviteTrouble::Malformed),
                "at {place}"
            );
            let mut missing = text.clone();
            missing.remove(place);
            assert_eq!(Invite::read(&missing), Err(InviteTrouble::Malformed), "without {place}");
        }
    }

    #[test]
    fn a_proof_is_bound_to_everything_in_it() {
        let (one, two) = (Pin([1; 32]), Pin([2; 32]));
        let right = proof("secret", b"nonce", &one, &two, b"body");
        for other in [
            proof("secreT", b"nonce", &one, &two, b"body"),
            proof("secret", b"noncE", &one, &two, b"body"),
            proof("secret", b"nonce", &two, &two, b"body"),
            proof("secret", b"nonce", &one, &one, b"body"),
            proof("secret", b"nonce", &one, &two, b"bodY"),
        ] {
            assert_ne!(right, other);
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", invite()).contains('9'));
    }
}
