//! What a changed evidence file is caught by, and at which line.

use hansa_proto::link::v1::{Approve, Payload, TrafficClass, declaration::Act};
use hansa_vault::{EnterpriseKeys, SigningKey};
use time::OffsetDateTime;

use super::{
    super::{
        bundle,
        inbox::{Decisions, Outcome, Received},
        outbox::{self, tests::draft},
    },
    *,
};

fn keys(seed: u8) -> EnterpriseKeys {
    let (root, signing) = (
        Signer::from_seed([seed; 32]).unwrap(),
        Signer::from_seed([seed + 1; 32]).unwrap(),
    );
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

fn known(keys: &EnterpriseKeys) -> Introduced {
    Introduced {
        signing_keys: vec![(keys.signing.public_key(), 0, i64::MAX)],
        enterprise: keys.enterprise,
        ..outbox::tests::introduced(&keys.root)
    }
}

/// A file with two declarations and three receipts.
fn sample() -> String {
    let (visby, luebeck) = (keys(1), keys(3));
    let link = LinkId(uuid::Uuid::from_u128(7));
    let mut writer = Writer::default();
    let bundle_of = |keys: &EnterpriseKeys, name: &str| bundle::bundle(keys, name, NodeId([9; 32]), 1).encode_to_vec();
    let mut file = writer.line(Kind::Bundle, &bundle_of(&visby, "Visby Distribution"));
    let head = EvidenceHead {
        link_id: link.to_string(),
        exporter: visby.enterprise.as_bytes().to_vec().into(),
        peer: luebeck.enterprise.as_bytes().to_vec().into(),
        terms_hash: sha256(&[b"terms"]).to_vec().into(),
        exported_at: Some(prost_types::Timestamp {
            seconds: 1_000,
            nanos: 0,
        }),
    };
    file += &writer.head(&visby.signing, &head);
    file += &writer.line(Kind::Bundle, &bundle_of(&luebeck, "Lübeck Stores"));
    file += &writer.line(Kind::Terms, b"terms");
    for side in [&visby, &luebeck] {
        let approve = Act::Approve(Approve {
            terms_hash: sha256(&[b"terms"]).to_vec().into(),
        });
        let at = OffsetDateTime::UNIX_EPOCH;
        let said = Side::default().declare(link, side.enterprise, &side.signing, at, approve);
        file += &writer.line(Kind::Declaration, &said.encode_to_vec());
    }
    let lane = Lane {
        link,
        epoch: 1,
        sender: visby.enterprise,
        class: TrafficClass::Event,
    };
    let mut received = Received::default();
    for round in 0..3u64 {
        let drafts = vec![
            draft(u128::from(round) * 2, "a", 1, 3),
            draft(u128::from(round) * 2 + 1, "b", 1, 3),
        ];
        let batch = outbox::seal(&lane, round * 2, drafts).remove(0);
        let sent = outbox::sign(&visby.signing, &batch);
        let mut decisions = Decisions::default();
        for message in &inbox::open(&lane, &sent, &known(&visby)).unwrap().messages {
            decisions.tried(message, Outcome::Processed);
        }
        let at = OffsetDateTime::UNIX_EPOCH;
        let (receipt, _) = decisions.receipt(&mut received, &batch, &luebeck.signing, at);
        file += &writer.line(Kind::Batch, &sent.batch.unwrap().encode_to_vec());
        let mut said = sent.payloads.unwrap();
        // All are there of the first, one of the second, none of the third.
        for erased in &mut said.payloads[2 - usize::try_from(round).unwrap()..] {
            *erased = Payload::default();
        }
        if round < 2 {
            file += &writer.line(Kind::Payloads, &said.encode_to_vec());
        }
        file += &writer.line(Kind::Receipt, &receipt.encode_to_vec());
    }
    file + &writer.seal(&visby.signing)
}

fn flaw(file: &[u8]) -> Option<u64> {
    match std::str::from_utf8(file) {
        Ok(text) => verify(text).err().map(|flaw| flaw.line),
        Err(error) => Some(
            1 + file[..error.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count() as u64,
        ),
    }
}

// covers: I9
#[test]
fn a_file_that_nobody_touched_holds() {
    let proven = verify(&sample()).unwrap();
    assert_eq!((proven.declarations, proven.receipts, proven.messages), (2, 3, 6));
    assert_eq!(
        (proven.exporter.as_str(), proven.peer.as_str()),
        ("Visby Distribution", "Lübeck Stores")
    );
    assert_eq!((proven.lines, proven.erased), (15, 3));
    assert!(
        proven.to_string().contains("for 6 messages, of which 3 were erased"),
        "{proven}"
    );
}

// covers: I9
#[test]
fn every_changed_byte_is_found_at_its_line() {
    let file = sample().into_bytes();
    let mut line = 1;
    for place in 0..file.len() {
        for bit in [0x01, 0x20] {
            let mut changed = file.clone();
            changed[place] ^= bit;
            assert_eq!(
                flaw(&changed),
                Some(line),
                "byte {place}, which is {:?}",
                file[place] as char
            );
        }
        line += u64::from(file[place] == b'\n');
    }
}

// covers: I9
#[test]
fn every_line_that_is_taken_out_swapped_or_doubled_is_found() {
    let file = sample();
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    for place in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(place);
        assert_eq!(flaw(without.concat().as_bytes()), Some(place as u64 + 1), "without");
        let mut twice = lines.clone();
        twice.insert(place, lines[place]);
        assert_eq!(flaw(twice.concat().as_bytes()), Some(place as u64 + 2), "twice");
        if place > 0 {
            let mut swapped = lines.clone();
            swapped.swap(place - 1, place);
            assert_eq!(flaw(swapped.concat().as_bytes()), Some(place as u64), "swapped");
        }
    }
}

// covers: I9
#[test]
fn a_file_written_anew_around_a_change_is_still_caught_where_the_signature_breaks() {
    let file = sample();
    let mut writer = Writer::default();
    let mut forged = String::new();
    for (place, line) in file.lines().enumerate() {
        let line: Line = serde_json::from_str(line).unwrap();
        let mut bytes = STANDARD.decode(&line.bytes).unwrap();
        if place == 6 {
            let mut batch = Signed::decode(bytes.as_slice()).unwrap();
            let mut body = batch.body.to_vec();
            *body.last_mut().unwrap() ^= 1;
            batch.body = body.into();
            bytes = batch.encode_to_vec();
        }
        forged += &writer.line(line.kind, &bytes);
    }
    assert_eq!(flaw(forged.as_bytes()), Some(7));
}
