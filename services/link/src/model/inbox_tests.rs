//! Sender and receiver together, over a network that loses, doubles and swaps, with crashes on both sides.

use std::collections::{BTreeMap, VecDeque};

use hansa_proto::link::v1::{Parcel as Sealed, Payload};
use prost::Message as _;

use super::{
    super::outbox::{
        AfterRefusal, Draft, Receipted, Sent, after_refusal, seal, sign,
        tests::{Dice, draft, introduced, lane},
    },
    *,
};

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_000).unwrap()
}

/// What survives a crash on the receiving side: one transaction a batch.
#[derive(Default)]
struct Receiver {
    received: Received,
    kept: BTreeMap<u64, (Signed, Signed)>,
    stuck: BTreeSet<String>,
    effects: Vec<(u64, String, Disposition)>,
}

impl Receiver {
    fn take(&mut self, lane: &Lane, parcel: &Sealed, sender: &Introduced, signer: &Signer) -> Result<Signed, BadBatch> {
        let body = open(lane, parcel, sender)?;
        let batch = parcel.batch.as_ref().unwrap();
        if self.received.next(&body)? == Next::Repeat {
            let kept = self.kept.get(&body.first);
            repeated(kept.map(|(batch, _)| batch), batch)?;
            return Ok(kept.unwrap().1.clone());
        }
        let mut decisions = Decisions::new(self.stuck.clone());
        for message in &body.messages {
            let disposition = if decisions.waits(message) {
                decisions.wait()
            } else {
                decisions.tried(message, outcome(message))
            };
            if disposition == Disposition::Parked {
                self.stuck.insert(message.ordering_key.clone());
            }
            self.effects.push((message.number, message.id.clone(), disposition));
        }
        let (receipt, _) = decisions.receipt(&mut self.received, &body, signer, now());
        self.kept.insert(body.first, (batch.clone(), receipt.clone()));
        Ok(receipt)
    }
}

fn outcome(message: &Message) -> Outcome {
    match message.payload.len() {
        1 => Outcome::Refused("UNKNOWN_TYPE".into()),
        2 => Outcome::Parked("POISON".into()),
        _ => Outcome::Processed,
    }
}

enum Parcel {
    Batch(Sealed),
    Receipt(Signed),
    Refusal(Refusal),
}

