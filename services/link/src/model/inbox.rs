//! The receiving side: is this batch the next one, what becomes of each of its messages, what do we sign for it.

use std::collections::BTreeSet;

use hansa_proto::{
    directory::v1::Witness,
    link::v1::{Batch, Disposition, Message, Parcel, Payloads, ReceiptHeader, Refusal, Trouble},
    types::v1::Signed,
};
use hansa_vault::{Signer, sha256};
use hansa_vocab::EnterpriseId;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Introduced,
    bundle::signed,
    merkle,
    outbox::{BATCH_MESSAGES_MAX, KIND_BATCH, KIND_RECEIPT, Lane},
};

const KEY_MAX: usize = 120;
const TYPE_MAX: usize = 80;
const TRACE_MAX: usize = 60;
const SALT_BYTES: usize = 16;
const PAYLOAD_MAX: usize = 64 * 1024;
/// A reason, at most.
const REASON_MAX: usize = 80;

/// Why a batch is not applied; nothing of it has had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBatch {
    /// Not signed by the peer of this link.
    #[error("the batch is not signed by the sender")]
    BadSignature,
    /// It breaks a limit or contradicts itself.
    #[error("the batch is malformed: {0}")]
    Malformed(&'static str),
    /// It is not the next one.
    #[error("the batch is not the next one: {expected} is expected")]
    OutOfOrder {
        /// The number that is expected next.
        expected: u64,
    },
    /// It disagrees with one that came under the same number.
    #[error("the batch disagrees with the one that came under its number")]
    Fork,
}

impl BadBatch {
    /// As the wire says it.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        let (reason, expected) = match self {
            Self::BadSignature => ("BAD_SIGNATURE", 0),
            Self::Malformed(_) => ("BAD_BATCH", 0),
            Self::OutOfOrder { expected } => ("OUT_OF_ORDER", expected),
            Self::Fork => ("FORK", 0),
        };
        Refusal {
            reason: reason.to_owned(),
            expected,
        }
    }
}

/// Reads a batch of this lane: signed by the peer, whole, gapless, within its limits, with all that its messages say.
///
/// # Errors
///
/// [`BadBatch::BadSignature`] or [`BadBatch::Malformed`].
pub fn open(lane: &Lane, parcel: &Parcel, peer: &Introduced) -> Result<Batch, BadBatch> {
    let batch = parcel.batch.as_ref().ok_or(BadBatch::Malformed("nothing is signed"))?;
    let mut body = open_signed(lane, batch, peer)?;
    let nothing = Payloads::default();
    if fill(&mut body, parcel.payloads.as_ref().unwrap_or(&nothing))? > 0 {
        return Err(BadBatch::Malformed("a message says nothing"));
    }
    Ok(body)
}

/// Puts what was said where its hash stands; how many payloads were erased.
///
/// # Errors
///
/// [`BadBatch::Malformed`] when something else was said than was signed.
pub fn fill(batch: &mut Batch, said: &Payloads) -> Result<usize, BadBatch> {
    if said.payloads.len() != batch.messages.len() {
        return Err(BadBatch::Malformed("a payload for each message"));
    }
    let mut erased = 0;
    for (message, said) in batch.messages.iter_mut().zip(&said.payloads) {
        if said.salt.is_empty() && said.payload.is_empty() {
            erased += 1;
            continue;
        }
        let fits = said.salt.len() == SALT_BYTES && said.payload.len() <= PAYLOAD_MAX;
        if !fits || *message.payload_hash != merkle::payload_hash(&said.salt, &said.payload) {
            return Err(BadBatch::Malformed("a payload is not what was signed"));
        }
        (message.salt, message.payload) = (said.salt.clone(), said.payload.clone());
    }
    Ok(erased)
}

/// Reads what is signed of a batch: who said how much when, and the hashes of what.
///
/// # Errors
///
/// [`BadBatch::BadSignature`] or [`BadBatch::Malformed`].
pub fn open_signed(lane: &Lane, batch: &Signed, peer: &Introduced) -> Result<Batch, BadBatch> {
    // A batch is sealed once and sent until it is acknowledged, which may take longer than its key is in use; a key that must
    // not count any more is taken out of the bundle.
    let known = peer
        .signing_keys
        .iter()
        .any(|(_, from, _)| peer.signed(KIND_BATCH, batch, *from));
    if !known {
        return Err(BadBatch::BadSignature);
    }
    let body = Batch::decode(batch.body.clone()).map_err(|_| BadBatch::Malformed("bytes"))?;
    let same = body.link_id == lane.link.to_string()
        && body.epoch == lane.epoch
        && *body.sender == *lane.sender.as_bytes()
        && body.class() == lane.class;
    if !same {
        return Err(BadBatch::Malformed("another lane"));
    }
    if body.first == 0 || body.messages.is_empty() || body.messages.len() > BATCH_MESSAGES_MAX {
        return Err(BadBatch::Malformed("1 to 1,000 messages, from number 1"));
    }
    let mut ids = BTreeSet::new();
    for (place, message) in (0u64..).zip(&body.messages) {
        if body.first.checked_add(place) != Some(message.number) {
            return Err(BadBatch::Malformed("numbers have no gaps"));
        }
        if !fits(message) {
            return Err(BadBatch::Malformed("a message breaks a limit"));
        }
        if !ids.insert(&message.id) {
            return Err(BadBatch::Malformed("an id stands twice"));
        }
    }
    Ok(body)
}

