//! What a partner hands out is looked at before it is used, and what was written down is sent as it was.

use hansa_proto::members::v1::PoolDelta;

use super::*;

fn row() -> MatchRow {
    MatchRow {
        id: Uuid::from_u128(1),
        link_id: Uuid::from_u128(2),
        pool: "loyalty".to_owned(),
        purpose: "joint-offers".to_owned(),
        epoch: 0,
        own_pool_id: None,
        mode: "own".to_owned(),
        state: "running".to_owned(),
        reason: String::new(),
        explained: String::new(),
        listed: 0,
        evaluated: 0,
        matched: 0,
        released: 0,
        chunk: 0,
        seed_wrapped: String::new(),
        pending: None,
        begun_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn read(change: impl FnOnce(&mut PoolOffer), signed: bool) -> bool {
    let delta = |sequence| PoolDelta {
        sequence,
        ..PoolDelta::default()
    };
    let mut offer = PoolOffer {
        link_id: row().link_id.to_string(),
        pool: row().pool,
        purpose: row().purpose,
        epoch: 1,
        segment_bits: 1,
        segment_hashes: vec![0; 64].into(),
        deltas: vec![delta(1), delta(2)],
        ends_at: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
        ..PoolOffer::default()
    };
    change(&mut offer);
    let whole = Signed {
        body: offer.encode_to_vec().into(),
        ..Signed::default()
    };
    read_offer(&whole, &row(), OffsetDateTime::UNIX_EPOCH, |_| signed).is_ok()
}

#[test]
fn an_offer_is_taken_only_when_it_is_signed_whole_and_about_what_was_asked() {
    assert!(read(|_| {}, true));
    assert!(!read(|_| {}, false));
    assert!(!read(|offer| offer.counts_only = true, true));
    assert!(!read(|offer| offer.pool = "other".to_owned(), true));
    assert!(!read(|offer| offer.purpose = "research".to_owned(), true));
    assert!(!read(|offer| offer.link_id = Uuid::from_u128(3).to_string(), true));
    assert!(!read(|offer| offer.epoch = 0, true));
    assert!(!read(
        |offer| offer.ends_at = Some(prost_types::Timestamp::default()),
        true
    ));
    assert!(!read(|offer| offer.ends_at = None, true));
    assert!(!read(|offer| offer.segment_hashes = vec![0; 63].into(), true));
    assert!(!read(|offer| offer.segment_bits = 60, true));
    assert!(!read(|offer| offer.deltas[1].sequence = 3, true));
    assert!(!read(|offer| offer.deltas.resize(401, PoolDelta::default()), true));
}

#[test]
fn a_chunk_that_was_written_down_is_sent_again_as_it_was() {
    let chunk = Chunk {
        people: vec![(7, "phone".to_owned()), (i64::MAX, "email".to_owned())],
        points: vec![[1; 32], [2; 32]],
    };
    let again = Chunk::read(&chunk.write());
    assert_eq!((again.people, again.points), (chunk.people, chunk.points));
}
