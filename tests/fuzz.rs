//! Bytes from the network end nothing: each decoder gets a hundred thousand inputs, half of them valid ones with a few changes.
//! Each run is the same; what once broke something goes into the list of that decoder by hand.
// covers: I24

use std::collections::BTreeSet;

use hansa_link::model::{
    bundle::{self, check_bundle},
    chain::Side,
    evidence,
    inbox::{self, claimed},
    invite::Invite,
    merkle,
    outbox::{self, Lane},
};
use hansa_proto::{
    DESCRIPTORS,
    link::v1::{Approve, Batch, Introduction, Message, Parcel, Payloads, TrafficClass, declaration::Act},
    types::v1::Signed,
};
use hansa_psi::Segment;
use hansa_trade::ubl;
use hansa_vault::{EnterpriseKeys, Signer, SigningKey, sha256};
use hansa_vocab::{EnterpriseId, Gtin, LinkId, NodeId, Pin, Quantity};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use time::OffsetDateTime;
use uuid::Uuid;

const INPUTS: u64 = 100_000;

/// A source of numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn under(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }
}

/// Half of the inputs are bytes out of nowhere, half a valid input with up to three changes.
fn input(dice: &mut Dice, valid: &[Vec<u8>]) -> Vec<u8> {
    if dice.under(2) == 0 {
        let length = dice.under(200);
        return (0..length).map(|_| dice.byte()).collect();
    }
    let mut bytes = valid[dice.under(valid.len())].clone();
    for _ in 0..dice.under(4) {
        let at = dice.under(bytes.len());
        match dice.under(12) {
            0 => drop(bytes.drain(at..(at + dice.under(9)).min(bytes.len()))),
            1 => bytes.insert(at.min(bytes.len()), dice.byte()),
            2 => bytes.truncate(at),
            3 => {
                let again = bytes[at.min(bytes.len())..].to_vec();
                bytes.extend_from_slice(&again[..again.len().min(64)]);
            }
            _ if bytes.is_empty() => {}
            _ => bytes[at] ^= 1 << dice.under(8),
        }
    }
    bytes
}

/// Gives the decoder its inputs; at least a fifth must get past the first check, else nothing deeper was tried.
fn feed(valid: &[Vec<u8>], decode: impl Fn(&[u8]) -> bool) {
    let mut dice = Dice(7);
    assert!(valid.iter().all(|valid| decode(valid)), "a valid input is refused");
    let decoded = (0..INPUTS).filter(|_| decode(&input(&mut dice, valid))).count();
    assert!(decoded as u64 >= INPUTS / 5, "{decoded} of {INPUTS} decode");
}

fn keys() -> EnterpriseKeys {
    let (root, signing) = (Signer::from_seed([1; 32]).unwrap(), Signer::from_seed([2; 32]).unwrap());
    EnterpriseKeys {
        enterprise: EnterpriseId(sha256(&[&root.public_key()])),
        signing_keys: vec![SigningKey {
            public_key: signing.public_key(),
            not_before: OffsetDateTime::UNIX_EPOCH,
            not_after: OffsetDateTime::UNIX_EPOCH + time::Duration::days(100 * 365),
        }],
        root,
        signing,
    }
}

fn introduction() -> Introduction {
    let card = Signer::from_seed([3; 32]).unwrap();
    let node = NodeId(sha256(&[&card.public_key()]));
    Introduction {
        bundle: Some(bundle::bundle(&keys(), "Visby Distribution", node, 1)),
        node_card: Some(bundle::card(&card, 1, Pin([7; 32]), None, &["127.0.0.1:7443".into()])),
    }
}

fn lane() -> Lane {
    Lane {
        link: LinkId(Uuid::from_u128(7)),
        epoch: 1,
        sender: keys().enterprise,
        class: TrafficClass::Event,
    }
}

fn batch() -> Batch {
    let message = |number: u64| Message {
        id: Uuid::from_u128(number.into()).to_string(),
        number,
        ordering_key: "k".into(),
        r#type: "inventory.reservation.v1".into(),
        salt: vec![1; 16].into(),
        payload: vec![2; 20].into(),
        payload_hash: merkle::payload_hash(&[1; 16], &[2; 20]).to_vec().into(),
        ..Message::default()
    };
    Batch {
        link_id: lane().link.to_string(),
        epoch: 1,
        sender: lane().sender.as_bytes().to_vec().into(),
        class: TrafficClass::Event.into(),
        first: 1,
        messages: vec![message(1), message(2)],
    }
}

/// Bodies are signed anew after each change: the checks behind the signature are what is tried here.
fn signed_anew(kind: &str, body: &[u8]) -> Signed {
    bundle::signed(&keys().signing, kind, body.to_vec())
}

#[test]
fn signed_envelopes_and_introductions() {
    let good = introduction();
    feed(&[good.encode_to_vec()], |bytes| {
        let read = Introduction::decode(bytes);
        read.as_ref().is_ok_and(|read| {
            let _ = bundle::check(read);
            true
        })
    });
    feed(&[good.bundle.unwrap().encode_to_vec()], |bytes| {
        Signed::decode(bytes).is_ok_and(|read| {
            let _ = (check_bundle(&read), claimed(&read));
            true
        })
    });
}

#[test]
fn batches_behind_their_signature() {
    let known = bundle::check(&introduction()).unwrap();
    let good = outbox::sign(&keys().signing, &batch());
    let (heads, said) = (good.batch.unwrap(), good.payloads.unwrap());
    feed(&[heads.body.to_vec()], |bytes| {
        let parcel = Parcel {
            batch: Some(signed_anew(outbox::KIND_BATCH, bytes)),
            payloads: Some(said.clone()),
        };
        let _ = inbox::open(&lane(), &parcel, &known);
        Batch::decode(bytes).is_ok()
    });
    feed(&[said.encode_to_vec()], |bytes| {
        let payloads = Payloads::decode(bytes);
        payloads.is_ok_and(|said| {
            let parcel = Parcel {
                batch: Some(heads.clone()),
                payloads: Some(said),
            };
            let _ = inbox::open(&lane(), &parcel, &known);
            true
        })
    });
}

