//! What is asked of the lanes, in chunks of bytes.

use std::arch::is_x86_feature_detected;

use crate::{
    Bytes, Halves, SignedBytes,
    base::{base, multiples},
    field::{Constant, Fe, constant, lanes, mul, read, square, write, zero},
    hash::sha512,
    point::{Extended, addend, decode, encode, encode_doubles, extended, from_uniform, multiply, plus},
    scalar::Digits,
    sum::{addends, sums_of_bytes},
};
pub use crate::{base::Base, sum::Addend};

/// This processor has what is needed.
#[derive(Clone, Copy, Debug)]
pub struct Lanes(());

#[expect(
    unsafe_code,
    reason = "the functions of this crate need instructions that only some processors have"
)]
impl Lanes {
    /// None where the processor lacks the instructions.
    #[must_use]
    pub fn here() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl");
        all.then_some(Self(()))
    }

    /// `FROM_UNIFORM` of RFC 9496 of each, times twice its scalar.
    #[must_use]
    pub fn map_and_multiply(self, uniform: &[[u8; 64]], halves: Halves<'_>) -> Vec<Bytes> {
        // SAFETY: there is a `Lanes`, so the processor has the instructions.
        unsafe { products(&mapped(uniform), halves, uniform.len()) }
    }

    /// Each point times twice its scalar.
    ///
    /// # Errors
    ///
    /// The place of the first that is no point, or is the identity.
    pub fn multiply(self, points: &[Bytes], halves: Halves<'_>) -> Result<Vec<Bytes>, usize> {
        // SAFETY: there is a `Lanes`, so the processor has the instructions.
        unsafe { Ok(products(&decoded(points)?, halves, points.len())) }
    }

    /// Makes the multiples of a point by many scalars quick. None when it is no point, or the identity.
    #[must_use]
    pub fn base(self, point: &Bytes) -> Option<Base> {
        // SAFETY: there is a `Lanes`, so the processor has the instructions.
        unsafe { based(point) }
    }

    /// `FROM_UNIFORM` of RFC 9496 of each, plus its scalar times the base. Scalars are below 2^253; as many as points.
    #[must_use]
    pub fn map_and_add(self, uniform: &[[u8; 64]], base: &Base, scalars: &[Bytes]) -> Vec<Bytes> {
        // SAFETY: there is a `Lanes`, so the processor has the instructions.
        unsafe { moved(&mapped(uniform), base, scalars, uniform.len()) }
    }

    /// Each point plus its scalar times the base. Scalars are below 2^253; as many as points.
    ///
    /// # Errors
    ///
    /// The place of the first that is no point, or is the identity.
    pub fn add(self, points: &[Bytes], base: &Base, scalars: &[Bytes]) -> Result<Vec<Bytes>, usize> {
        // SAFETY: there is a `Lanes`, so the processor has the instructions.
        unsafe { Ok(moved(&decoded(points)?, base, scalars, points.len())) }
    }

    /// The points, as they are added up.
    ///
    /// # Errors
    ///
    /// The place of the first that is no point, or is the identity.
    pub fn addends(self, points: &[Bytes]) -> Result<Vec<Addend>, usize> {
        // SAFETY: there is a `Lanes`, so the processor has the instructions.
        unsafe { Ok(addends(&decoded(points)?, points.len())) }
    }

    /// For each of the bytes `first` to `first + 7` of the scalars, which are no secrets: the sum of the points, each times that byte.
    #[must_use]
    pub fn sums_of_bytes(self, points: &[Addend], scalars: &[SignedBytes], first: usize) -> [Bytes; 8] {
        // SAFETY: there is a `Lanes`, so the processor has the instructions.
        unsafe { summed(points, scalars, first) }
    }

    /// SHA-512 of each message, in their order. It costs least when those that follow each other are of like lengths.
    #[must_use]
    pub fn sha512(self, messages: &[Vec<u8>]) -> Vec<[u8; 64]> {
        // SAFETY: there is a `Lanes`, so the processor has the instructions.
        let hashes = messages.chunks(8).flat_map(|some| unsafe { sha512(some) });
        hashes.take(messages.len()).collect()
    }

    /// The multiplications and squarings of `count` Montgomery ladders (five and four for each of 255 bits) and nothing else, on two
    /// chains that don't wait for each other: what no multiplication of a point on this machine is far below.
    pub fn floor(self, count: usize) {
        // SAFETY: there is a `Lanes`, so the processor has the instructions.
        std::hint::black_box(unsafe { chains(255 * count / 16) });
    }
}

