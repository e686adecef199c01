//! The same bytes as `curve25519-dalek`, whatever is asked and beside whomever; and what is refused.

use curve25519_dalek::{
    RistrettoPoint, Scalar, constants::RISTRETTO_BASEPOINT_POINT as BASE, ristretto::CompressedRistretto,
    traits::Identity as _,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha512};

use super::*;

fn uniform(seed: u64) -> [u8; 64] {
    Sha512::digest(seed.to_le_bytes()).into()
}

fn scalar(seed: u64) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&uniform(seed))
}

fn halves(scalars: &[Scalar]) -> Vec<Bytes> {
    scalars.iter().map(|scalar| scalar.div_by_2().to_bytes()).collect()
}

/// Zero, one, the smallest, the largest, digits that all carry, and whatever comes.
fn scalars(count: u64) -> Vec<Scalar> {
    let mut scalars: Vec<_> = (0..count).map(|seed| scalar(seed + 1_000)).collect();
    let odd = [
        Scalar::ZERO,
        Scalar::ONE,
        -Scalar::ONE,
        -Scalar::from(2_u64),
        Scalar::from(0x8888_8888_8888_8888_u64),
    ];
    for (place, odd) in scalars.iter_mut().step_by(3).zip(odd) {
        *place = odd;
    }
    scalars
}

/// A machine without the instructions has nothing to compare; the suites of private match run there all the same.
fn lanes() -> Option<Lanes> {
    Lanes::here()
}

#[test]
fn what_is_mapped_and_multiplied_has_the_bytes_of_dalek() {
    let Some(lanes) = lanes() else { return };
    let mut inputs: Vec<_> = (0..TOGETHER as u64 + 3).map(uniform).collect();
    // What maps to the identity, to points of small order before they are doubled, and what is written above p.
    for (place, byte) in [(0, 0), (9, 0xff), (77, 1)] {
        inputs[place] = [byte; 64];
    }
    inputs[20][..32].fill(0);
    inputs[30][32..].copy_from_slice(&uniform(30)[..32]);
    let each = scalars(inputs.len() as u64);
    let expected = |one: Option<Scalar>| -> Vec<Bytes> {
        let scalar = |place: usize| one.unwrap_or(each[place]);
        let products = inputs.iter().enumerate();
        products
            .map(|(place, input)| {
                (RistrettoPoint::from_uniform_bytes(input) * scalar(place))
                    .compress()
                    .to_bytes()
            })
            .collect()
    };
    assert_eq!(
        lanes.map_and_multiply(&inputs, Halves::Each(&halves(&each))),
        expected(None)
    );
    for one in each.iter().take(16) {
        let half = one.div_by_2().to_bytes();
        assert_eq!(
            lanes.map_and_multiply(&inputs, Halves::One(&half)),
            expected(Some(*one))
        );
    }
}

#[test]
fn points_of_every_count_are_multiplied_as_dalek_does() {
    let Some(lanes) = lanes() else { return };
    for count in [0, 1, 7, 8, 9, 15, 16, 17, 255] {
        let points: Vec<_> = (0..count)
            .map(|seed| RistrettoPoint::from_uniform_bytes(&uniform(seed)))
            .collect();
        let encoded: Vec<_> = points.iter().map(|point| point.compress().to_bytes()).collect();
        let each = scalars(count);
        let expected: Vec<_> = points
            .iter()
            .zip(&each)
            .map(|(point, scalar)| (point * scalar).compress().to_bytes())
            .collect();
        assert_eq!(
            lanes.multiply(&encoded, Halves::Each(&halves(&each))),
            Ok(expected),
            "{count}"
        );
    }
}

#[test]
fn multiples_of_a_base_are_added_as_dalek_adds_them() {
    let Some(lanes) = lanes() else { return };
    let other = BASE * scalar(99);
    assert!(lanes.base(&[0; 32]).is_none());
    assert!(lanes.base(&[0xff; 32]).is_none());
    for (base, count) in [(BASE, 1), (other, 8), (other, 17), (BASE, 260)] {
        let table = lanes.base(base.compress().as_bytes()).unwrap();
        let (inputs, each) = ((0..count).map(uniform).collect::<Vec<_>>(), scalars(count));
        let scalars: Vec<_> = each.iter().map(Scalar::to_bytes).collect();
        let points: Vec<_> = inputs.iter().map(RistrettoPoint::from_uniform_bytes).collect();
        let expected: Vec<_> = points
            .iter()
            .zip(&each)
            .map(|(point, scalar)| (point + base * scalar).compress().to_bytes())
            .collect();
        assert_eq!(lanes.map_and_add(&inputs, &table, &scalars), expected);
        let encoded: Vec<_> = points.iter().map(|point| point.compress().to_bytes()).collect();
        assert_eq!(lanes.add(&encoded, &table, &scalars), Ok(expected));
    }
    // What comes to the identity is written as that.
    let table = lanes.base(BASE.compress().as_bytes()).unwrap();
    let one = (BASE * scalar(3)).compress().to_bytes();
    assert_eq!(
        lanes.add(&[one, one], &table, &[(-scalar(3)).to_bytes(), [0; 32]]),
        Ok(vec![[0; 32], one])
    );
}

