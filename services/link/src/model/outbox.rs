//! The sending side: which messages get which numbers, how they are cut into batches, what a receipt proves, when to try again.

use std::{cmp::Ordering, time::Duration};

use hansa_proto::{
    link::v1::{Batch, Disposition, Message, Parcel, Payload, Payloads, ReceiptHeader, TrafficClass},
    types::v1::Signed,
};
use hansa_vault::{Signer, sha256};
use hansa_vocab::{EnterpriseId, LinkId};
use prost::Message as _;
use uuid::Uuid;

use super::{Introduced, bundle::signed, merkle};

/// Kind of a signed batch.
pub const KIND_BATCH: &str = "batch";
/// Kind of a signed receipt.
pub const KIND_RECEIPT: &str = "receipt";
/// Messages in a batch, at most.
pub const BATCH_MESSAGES_MAX: usize = 1_000;
/// Bytes of the messages of a batch, at most; the wire allows 256 KiB for the whole frame.
pub const BATCH_BYTES_MAX: usize = 200 * 1024;
/// The shortest wait after a failure.
pub const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// The longest.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// One direction of one class of one link: what numbers count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Which link.
    pub link: LinkId,
    /// Rises when both sides begin anew.
    pub epoch: u64,
    /// Who sends the batches.
    pub sender: EnterpriseId,
    /// Which class.
    pub class: TrafficClass,
}

/// A message that has no number yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Its id; a UUIDv7, so that it tells roughly when it was written.
    pub id: Uuid,
    /// Messages with the same key keep their order.
    pub ordering_key: String,
    /// Version of the row whose lock orders this key.
    pub key_version: i64,
    /// The message, but for its number.
    pub message: Message,
}

/// The order in which drafts get their numbers: by id, but within a key by version.
///
/// Ids alone are not safe: two transactions on one key may have drawn their ids in the other order. So the drafts of a key
/// share the places that ids give them, and fill them by version.
#[must_use]
pub fn order(mut drafts: Vec<Draft>) -> Vec<Draft> {
    drafts.sort_by_key(|draft| draft.id);
    let keys: Vec<String> = drafts.iter().map(|draft| draft.ordering_key.clone()).collect();
    let mut by_key: std::collections::BTreeMap<String, std::collections::VecDeque<Draft>> = Default::default();
    drafts.sort_by(|one, other| one.key_version.cmp(&other.key_version).then(one.id.cmp(&other.id)));
    for draft in drafts {
        by_key.entry(draft.ordering_key.clone()).or_default().push_back(draft);
    }
    keys.iter()
        .filter_map(|key| by_key.get_mut(key).and_then(std::collections::VecDeque::pop_front))
        .collect()
}

/// Gives numbers after `numbered` and cuts batches; each is to be signed as it stands.
#[must_use]
pub fn seal(lane: &Lane, numbered: u64, drafts: Vec<Draft>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut bytes = 0;
    for (number, draft) in (numbered + 1..).zip(order(drafts)) {
        let message = Message {
            number,
            payload_hash: merkle::payload_hash(&draft.message.salt, &draft.message.payload)
                .to_vec()
                .into(),
            ..draft.message
        };
        let size = message.encoded_len() + 8;
        match batches.last_mut() {
            Some(batch) if batch.messages.len() < BATCH_MESSAGES_MAX && bytes + size <= BATCH_BYTES_MAX => {
                bytes += size;
                batch.messages.push(message);
            }
            _ => {
                bytes = size;
                batches.push(Batch {
                    link_id: lane.link.to_string(),
                    epoch: lane.epoch,
                    sender: lane.sender.as_bytes().to_vec().into(),
                    class: lane.class.into(),
                    first: number,
                    messages: vec![message],
                });
            }
        }
    }
    batches
}

/// The batch as it goes over the wire, again and again, byte for byte. What the messages say stands beside what is signed, which
/// has its hashes: it can be erased, and the signature still holds.
#[must_use]
pub fn sign(signer: &Signer, batch: &Batch) -> Parcel {
    let said = |message: &Message| Payload {
        salt: message.salt.clone(),
        payload: message.payload.clone(),
    };
    let payloads = batch.messages.iter().map(said).collect();
    let mut heads = batch.clone();
    for message in &mut heads.messages {
        (message.salt, message.payload) = Default::default();
    }
    Parcel {
        batch: Some(signed(signer, KIND_BATCH, heads.encode_to_vec())),
        payloads: Some(Payloads { payloads }),
    }
}

/// How far the peer has receipted a lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The last number given.
    pub numbered: u64,
    /// The last number the peer has receipted.
    pub acknowledged: u64,
    /// SHA-256 of the last header's body; empty before the first.
    pub head: Vec<u8>,
}

/// Why a receipt is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReceipt {
    /// It does not decode, or is not about this lane.
    #[error("the receipt is malformed: {0}")]
    Malformed(&'static str),
    /// Not signed by the peer.
    #[error("the receipt is not signed by the peer")]
    BadSignature,
    /// It is about messages that we have not sent, or not in this form.
    #[error("the receipt is about other messages than we sent")]
    OtherMessages,
    /// Its chain disagrees with what the peer has told us before.
    #[error("the receipt disagrees with those before it")]
    Fork,
}