lanes! {
fn mapped(uniform: &[[u8; 64]]) -> Vec<Extended> {
    let points = uniform.chunks(8).map(|some| {
        let (mut one, mut other) = ([[0; 32]; 8], [[0; 32]; 8]);
        for ((uniform, one), other) in some.iter().zip(&mut one).zip(&mut other) {
            one.copy_from_slice(&uniform[..32]);
            other.copy_from_slice(&uniform[32..]);
        }
        from_uniform(&[read(&one).0, read(&other).0])
    });
    points.collect()
}

fn based(point: &Bytes) -> Option<Base> {
    Some(base(decoded(&[*point; 8]).ok()?.first()?))
}

fn moved(points: &[Extended], base: &Base, scalars: &[Bytes], count: usize) -> Vec<Bytes> {
    let moved = points.iter().zip(scalars.chunks(8)).map(|(point, scalars)| {
        let multiples = multiples(base, &Digits::of(scalars));
        extended(&plus(&multiples, &addend(point)))
    });
    let moved: Vec<Extended> = moved.collect();
    let mut out = vec![[0; 32]; count];
    for (points, out) in moved.chunks(2).zip(out.chunks_mut(16)) {
        let encoded = encode(&[points[0], points[points.len() - 1]]);
        for (encoded, out) in encoded.iter().zip(out.chunks_mut(8)) {
            write(encoded, out);
        }
    }
    out
}

fn decoded(points: &[Bytes]) -> Result<Vec<Extended>, usize> {
    let mut decoded = Vec::with_capacity(points.len().div_ceil(8) + 1);
    for (pair, some) in points.chunks(16).enumerate() {
        let (first, second) = some.split_at(some.len().min(8));
        let (one, other) = (read(first), read(second));
        let found = decode(&[one.0, other.0]);
        let halves = [(first, one, found[0]), (second, other, found[1])];
        for (half, (bytes, (s, canonical), (point, good))) in halves.into_iter().enumerate() {
            let bad = !(canonical & good & !zero(&s));
            // Lanes beyond the last have no point, and nobody asks for one.
            let asked = u16::try_from((1_u32 << bytes.len()) - 1).unwrap_or(u16::MAX);
            let bad = u16::from(bad) & asked;
            if bad != 0 {
                return Err(pair * 16 + half * 8 + bad.trailing_zeros() as usize);
            }
            if !bytes.is_empty() {
                decoded.push(point);
            }
        }
    }
    Ok(decoded)
}

fn products(points: &[Extended], halves: Halves<'_>, count: usize) -> Vec<Bytes> {
    let multiples: Vec<Extended> = match halves {
        Halves::One(half) => {
            let digits = Digits::splat(half);
            points.iter().map(|point| multiply(point, &digits)).collect()
        }
        Halves::Each(halves) => {
            let each = points.iter().zip(halves.chunks(8));
            each.map(|(point, halves)| multiply(point, &Digits::of(halves))).collect()
        }
    };
    let mut out = vec![[0; 32]; count];
    for (encoded, out) in encode_doubles(&multiples).iter().zip(out.chunks_mut(8)) {
        write(encoded, out);
    }
    out
}

fn summed(points: &[Addend], scalars: &[SignedBytes], first: usize) -> [Bytes; 8] {
    let sums = sums_of_bytes(points, scalars, first);
    let mut out = [[0; 32]; 8];
    write(&encode(&[sums, sums])[0], &mut out);
    out
}

fn chains(rounds: usize) -> [Fe; 2] {
    const THREE: Constant = [3, 5, 7, 9, 11];
    let (k, mut x) = std::hint::black_box((constant(THREE), [constant([5, 4, 3, 2, 1]), constant([7, 1, 4, 1, 5])]));
    for _ in 0..rounds {
        for _ in 0..5 {
            x = [mul(&x[0], &k), mul(&x[1], &k)];
        }
        for _ in 0..4 {
            x = [square(&x[0]), square(&x[1])];
        }
    }
    x
}
}