// covers: I3, I6, I7, I9
#[expect(clippy::too_many_lines, reason = "one network, step by step")]
#[test]
fn a_hundred_thousand_steps_over_a_bad_network_have_one_effect_each_in_order() {
    let (us, peer) = (Signer::from_seed([1; 32]).unwrap(), Signer::from_seed([2; 32]).unwrap());
    let (lane, our_keys, peer_keys) = (lane(&us), introduced(&us), introduced(&peer));
    let mut steps = 0;
    for seed in 0..100 {
        let mut dice = Dice(seed);
        let mut drafts: Vec<Draft> = Vec::new();
        let mut written = 0u128;
        let mut sent = Sent::default();
        let mut sealed: BTreeMap<u64, (Batch, Sealed)> = BTreeMap::new();
        let mut receiver = Receiver::default();
        let mut wire: VecDeque<Parcel> = VecDeque::new();
        for step in 0..1_600 {
            steps += 1;
            // At the end the faults stop, and what is left is delivered: two batches in four steps.
            let calm = step >= 1_000;
            match if calm { 2 + step % 2 } else { dice.under(6) } {
                0 => {
                    written += 1;
                    let key = ["", "a", "b", "c"][usize::try_from(dice.under(4)).unwrap()];
                    let bytes = if dice.under(40) == 0 {
                        2
                    } else {
                        usize::try_from(dice.under(30)).unwrap()
                    };
                    drafts.push(draft(
                        written,
                        key,
                        i64::try_from(written).unwrap(),
                        if bytes == 0 { 1 } else { bytes },
                    ));
                }
                1 => {
                    for batch in seal(&lane, sent.numbered, std::mem::take(&mut drafts)) {
                        sent.numbered = batch.messages.last().unwrap().number;
                        let signed = sign(&us, &batch);
                        sealed.insert(batch.first, (batch, signed));
                    }
                }
                2 => {
                    // A window of two: the second may overtake the first.
                    let open = sealed.range(sent.acknowledged + 1..).take(2);
                    wire.extend(open.map(|(_, (_, signed))| Parcel::Batch(signed.clone())));
                }
                3 => {
                    for parcel in wire.drain(..).collect::<Vec<_>>() {
                        match parcel {
                            Parcel::Batch(batch) => {
                                let answer = match receiver.take(&lane, &batch, &our_keys, &peer) {
                                    Ok(receipt) => Parcel::Receipt(receipt),
                                    Err(bad) => Parcel::Refusal(bad.refusal()),
                                };
                                wire.push_back(answer);
                            }
                            Parcel::Receipt(receipt) => {
                                let header = ReceiptHeader::decode(receipt.body.clone()).unwrap();
                                let (batch, _) = &sealed[&header.first];
                                match sent.receipt(&lane, batch, &receipt, &peer_keys) {
                                    Ok(Receipted::Advanced(_) | Receipted::Known) => {}
                                    // A later receipt has overtaken an earlier one; the earlier batch is sent again.
                                    Err(bad) => assert_eq!(bad, super::super::outbox::BadReceipt::OtherMessages),
                                }
                            }
                            Parcel::Refusal(refusal) => {
                                let after = after_refusal(&sent, &refusal.reason, refusal.expected);
                                // An old refusal may come late; it must never look like a fork of an honest peer's future.
                                assert!(
                                    matches!(after, AfterRefusal::Rewind(_)) || refusal.expected <= sent.acknowledged,
                                    "{refusal:?} {sent:?}"
                                );
                            }
                        }
                    }
                }
                4 => drop(wire.pop_front()),
                _ => {
                    if dice.under(4) == 0 {
                        wire.clear();
                    } else if let Some(Parcel::Batch(batch)) = wire.front() {
                        let again = Parcel::Batch(batch.clone());
                        wire.push_back(again);
                    }
                }
            }
        }
        assert_eq!(sent.acknowledged, sent.numbered, "seed {seed} converges");
        let sequence: Vec<_> = sealed.values().flat_map(|(batch, _)| &batch.messages).collect();
        let applied: Vec<_> = receiver
            .effects
            .iter()
            .map(|(number, id, _)| (*number, id.clone()))
            .collect();
        let expected: Vec<_> = sequence
            .iter()
            .map(|message| (message.number, message.id.clone()))
            .collect();
        assert_eq!(applied, expected, "seed {seed}");
        let mut stuck = BTreeSet::new();
        for (message, (_, _, disposition)) in sequence.iter().zip(&receiver.effects) {
            let waits = !message.ordering_key.is_empty() && stuck.contains(&message.ordering_key);
            assert_eq!(waits, *disposition == Disposition::Waiting, "seed {seed}: {message:?}");
            if *disposition == Disposition::Parked {
                stuck.insert(message.ordering_key.clone());
            }
        }
    }
    assert!(steps >= 100_000);
}

fn sealed(us: &Signer, count: u128) -> Batch {
    seal(&lane(us), 0, (1..=count).map(|id| draft(id, "k", 1, 5)).collect()).remove(0)
}

fn says(message: &mut Message, salt: usize, payload: usize) {
    (message.salt, message.payload) = (vec![0; salt].into(), vec![9; payload].into());
    message.payload_hash = merkle::payload_hash(&message.salt, &message.payload).to_vec().into();
}