#[test]
fn bytes_of_sums_add_up_to_what_dalek_sums_up() {
    let Some(lanes) = lanes() else { return };
    for count in [1, 8, 300] {
        let points: Vec<_> = (0..count)
            .map(|seed| RistrettoPoint::from_uniform_bytes(&uniform(seed)))
            .collect();
        let each = scalars(count);
        let encoded: Vec<_> = points.iter().map(|point| point.compress().to_bytes()).collect();
        let addends = lanes.addends(&encoded).unwrap();
        let signed: Vec<_> = each
            .iter()
            .map(|scalar| SignedBytes::from(&scalar.to_bytes()))
            .collect();
        let sums: Vec<_> = [0, 8, 16, 24]
            .map(|first| lanes.sums_of_bytes(&addends, &signed, first))
            .concat();
        let mut sum = RistrettoPoint::identity();
        for byte in sums.iter().rev() {
            let byte = CompressedRistretto(*byte).decompress().unwrap();
            sum = sum * Scalar::from(256_u64) + byte;
        }
        assert_eq!(
            sum,
            points
                .iter()
                .zip(&each)
                .map(|(point, scalar)| point * scalar)
                .sum::<RistrettoPoint>(),
            "{count}"
        );
    }
    assert_eq!(lanes.addends(&[BASE.compress().to_bytes(), [0; 32]]).err(), Some(1));
}

#[test]
fn messages_of_every_length_have_the_hashes_of_sha2() {
    let Some(lanes) = lanes() else { return };
    // Not in the order of their lengths: some in a lane end blocks before their neighbours.
    let lengths = (0..300_usize).map(|one| one * 97 % 300);
    let messages: Vec<Vec<u8>> = lengths
        .map(|length| (0..length).map(|at| (at * length % 251) as u8).collect())
        .collect();
    let expected: Vec<[u8; 64]> = messages.iter().map(|message| Sha512::digest(message).into()).collect();
    assert_eq!(lanes.sha512(&messages), expected);
}

#[test]
fn what_is_no_point_is_named_wherever_it_stands() {
    let Some(lanes) = lanes() else { return };
    let good = BASE.compress().to_bytes();
    let half = scalar(5).div_by_2().to_bytes();
    // p + 2 is 2 written in another way; 1 is negative; the last bit set; zero is the identity; 2 is no square's.
    let mut other_way = [0xff; 32];
    (other_way[0], other_way[31]) = (0xef, 0x7f);
    let mut odd = [0; 32];
    odd[0] = 1;
    let mut high = good;
    high[31] |= 0x80;
    let mut none = [0; 32];
    none[0] = 26;
    for bad in [[0; 32], other_way, odd, high, [0xff; 32], none] {
        assert!(CompressedRistretto(bad).decompress().is_none() || bad == [0; 32]);
        for place in [0, 7, 8, 15, 16, 20] {
            let mut points = [good; 21];
            points[place] = bad;
            assert_eq!(lanes.multiply(&points, Halves::One(&half)), Err(place));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any bytes: both take them for the same point, or for none.
    #[test]
    fn any_bytes_are_what_dalek_takes_them_for(
        mut bytes in prop::collection::vec(prop::array::uniform32(any::<u8>()), 1..20),
        wide in prop::collection::vec(any::<u64>(), 20),
        tame in any::<bool>(),
    ) {
        let Some(lanes) = lanes() else { return Ok(()) };
        if tame {
            // Half of the even ones below p are points.
            for bytes in &mut bytes {
                bytes[0] &= 0xfe;
                bytes[31] &= 0x7f;
            }
        }
        for (one, seed) in bytes.iter().zip(&wide) {
            let scalar = scalar(*seed);
            let half = scalar.div_by_2().to_bytes();
            let point = CompressedRistretto(*one).decompress();
            let expected = point.filter(|_| *one != [0; 32]).map(|point| vec![(point * scalar).compress().to_bytes()]).ok_or(0);
            prop_assert_eq!(lanes.multiply(&[*one], Halves::One(&half)), expected);
        }
    }
}