fn fits(message: &Message) -> bool {
    let canonical = |id: &Uuid| id.to_string() == message.id;
    let short = |text: &str, most: usize| text.len() <= most && !text.chars().any(char::is_control);
    Uuid::parse_str(&message.id).as_ref().is_ok_and(canonical)
        && short(&message.ordering_key, KEY_MAX)
        && short(&message.r#type, TYPE_MAX)
        && !message.r#type.is_empty()
        && short(&message.trace_parent, TRACE_MAX)
        && message.payload_hash.len() == merkle::HASH_BYTES
        && message.salt.is_empty()
        && message.payload.is_empty()
}

/// How far we have applied a lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The last number applied.
    pub last: u64,
    /// SHA-256 of the last header's body that we have signed; empty before the first.
    pub head: Vec<u8>,
}

/// What to do with a batch that holds in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Apply it: it is the next one.
    Apply,
    /// It came before: find the receipt that begins with its first number, and let [`repeated`] judge.
    Repeat,
}

impl Received {
    /// Is this batch the next one.
    ///
    /// # Errors
    ///
    /// [`BadBatch::OutOfOrder`] with a gap; [`BadBatch::Fork`] when it begins before what we hold and ends after it: batches
    /// are sealed, so an honest sender cannot have cut one anew.
    pub fn next(&self, batch: &Batch) -> Result<Next, BadBatch> {
        let expected = self.last + 1;
        let last = batch.messages.last().map_or(0, |message| message.number);
        if batch.first == expected {
            Ok(Next::Apply)
        } else if batch.first > expected {
            Err(BadBatch::OutOfOrder { expected })
        } else if last <= self.last {
            Ok(Next::Repeat)
        } else {
            Err(BadBatch::Fork)
        }
    }
}

/// The batch came before: are these the very bytes that we have signed for under this number.
///
/// # Errors
///
/// [`BadBatch::Fork`] when not.
pub fn repeated(kept: Option<&Signed>, batch: &Signed) -> Result<(), BadBatch> {
    if kept.is_some_and(|kept| kept.body == batch.body) {
        Ok(())
    } else {
        Err(BadBatch::Fork)
    }
}

/// What an effect has made of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Processed,
    /// Not done and never will be: no effect, with a name that never changes.
    Refused(String),
    /// Not done now; a person must look at it. Later messages of its key wait.
    Parked(String),
}

/// What becomes of the messages of one batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decisions {
    /// Keys that wait behind a parked message.
    stuck: BTreeSet<String>,
    dispositions: Vec<Disposition>,
    troubles: Vec<Trouble>,
    witness: Option<Witness>,
}

impl Decisions {
    /// What the receipt makes the sender a witness of.
    pub fn witnessed(&mut self, witness: Option<Witness>) {
        self.witness = witness;
    }

    /// Begins a batch, knowing which keys wait already.
    #[must_use]
    pub fn new(stuck: BTreeSet<String>) -> Self {
        Self {
            stuck,
            ..Self::default()
        }
    }

    /// Must this message wait behind a parked one of its key. Messages without a key never wait.
    #[must_use]
    pub fn waits(&self, message: &Message) -> bool {
        !message.ordering_key.is_empty() && self.stuck.contains(&message.ordering_key)
    }

    /// The message waits.
    pub fn wait(&mut self) -> Disposition {
        self.dispositions.push(Disposition::Waiting);
        Disposition::Waiting
    }

    /// The message was tried.
    pub fn tried(&mut self, message: &Message, outcome: Outcome) -> Disposition {
        let (disposition, reason) = match outcome {
            Outcome::Processed => (Disposition::Processed, None),
            Outcome::Refused(reason) => (Disposition::Refused, Some(reason)),
            Outcome::Parked(reason) => {
                if !message.ordering_key.is_empty() {
                    self.stuck.insert(message.ordering_key.clone());
                }
                (Disposition::Parked, Some(reason))
            }
        };
        self.dispositions.push(disposition);
        self.troubles.extend(reason.map(|mut reason| {
            reason.truncate(reason.floor_char_boundary(REASON_MAX));
            Trouble {
                number: message.number,
                reason,
            }
        }));
        disposition
    }

    /// Signs for the batch and moves the lane on; to be stored in the transaction that has applied it.
    ///
    /// # Panics
    ///
    /// When not every message has been decided on: a receipt that says less than it stands for must never exist.
    pub fn receipt(
        self,
        received: &mut Received,
        batch: &Batch,
        signer: &Signer,
        at: OffsetDateTime,
    ) -> (Signed, ReceiptHeader) {
        assert_eq!(self.dispositions.len(), batch.messages.len(), "a message was left out");
        let leaves: Vec<_> = batch.messages.iter().map(merkle::leaf).collect();
        let header = ReceiptHeader {
            link_id: batch.link_id.clone(),
            epoch: batch.epoch,
            sender: batch.sender.clone(),
            class: batch.class,
            first: batch.first,
            last: batch.messages.last().map_or(0, |message| message.number),
            merkle_root: merkle::root(&leaves).unwrap_or_default().to_vec().into(),
            previous: received.head.clone().into(),
            applied_at: Some(prost_types::Timestamp {
                seconds: at.unix_timestamp(),
                nanos: i32::try_from(at.nanosecond()).unwrap_or(0),
            }),
            dispositions: self.dispositions.into_iter().map(Into::into).collect(),
            troubles: self.troubles,
            witness: self.witness,
        };
        let signed = signed(signer, KIND_RECEIPT, header.encode_to_vec());
        received.last = header.last;
        received.head = sha256(&[&signed.body]).to_vec();
        (signed, header)
    }
}

/// Which lane a batch says it is of, before anything about it is believed.
#[must_use]
pub fn claimed(batch: &Signed) -> Option<Lane> {
    let body = Batch::decode(batch.body.clone()).ok()?;
    Some(Lane {
        link: body.link_id.parse().ok()?,
        epoch: body.epoch,
        sender: EnterpriseId::try_from(&*body.sender).ok()?,
        class: body.class(),
    })
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