// covers: I9, I24
#[test]
fn what_is_said_is_what_was_signed_and_can_be_erased_without_it() {
    let us = Signer::from_seed([1; 32]).unwrap();
    let (lane, keys, good) = (lane(&us), introduced(&us), sealed(&us, 3));
    let sent = sign(&us, &good);
    let clear = |bytes: &[u8]| bytes.windows(5).any(|part| *part == *good.messages[0].payload);
    assert!(
        !clear(&sent.batch.as_ref().unwrap().body),
        "nothing that is said is in what is signed"
    );
    let changes: [fn(&mut Vec<Payload>); 6] = [
        |said| said.clear(),
        |said| said.truncate(2),
        |said| said.push(Payload::default()),
        |said| said[1] = Payload::default(),
        |said| said[1].payload = vec![7; 5].into(),
        |said| said[1].salt = vec![7; 16].into(),
    ];
    for change in changes {
        let mut other = sent.clone();
        change(&mut other.payloads.as_mut().unwrap().payloads);
        assert!(matches!(open(&lane, &other, &keys), Err(BadBatch::Malformed(_))));
    }
    let mut bare = sent.clone();
    bare.payloads = None;
    assert!(matches!(open(&lane, &bare, &keys), Err(BadBatch::Malformed(_))));
    let mut left = sent.payloads.unwrap();
    left.payloads[1] = Payload::default();
    let mut read = open_signed(&lane, &sent.batch.unwrap(), &keys).unwrap();
    assert_eq!(fill(&mut read, &left), Ok(1));
    assert_eq!(
        (&read.messages[0], &read.messages[2]),
        (&good.messages[0], &good.messages[2])
    );
    let leaves = |batch: &Batch| batch.messages.iter().map(merkle::leaf).collect::<Vec<_>>();
    assert_eq!(leaves(&read), leaves(&good), "the same receipt stands for it");
}

// covers: I24
#[test]
fn what_breaks_a_limit_or_a_signature_is_refused_as_a_whole() {
    let us = Signer::from_seed([1; 32]).unwrap();
    let (lane, keys, good) = (lane(&us), introduced(&us), sealed(&us, 3));
    assert_eq!(open(&lane, &sign(&us, &good), &keys).as_ref(), Ok(&good));
    let changes: [fn(&mut Batch); 15] = [
        |batch| batch.link_id = "x".into(),
        |batch| batch.epoch = 2,
        |batch| batch.sender = vec![0; 32].into(),
        |batch| batch.class = 1,
        |batch| batch.first = 0,
        |batch| batch.first = 2,
        |batch| batch.messages.clear(),
        |batch| batch.messages.swap(0, 1),
        |batch| batch.messages[1].id = batch.messages[0].id.clone(),
        |batch| batch.messages[0].id.make_ascii_uppercase(),
        |batch| says(&mut batch.messages[0], 15, 1),
        |batch| says(&mut batch.messages[0], 16, PAYLOAD_MAX + 1),
        |batch| batch.messages[0].payload_hash = vec![0; 31].into(),
        |batch| batch.messages[0].ordering_key = "x".repeat(KEY_MAX + 1),
        |batch| batch.messages[0].r#type.clear(),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut bad = good.clone();
        bad.messages[0].id = Uuid::from_u128(0xabcdef).to_string();
        change(&mut bad);
        let answer = open(&lane, &sign(&us, &bad), &keys);
        assert!(
            matches!(answer, Err(BadBatch::Malformed(_))),
            "change {place}: {answer:?}"
        );
    }
    let forged = sign(&Signer::from_seed([9; 32]).unwrap(), &good);
    assert_eq!(open(&lane, &forged, &keys), Err(BadBatch::BadSignature));
}

// covers: I10
#[test]
fn other_bytes_under_a_number_that_was_signed_for_are_a_fork() {
    let (us, peer) = (Signer::from_seed([1; 32]).unwrap(), Signer::from_seed([2; 32]).unwrap());
    let (lane, keys) = (lane(&us), introduced(&us));
    let mut receiver = Receiver::default();
    let first = sign(&us, &sealed(&us, 3));
    let receipt = receiver.take(&lane, &first, &keys, &peer).unwrap();
    assert_eq!(
        receiver.take(&lane, &first, &keys, &peer),
        Ok(receipt),
        "a repeat gets the original"
    );
    assert_eq!(receiver.effects.len(), 3);
    let mut other = sealed(&us, 3);
    says(&mut other.messages[2], 16, 1);
    assert_eq!(
        receiver.take(&lane, &sign(&us, &other), &keys, &peer),
        Err(BadBatch::Fork)
    );
    assert_eq!(
        receiver.take(&lane, &sign(&us, &sealed(&us, 4)), &keys, &peer),
        Err(BadBatch::Fork)
    );
    let later = seal(&lane, 9, vec![draft(1, "k", 1, 5)]).remove(0);
    assert_eq!(
        receiver.take(&lane, &sign(&us, &later), &keys, &peer),
        Err(BadBatch::OutOfOrder { expected: 4 })
    );
}
