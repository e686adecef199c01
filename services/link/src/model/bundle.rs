//! How an enterprise and its node introduce themselves: signed by keys whose hashes are their ids, so no third party is asked.

use hansa_proto::{
    link::v1::{self as wire, Introduction},
    types::v1::Signed,
};
use hansa_vault::{EnterpriseKeys, Signer, key_id, sha256, verify};
use hansa_vocab::{EnterpriseId, NodeId, Pin};
use prost::Message as _;
use time::OffsetDateTime;

use super::{invite::ADDRESSES_MAX, terms::PROTOCOL_VERSION};

/// Kinds of signed bytes.
pub const KIND_BUNDLE: &str = "bundle";
/// See [`KIND_BUNDLE`].
pub const KIND_CARD: &str = "node-card";
const NAME_MAX: usize = 120;
const KEYS_MAX: usize = 8;

/// What an introduction proves about the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduced {
    /// Who.
    pub enterprise: EnterpriseId,
    /// What they call themselves.
    pub name: String,
    /// Their message-signing keys: public key, from, until (Unix seconds).
    pub signing_keys: Vec<([u8; 32], i64, i64)>,
    /// Rises with each change of the bundle.
    pub bundle_sequence: u64,
    /// The node that speaks for them.
    pub node: NodeId,
    /// Rises with each change of the card.
    pub card_sequence: u64,
    /// The node's TLS key in use.
    pub pin_now: Pin,
    /// The one that comes next.
    pub pin_next: Option<Pin>,
    /// Where the node's link port is.
    pub addresses: Vec<String>,
}

/// Why an introduction does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadIntroduction(pub &'static str);

/// A signature as the wire carries it.
#[must_use]
pub fn signed(signer: &Signer, kind: &str, body: Vec<u8>) -> Signed {
    let signature = signer.sign(kind, &body);
    Signed {
        body: body.into(),
        key_id: signature.key_id,
        signature: signature.bytes.to_vec().into(),
    }
}

fn timestamp(at: OffsetDateTime) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.unix_timestamp(),
        nanos: 0,
    }
}

/// Our own bundle. The same keys, name and node give the same bytes.
#[must_use]
pub fn bundle(keys: &EnterpriseKeys, name: &str, node: NodeId, sequence: u64) -> Signed {
    signed_bundle(keys, &says(keys, name, node, sequence))
}

/// The bundle of an enterprise without a node, whose keys lie with this one.
#[must_use]
pub fn hosted_bundle(keys: &EnterpriseKeys, name: &str, host: NodeId) -> Signed {
    let mut bundle = says(keys, name, host, 1);
    bundle.hosted = true;
    signed_bundle(keys, &bundle)
}

fn signed_bundle(keys: &EnterpriseKeys, bundle: &wire::Bundle) -> Signed {
    signed(&keys.root, KIND_BUNDLE, bundle.encode_to_vec())
}

fn says(keys: &EnterpriseKeys, name: &str, node: NodeId, sequence: u64) -> wire::Bundle {
    wire::Bundle {
        root_key: keys.root.public_key().to_vec().into(),
        sequence,
        name: name.to_owned(),
        signing_keys: keys
            .signing_keys
            .iter()
            .map(|key| wire::SigningKey {
                public_key: key.public_key.to_vec().into(),
                not_before: Some(timestamp(key.not_before)),
                not_after: Some(timestamp(key.not_after)),
            })
            .collect(),
        node_ids: vec![node.as_bytes().to_vec().into()],
        protocol_min: PROTOCOL_VERSION,
        protocol_max: PROTOCOL_VERSION,
        contact: String::new(),
        hosted: false,
    }
}

/// This node's own card.
#[must_use]
pub fn card(signer: &Signer, sequence: u64, pin_now: Pin, pin_next: Option<Pin>, addresses: &[String]) -> Signed {
    let message = wire::NodeCard {
        card_key: signer.public_key().to_vec().into(),
        sequence,
        pin_now: pin_now.0.to_vec().into(),
        pin_next: pin_next.map(|pin| pin.0.to_vec()).unwrap_or_default().into(),
        addresses: addresses.to_vec(),
    };
    signed(signer, KIND_CARD, message.encode_to_vec())
}