/// What a receipt does.
#[derive(Clone, Debug, PartialEq)]
pub enum Receipted {
    /// The lane has moved on; the header is to be kept.
    Advanced(Box<ReceiptHeader>),
    /// We hold it already.
    Known,
}

impl Sent {
    /// Takes the peer's receipt of the batch that begins with its `first`.
    ///
    /// # Errors
    ///
    /// [`BadReceipt`]; nothing has changed then.
    pub fn receipt(
        &mut self,
        lane: &Lane,
        batch: &Batch,
        receipt: &Signed,
        peer: &Introduced,
    ) -> Result<Receipted, BadReceipt> {
        let header = open_receipt(lane, receipt, peer)?;
        if header.last <= self.acknowledged {
            return Ok(Receipted::Known);
        }
        if header.first != self.acknowledged + 1 {
            return Err(BadReceipt::OtherMessages);
        }
        if *header.previous != *self.head {
            return Err(BadReceipt::Fork);
        }
        covers(&header, batch)?;
        self.acknowledged = header.last;
        self.head = sha256(&[&receipt.body]).to_vec();
        Ok(Receipted::Advanced(Box::new(header)))
    }
}

/// Reads a receipt of this lane and checks its signature.
///
/// # Errors
///
/// [`BadReceipt`].
pub fn open_receipt(lane: &Lane, receipt: &Signed, peer: &Introduced) -> Result<ReceiptHeader, BadReceipt> {
    let header = ReceiptHeader::decode(receipt.body.clone()).map_err(|_| BadReceipt::Malformed("bytes"))?;
    let at = header.applied_at.as_ref().map_or(i64::MIN, |at| at.seconds);
    if !peer.signed(KIND_RECEIPT, receipt, at) {
        return Err(BadReceipt::BadSignature);
    }
    let same = header.link_id == lane.link.to_string()
        && header.epoch == lane.epoch
        && *header.sender == *lane.sender.as_bytes()
        && header.class() == lane.class;
    if !same {
        return Err(BadReceipt::Malformed("another lane"));
    }
    Ok(header)
}

/// Does the header stand for exactly these messages.
///
/// # Errors
///
/// [`BadReceipt::OtherMessages`] or [`BadReceipt::Malformed`].
pub fn covers(header: &ReceiptHeader, batch: &Batch) -> Result<(), BadReceipt> {
    let count = batch.messages.len();
    let last = batch.messages.last().map_or(0, |message| message.number);
    let leaves: Vec<_> = batch.messages.iter().map(merkle::leaf).collect();
    if header.first != batch.first
        || header.last != last
        || merkle::root(&leaves).as_ref().map(<[u8; 32]>::as_slice) != Some(&*header.merkle_root)
    {
        return Err(BadReceipt::OtherMessages);
    }
    let known = |one: &i32| Disposition::try_from(*one).is_ok_and(|one| one != Disposition::Unspecified);
    if header.dispositions.len() != count || !header.dispositions.iter().all(known) {
        return Err(BadReceipt::Malformed("dispositions"));
    }
    let troubled = |one: &i32| {
        matches!(
            Disposition::try_from(*one),
            Ok(Disposition::Refused | Disposition::Parked)
        )
    };
    let numbers = (batch.first..)
        .zip(&header.dispositions)
        .filter(|(_, one)| troubled(one))
        .map(|(number, _)| number);
    if !header.troubles.iter().map(|trouble| trouble.number).eq(numbers) {
        return Err(BadReceipt::Malformed("troubles"));
    }
    Ok(())
}

/// What to do after the peer has refused a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterRefusal {
    /// Send from this number again: the peer does not hold what we thought it holds.
    Rewind(u64),
    /// The peer holds more than we have numbered, or less than it has signed for: stop and say so.
    Fork,
    /// Wait, then try again.
    Wait,
    /// The link does not carry messages now; look at its declarations first.
    Stopped,
}

/// What a refusal means for a lane.
#[must_use]
pub fn after_refusal(sent: &Sent, reason: &str, expected: u64) -> AfterRefusal {
    match reason {
        // It has applied what it has not receipted to us yet: the same batch again brings the original receipt.
        "OUT_OF_ORDER" => match expected.cmp(&(sent.acknowledged + 1)) {
            Ordering::Less => AfterRefusal::Fork,
            _ if expected > sent.numbered + 1 => AfterRefusal::Fork,
            _ => AfterRefusal::Rewind(sent.acknowledged + 1),
        },
        "FORK" | "BAD_BATCH" => AfterRefusal::Fork,
        "LINK_SUSPENDED" | "LINK_REVOKED" | "LINK_NOT_ACTIVE" | "NOT_FOUND" => AfterRefusal::Stopped,
        _ => AfterRefusal::Wait,
    }
}

/// When to try a node again: doubling with full jitter, begun anew by any contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure; `chance` is any number, all of them equally likely.
    #[must_use]
    pub fn failed(&mut self, chance: u64) -> Duration {
        let ceiling = BACKOFF_MIN.saturating_mul(1 << self.failures.min(16)).min(BACKOFF_MAX);
        self.failures = self.failures.saturating_add(1);
        let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(chance % (micros + 1)).max(Duration::from_millis(1))
    }

    /// The peer has been heard of.
    pub fn contact(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
pub(crate) mod tests;
