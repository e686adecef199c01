//! Numbers, cuts, receipts and waits of the sending side.

use std::collections::BTreeMap;

use hansa_vocab::{NodeId, Pin};
use time::OffsetDateTime;

use super::{
    super::inbox::{Decisions, Outcome, Received},
    *,
};

pub fn introduced(signer: &Signer) -> Introduced {
    Introduced {
        enterprise: EnterpriseId(sha256(&[&signer.public_key()])),
        name: "Visby Distribution".into(),
        signing_keys: vec![(signer.public_key(), 0, i64::MAX)],
        bundle_sequence: 1,
        node: NodeId([1; 32]),
        card_sequence: 1,
        pin_now: Pin([1; 32]),
        pin_next: None,
        addresses: Vec::new(),
    }
}

pub fn lane(sender: &Signer) -> Lane {
    Lane {
        link: LinkId(Uuid::from_u128(7)),
        epoch: 1,
        sender: EnterpriseId(sha256(&[&sender.public_key()])),
        class: TrafficClass::Event,
    }
}

pub fn draft(id: u128, key: &str, key_version: i64, bytes: usize) -> Draft {
    let id = Uuid::from_u128(id);
    Draft {
        id,
        ordering_key: key.into(),
        key_version,
        message: Message {
            id: id.to_string(),
            ordering_key: key.into(),
            r#type: "test.v1".into(),
            salt: vec![5; 16].into(),
            payload: vec![6; bytes].into(),
            ..Message::default()
        },
    }
}

/// A small source of numbers that a seed repeats.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn under(&mut self, end: u64) -> u64 {
        self.roll() % end
    }
}

// covers: I6
#[test]
fn within_a_key_the_version_decides_and_every_number_is_given_once() {
    let signer = Signer::from_seed([1; 32]).unwrap();
    let mut dice = Dice(1);
    for _ in 0..2_000 {
        let count = 1 + dice.under(20);
        // Ids and versions disagree on purpose: two transactions drew their ids before they took the key's lock.
        let drafts: Vec<_> = (0..count)
            .map(|version| {
                let key = ["a", "b", "c"][usize::try_from(dice.under(3)).unwrap()];
                draft(u128::from(dice.roll()), key, i64::try_from(version).unwrap(), 10)
            })
            .collect();
        let mut ids: Vec<_> = drafts.iter().map(|draft| draft.id.to_string()).collect();
        let versions: BTreeMap<_, _> = drafts
            .iter()
            .map(|draft| (draft.id.to_string(), draft.key_version))
            .collect();
        let numbered = dice.under(1_000);
        let sealed: Vec<_> = seal(&lane(&signer), numbered, drafts)
            .into_iter()
            .flat_map(|batch| batch.messages)
            .collect();
        assert!(
            sealed
                .iter()
                .map(|message| message.number)
                .eq(numbered + 1..=numbered + count)
        );
        let mut last = BTreeMap::new();
        for message in &sealed {
            let before = last.insert(message.ordering_key.clone(), versions[&message.id]);
            assert!(before < Some(versions[&message.id]), "key {}", message.ordering_key);
        }
        let mut given: Vec<_> = sealed.into_iter().map(|message| message.id).collect();
        ids.sort();
        given.sort();
        assert_eq!(ids, given);
    }
}

#[test]
fn a_batch_stays_within_its_limits() {
    let signer = Signer::from_seed([1; 32]).unwrap();
    let many = (0..2_500).map(|id| draft(id, "", 0, 1)).collect();
    let sizes: Vec<_> = seal(&lane(&signer), 0, many)
        .iter()
        .map(|batch| batch.messages.len())
        .collect();
    assert_eq!(sizes, [1_000, 1_000, 500]);
    let large = (0..10).map(|id| draft(id, "", 0, 64 * 1024)).collect();
    let batches = seal(&lane(&signer), 0, large);
    assert!(
        batches
            .iter()
            .all(|batch| sign(&signer, batch).encoded_len() < 256 * 1024)
    );
    assert_eq!(batches.iter().map(|batch| batch.messages.len()).sum::<usize>(), 10);
}