/// Do two signed things say the same but for their sequence.
#[must_use]
pub fn same_card(one: &[u8], other: &Signed) -> bool {
    let read = |signed: &Signed| {
        wire::NodeCard::decode(signed.body.clone())
            .map(|card| wire::NodeCard { sequence: 0, ..card })
            .ok()
    };
    Signed::decode(one).ok().and_then(|one| read(&one)) == read(other)
}

/// The same for bundles.
#[must_use]
pub fn same_bundle(one: &[u8], other: &Signed) -> bool {
    let read = |signed: &Signed| {
        wire::Bundle::decode(signed.body.clone())
            .map(|bundle| wire::Bundle { sequence: 0, ..bundle })
            .ok()
    };
    Signed::decode(one).ok().and_then(|one| read(&one)) == read(other)
}

/// Checks an introduction: the root key signed the bundle, the bundle names the node, the node signed its card.
///
/// # Errors
///
/// [`BadIntroduction`] with the first thing that does not hold.
pub fn check(introduction: &Introduction) -> Result<Introduced, BadIntroduction> {
    let bundle = introduction
        .bundle
        .as_ref()
        .ok_or(BadIntroduction("the bundle is missing"))?;
    let card = introduction
        .node_card
        .as_ref()
        .ok_or(BadIntroduction("the node card is missing"))?;
    let (enterprise, bundle) = check_bundle(bundle)?;
    let card_body =
        wire::NodeCard::decode(card.body.clone()).map_err(|_| BadIntroduction("the node card does not decode"))?;
    verify(&card_body.card_key, KIND_CARD, &card.body, &card.signature)
        .map_err(|_| BadIntroduction("the node card is not signed by its own key"))?;
    let node = NodeId(sha256(&[&card_body.card_key]));
    if !bundle.node_ids.iter().any(|id| **id == *node.as_bytes()) {
        return Err(BadIntroduction("the bundle does not name this node"));
    }
    let pin = |bytes: &[u8]| Pin::try_from(bytes).map_err(|_| BadIntroduction("a pin has 32 bytes"));
    let fits = |address: &String| address.len() <= 120 && address.contains(':') && !address.contains(',');
    if card_body.addresses.len() > ADDRESSES_MAX || !card_body.addresses.iter().all(fits) {
        return Err(BadIntroduction("at most three addresses, each host:port"));
    }
    Ok(Introduced {
        enterprise,
        name: bundle.name,
        signing_keys: signing_keys(&bundle.signing_keys)?,
        bundle_sequence: bundle.sequence,
        node,
        card_sequence: card_body.sequence,
        pin_now: pin(&card_body.pin_now)?,
        pin_next: if card_body.pin_next.is_empty() {
            None
        } else {
            Some(pin(&card_body.pin_next)?)
        },
        addresses: card_body.addresses,
    })
}

/// Checks a bundle alone: who signed it, and what it says.
///
/// # Errors
///
/// [`BadIntroduction`] with the first thing that does not hold.
pub fn check_bundle(signed: &Signed) -> Result<(EnterpriseId, wire::Bundle), BadIntroduction> {
    let bundle =
        wire::Bundle::decode(signed.body.clone()).map_err(|_| BadIntroduction("the bundle does not decode"))?;
    verify(&bundle.root_key, KIND_BUNDLE, &signed.body, &signed.signature)
        .map_err(|_| BadIntroduction("the bundle is not signed by its root key"))?;
    if key_id(&bundle.root_key) != signed.key_id {
        return Err(BadIntroduction("the bundle names another key than its root key"));
    }
    let named = !bundle.name.trim().is_empty() && bundle.name.chars().count() <= NAME_MAX;
    if !named || bundle.name.chars().any(char::is_control) {
        return Err(BadIntroduction("an enterprise's name has 1 to 120 characters"));
    }
    if bundle.node_ids.len() > KEYS_MAX || bundle.signing_keys.is_empty() || bundle.signing_keys.len() > KEYS_MAX {
        return Err(BadIntroduction("a bundle has 1 to 8 signing keys and at most 8 nodes"));
    }
    if !(bundle.protocol_min..=bundle.protocol_max).contains(&PROTOCOL_VERSION) {
        return Err(BadIntroduction(
            "the partner speaks another version of the link protocol",
        ));
    }
    Ok((EnterpriseId(sha256(&[&bundle.root_key])), bundle))
}

