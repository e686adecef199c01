//! What goes in comes out, nothing else does, and damage is found.

use proptest::prelude::*;

use super::*;

/// Numbers that look like chance, the same each time.
fn spread(count: u64, seed: u64) -> Vec<u64> {
    let hashed = |one: u64| {
        let hash = blake3::keyed_hash(&[u8::try_from(seed).unwrap(); 32], &one.to_be_bytes());
        u64::from_be_bytes(hash.as_bytes()[..8].try_into().unwrap())
    };
    let mut all: Vec<_> = (0..count).map(hashed).collect();
    all.sort_unstable();
    all
}

fn token(prefix: u64) -> Token {
    let mut token = [0; 16];
    token[..8].copy_from_slice(&prefix.to_be_bytes());
    Token(token)
}

#[test]
fn a_token_takes_no_more_than_33_and_a_half_bits_and_strangers_are_told_apart() {
    let tokens = spread(32_768, 1);
    let bytes = Segment::write(&tokens, 0);
    let bits = bytes.len() as f64 * 8.0 / tokens.len() as f64;
    assert!(bits < 33.6, "{bits}");
    let segment = Segment::read(&bytes, 0).unwrap();
    assert!(tokens.iter().all(|one| segment.holds(token(*one))));
    assert!(!spread(100_000, 2).iter().any(|one| segment.holds(token(*one))));
}

#[test]
fn segments_cut_by_first_bits_hold_what_the_whole_holds() {
    let tokens = spread(200_000, 3);
    let bits = segment_bits(tokens.len() as u64);
    assert_eq!(bits, 3);
    let mut seen = 0;
    for segment in 0..1_u64 << bits {
        let of: Vec<_> = tokens
            .iter()
            .copied()
            .filter(|one| one >> (64 - bits) == segment)
            .collect();
        let bytes = Segment::write(&of, bits);
        assert!(bytes.len() < 200 << 10);
        let read = Segment::read(&bytes, bits).unwrap();
        assert!(of.iter().all(|one| read.holds(token(*one))));
        seen += read.len();
    }
    assert_eq!(seen, tokens.len());
    assert_eq!(
        [
            segment_bits(0),
            segment_bits(1),
            segment_bits(32_768),
            segment_bits(32_769)
        ],
        [0, 0, 0, 1]
    );
    assert_eq!(segment_bits(18_000_000), 10);
}

#[test]
fn an_empty_filter_holds_nobody() {
    let bytes = Segment::write(&[], 0);
    let segment = Segment::read(&bytes, 0).unwrap();
    assert!(segment.is_empty() && !segment.holds(token(0)) && !segment.holds(token(u64::MAX)));
}

proptest! {
    #[test]
    fn whatever_is_written_is_read(mut tokens in prop::collection::vec(any::<u64>(), 0..300), bits in 0..12_u32) {
        tokens.sort_unstable();
        // All of them in the first segment.
        let tokens: Vec<_> = tokens.into_iter().map(|one| one >> bits).collect();
        let bytes = Segment::write(&tokens, bits);
        let segment = Segment::read(&bytes, bits).unwrap();
        prop_assert_eq!(segment.len(), tokens.len());
        prop_assert!(tokens.iter().all(|one| segment.holds(token(*one))));
        for cut in [1, 4, bytes.len()] {
            if cut <= bytes.len() && !tokens.is_empty() {
                prop_assert_eq!(Segment::read(&bytes[..bytes.len() - cut], bits).err(), Some(BadFilter));
            }
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        prop_assert_eq!(Segment::read(&longer, bits).err(), Some(BadFilter));
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_reserve_what_is_not_there(bytes in prop::collection::vec(any::<u8>(), 0..400), bits in 0..65_u32) {
        if let Ok(segment) = Segment::read(&bytes, bits) {
            prop_assert!(segment.len() * 4 <= bytes.len());
            let _ = segment.holds(token(u64::MAX));
        }
    }
}