fn one_receipt(us: &Signer, peer: &Signer) -> (Batch, Signed) {
    let batch = seal(&lane(us), 0, vec![draft(1, "k", 1, 5), draft(2, "k", 2, 5)]).remove(0);
    let mut decisions = Decisions::default();
    for message in &batch.messages {
        decisions.tried(message, Outcome::Processed);
    }
    let at = OffsetDateTime::from_unix_timestamp(1_000).unwrap();
    let (receipt, _) = decisions.receipt(&mut Received::default(), &batch, peer, at);
    (batch, receipt)
}

// covers: I9, I10
#[test]
fn a_receipt_counts_once_and_only_for_what_was_sent() {
    let (us, peer) = (Signer::from_seed([1; 32]).unwrap(), Signer::from_seed([2; 32]).unwrap());
    let (batch, receipt) = one_receipt(&us, &peer);
    let (lane, keys) = (lane(&us), introduced(&peer));
    let fresh = Sent {
        numbered: 2,
        ..Sent::default()
    };

    let mut sent = fresh.clone();
    assert!(matches!(
        sent.receipt(&lane, &batch, &receipt, &keys),
        Ok(Receipted::Advanced(_))
    ));
    assert_eq!((sent.acknowledged, sent.head.len()), (2, 32));
    assert_eq!(sent.receipt(&lane, &batch, &receipt, &keys), Ok(Receipted::Known));

    let mut other = batch.clone();
    other.messages[1].payload_hash = vec![9; 32].into();
    assert_eq!(
        fresh.clone().receipt(&lane, &other, &receipt, &keys),
        Err(BadReceipt::OtherMessages)
    );
    let mut elsewhere = fresh.clone();
    elsewhere.head = vec![1; 32];
    assert_eq!(elsewhere.receipt(&lane, &batch, &receipt, &keys), Err(BadReceipt::Fork));
    assert_eq!(
        fresh.clone().receipt(&lane, &batch, &receipt, &introduced(&us)),
        Err(BadReceipt::BadSignature)
    );
    for place in 0..receipt.body.len() {
        let mut body = receipt.body.to_vec();
        body[place] ^= 1;
        let changed = Signed {
            body: body.into(),
            ..receipt.clone()
        };
        assert!(
            fresh.clone().receipt(&lane, &batch, &changed, &keys).is_err(),
            "byte {place}"
        );
    }
}

// covers: I10
#[test]
fn a_peer_that_expects_what_it_cannot_is_a_fork() {
    let sent = Sent {
        numbered: 10,
        acknowledged: 5,
        head: Vec::new(),
    };
    assert_eq!(
        after_refusal(&sent, "OUT_OF_ORDER", 5),
        AfterRefusal::Fork,
        "it has forgotten what it signed for"
    );
    assert_eq!(
        after_refusal(&sent, "OUT_OF_ORDER", 12),
        AfterRefusal::Fork,
        "it holds what we never numbered"
    );
    assert_eq!(after_refusal(&sent, "OUT_OF_ORDER", 6), AfterRefusal::Rewind(6));
    assert_eq!(after_refusal(&sent, "OUT_OF_ORDER", 11), AfterRefusal::Rewind(6));
    assert_eq!(after_refusal(&sent, "LINK_SUSPENDED", 0), AfterRefusal::Stopped);
    assert_eq!(after_refusal(&sent, "BUSY", 0), AfterRefusal::Wait);
}

#[test]
fn waits_grow_to_a_minute_and_begin_anew_with_a_contact() {
    let mut backoff = Backoff::default();
    let longest = (1..=20).map(|_| backoff.failed(u64::MAX - 1)).max().unwrap();
    assert!(longest <= BACKOFF_MAX);
    let ceilings: Vec<_> = (0..12)
        .map(|failures| {
            let mut backoff = Backoff { failures };
            let ceiling =
                u64::try_from(BACKOFF_MIN.saturating_mul(1 << failures).min(BACKOFF_MAX).as_micros()).unwrap();
            backoff.failed(ceiling)
        })
        .collect();
    assert_eq!(ceilings[0], BACKOFF_MIN);
    assert_eq!(ceilings[11], BACKOFF_MAX);
    backoff.contact();
    assert!(backoff.failed(u64::MAX) <= BACKOFF_MIN);
}