/// The keys of a bundle: public key, from, until (Unix seconds).
///
/// # Errors
///
/// [`BadIntroduction`] when one has not 32 bytes.
pub fn signing_keys(keys: &[wire::SigningKey]) -> Result<Vec<([u8; 32], i64, i64)>, BadIntroduction> {
    keys.iter()
        .map(|key| {
            let public: [u8; 32] = (&*key.public_key)
                .try_into()
                .map_err(|_| BadIntroduction("a signing key has 32 bytes"))?;
            let from = key.not_before.as_ref().map_or(i64::MAX, |at| at.seconds);
            let until = key.not_after.as_ref().map_or(i64::MIN, |at| at.seconds);
            Ok((public, from, until))
        })
        .collect()
}

impl Introduced {
    /// Did one of these enterprise's keys, valid at that time, sign this.
    #[must_use]
    pub fn signed(&self, kind: &str, signed: &Signed, at: i64) -> bool {
        self.signing_keys
            .iter()
            .filter(|(key, from, until)| key_id(key) == signed.key_id && (*from..=*until).contains(&at))
            .any(|(key, ..)| verify(key, kind, &signed.body, &signed.signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> EnterpriseKeys {
        let (root, signing) = (Signer::from_seed([1; 32]).unwrap(), Signer::from_seed([2; 32]).unwrap());
        EnterpriseKeys {
            enterprise: EnterpriseId(sha256(&[&root.public_key()])),
            signing_keys: vec![hansa_vault::SigningKey {
                public_key: signing.public_key(),
                not_before: OffsetDateTime::UNIX_EPOCH,
                not_after: OffsetDateTime::UNIX_EPOCH + time::Duration::days(100 * 365),
            }],
            root,
            signing,
        }
    }

    fn introduction(node: NodeId, signer: &Signer) -> Introduction {
        Introduction {
            bundle: Some(bundle(&keys(), "Visby Distribution", node, 1)),
            node_card: Some(card(signer, 1, Pin([7; 32]), None, &["127.0.0.1:7443".into()])),
        }
    }

    #[test]
    fn an_introduction_holds_only_as_a_whole() {
        let signer = Signer::from_seed([3; 32]).unwrap();
        let node = NodeId(sha256(&[&signer.public_key()]));
        let good = introduction(node, &signer);
        assert_eq!(check(&good).unwrap().enterprise, keys().enterprise);
        assert!(
            check(&introduction(NodeId([0; 32]), &signer)).is_err(),
            "the bundle names another node"
        );
        for place in 0..good.bundle.as_ref().unwrap().body.len() {
            let mut changed = good.clone();
            let signed = changed.bundle.as_mut().unwrap();
            let mut body = signed.body.to_vec();
            body[place] ^= 1;
            signed.body = body.into();
            assert!(check(&changed).is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_key_signs_only_in_its_time() {
        let signer = Signer::from_seed([3; 32]).unwrap();
        let introduced = check(&introduction(NodeId(sha256(&[&signer.public_key()])), &signer)).unwrap();
        let thing = signed(&keys().signing, "declaration", b"x".to_vec());
        assert!(introduced.signed("declaration", &thing, 1_000));
        assert!(!introduced.signed("declaration", &thing, -1));
        assert!(!introduced.signed("receipt", &thing, 1_000));
    }
}