#[test]
fn receipts_behind_their_signature() {
    let known = bundle::check(&introduction()).unwrap();
    let mut received = inbox::Received::default();
    let mut decisions = inbox::Decisions::default();
    for message in &batch().messages {
        decisions.tried(message, inbox::Outcome::Refused("NO".to_owned()));
    }
    let at = OffsetDateTime::UNIX_EPOCH;
    let (receipt, _) = decisions.receipt(&mut received, &batch(), &keys().signing, at);
    feed(&[receipt.body.to_vec()], |bytes| {
        let receipt = signed_anew(outbox::KIND_RECEIPT, bytes);
        let _ = outbox::Sent::default().receipt(&lane(), &batch(), &receipt, &known);
        hansa_proto::link::v1::ReceiptHeader::decode(bytes).is_ok()
    });
}

#[test]
fn declarations_behind_their_signature() {
    let known = bundle::check(&introduction()).unwrap();
    let (link, enterprise) = (lane().link, lane().sender);
    let act = Act::Approve(Approve {
        terms_hash: vec![5; 32].into(),
    });
    let good = Side::default().declare(link, enterprise, &keys().signing, OffsetDateTime::UNIX_EPOCH, act);
    feed(&[good.body.to_vec()], |bytes| {
        let _ = Side::default().take(link, enterprise, &signed_anew("declaration", bytes), &known);
        hansa_proto::link::v1::Declaration::decode(bytes).is_ok()
    });
}

#[test]
fn segments_of_filters() {
    let prefixes: Vec<u64> = (0..200).map(|one| one * (u64::MAX / 200)).collect();
    let valid = [Segment::write(&prefixes, 0), Segment::write(&prefixes[..1], 0)];
    feed(&valid, |bytes| match Segment::read(bytes, 0) {
        Ok(segment) => {
            assert!(segment.len() * 4 <= bytes.len());
            let _ = segment.holds(hansa_psi::Token([0xff; 16]));
            true
        }
        Err(_) => false,
    });
}

#[test]
fn texts_that_people_and_files_bring() {
    let invite = Invite {
        addresses: vec!["127.0.0.1:7443".into()],
        enterprise: lane().sender,
        link: lane().link,
        secret: [1; 16],
        expires: OffsetDateTime::UNIX_EPOCH,
        terms_hash: [2; 32],
    };
    let mut writer = evidence::Writer::default();
    let line = writer.line(evidence::Kind::Bundle, &introduction().bundle.unwrap().encode_to_vec());
    let valid = [invite.text(), "0011300006104".to_owned(), "1.5 KGM".to_owned(), line];
    let valid: Vec<Vec<u8>> = valid.into_iter().map(String::into_bytes).collect();
    feed(&valid, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return false;
        };
        let _ = (Invite::read(text), text.parse::<Gtin>(), evidence::verify(text));
        let _ = (
            Quantity::new(1, 0, text),
            text.parse::<LinkId>(),
            text.parse::<EnterpriseId>(),
        );
        true
    });
}

#[test]
fn every_message_that_a_method_takes() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let mut inputs: Vec<_> = pool
        .services()
        .flat_map(|service| service.methods().map(|one| one.input()).collect::<Vec<_>>())
        .collect();
    inputs.sort_by(|one, other| one.full_name().cmp(other.full_name()));
    inputs.dedup();
    assert!(inputs.len() >= 30, "{}", inputs.len());
    let mut dice = Dice(11);
    let seed = introduction().encode_to_vec();
    for kind in inputs {
        for _ in 0..INPUTS / 20 {
            let bytes = input(&mut dice, std::slice::from_ref(&seed));
            let Ok(read) = DynamicMessage::decode(kind.clone(), bytes.as_slice()) else {
                continue;
            };
            // What was read can be written and read again.
            assert!(
                DynamicMessage::decode(kind.clone(), read.encode_to_vec().as_slice()).is_ok(),
                "{}",
                kind.full_name()
            );
        }
    }
}

/// Trade papers are longer than messages, so there are fewer of them in a run; `HANSA_INPUTS=1000000` asks for more.
#[test]
fn trade_papers_of_other_systems() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/papers");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let mut papers: Vec<Vec<u8>> = files.collect();
    papers.sort();
    let inputs = std::env::var("HANSA_INPUTS").ok().and_then(|many| many.parse().ok());
    let (mut dice, mut read, mut refused) = (Dice(7), 0_u64, BTreeSet::new());
    for _ in 0..inputs.unwrap_or(8_000_u64) {
        match ubl::read(&input(&mut dice, &papers)) {
            Ok(paper) => {
                read += 1;
                // What was taken can be given, and is taken again.
                let around = ubl::Around {
                    id: "PO-1".to_owned(),
                    sequence: "1".to_owned(),
                    issue_date: "2026-11-28".to_owned(),
                    buyer: "Tea House".to_owned(),
                    seller: "Bergen".to_owned(),
                    about: "PO-1".to_owned(),
                    code: paper.code.clone(),
                };
                let text = ubl::write(paper.kind, &paper.said, &around).unwrap();
                let again = ubl::read(text.as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}: {text}"));
                assert_eq!(again.said.lines, paper.said.lines);
            }
            Err(wrong) => drop(refused.insert(wrong.rule)),
        }
    }
    assert!(read > 500, "{read} were read");
    assert!(refused.len() > 14, "{refused:?}");
}
