//! Sums of many points, each times a scalar that is no secret (Pippenger): points are put into buckets by the bytes of their scalars.

use core::{
    arch::x86_64::{_mm512_shuffle_i64x2, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64},
    array::from_fn,
};

use crate::{
    SignedBytes,
    base::{Affine, affine, plus_affine, turned},
    field::{Bits, Fe, ONE, V, add, constant, lanes, load, mul, splat, store},
    point::{Completed, Extended, Niels, Ready, TWICE_D, extended, niels, plus, ready},
};

/// A point as it is put into a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Addend([u64; 16]);

/// Sizes of a signed byte, zero among them.
const SIZES: usize = 129;
/// Numbers of 64 bits that a bucket takes, of which four are not used.
type Bucket = [u64; 24];

/// A bucket for each size and each of eight bytes.
struct Buckets(Vec<[Bucket; 8]>);

lanes! {
/// Of points with Z = 1.
pub fn addends(points: &[Extended], count: usize) -> Vec<Addend> {
    let mut addends = vec![Addend([0; 16]); count];
    for (point, out) in points.iter().zip(addends.chunks_mut(8)) {
        let Affine { sum, difference, t2d } = affine(point, &constant(ONE));
        for (place, limb) in sum.0.iter().chain(&difference.0).chain(&t2d.0).enumerate() {
            for (out, number) in out.iter_mut().zip(store(*limb)) {
                out.0[place] = number;
            }
        }
    }
    addends
}

/// Columns of rows.
fn transposed(rows: &[V; 8]) -> [V; 8] {
    let low: [V; 4] = from_fn(|k| _mm512_unpacklo_epi64(rows[2 * k], rows[2 * k + 1]));
    let high: [V; 4] = from_fn(|k| _mm512_unpackhi_epi64(rows[2 * k], rows[2 * k + 1]));
    let columns = |pairs: &[V; 4]| {
        let even = |a: V, b: V| _mm512_shuffle_i64x2::<0b10_00_10_00>(a, b);
        let odd = |a: V, b: V| _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b);
        let (first, second) = (even(pairs[0], pairs[1]), even(pairs[2], pairs[3]));
        let (third, fourth) = (odd(pairs[0], pairs[1]), odd(pairs[2], pairs[3]));
        [even(first, second), even(third, fourth), odd(first, second), odd(third, fourth)]
    };
    let (low, high) = (columns(&low), columns(&high));
    [low[0], high[0], low[1], high[1], low[2], high[2], low[3], high[3]]
}

/// What is in the bucket that each lane names.
fn take(buckets: &Buckets, sizes: &[usize; 8]) -> Ready {
    let part = |k: usize| {
        let row = |lane: usize| load(&from_fn(|n| buckets.0[sizes[lane]][lane][k * 8 + n]));
        transposed(&from_fn(row))
    };
    let (one, two, three) = (part(0), part(1), part(2));
    Ready {
        sum: Fe([one[0], one[1], one[2], one[3], one[4]]),
        difference: Fe([one[5], one[6], one[7], two[0], two[1]]),
        z: Fe([two[2], two[3], two[4], two[5], two[6]]),
        t: Fe([two[7], three[0], three[1], three[2], three[3]]),
    }
}

fn put(buckets: &mut Buckets, sizes: &[usize; 8], point: &Ready) {
    let (s, d, z, t) = (&point.sum.0, &point.difference.0, &point.z.0, &point.t.0);
    let parts = [
        [s[0], s[1], s[2], s[3], s[4], d[0], d[1], d[2]],
        [d[3], d[4], z[0], z[1], z[2], z[3], z[4], t[0]],
        [t[1], t[2], t[3], t[4], t[4], t[4], t[4], t[4]],
    ];
    for (k, part) in parts.iter().enumerate() {
        for (lane, row) in transposed(part).into_iter().enumerate() {
            buckets.0[sizes[lane]][lane][k * 8..][..8].copy_from_slice(&store(row));
        }
    }
}

fn affine_of(addend: &Addend) -> Affine {
    let fe = |from: usize| Fe(from_fn(|i| splat(addend.0[from + i].cast_signed())));
    Affine { sum: fe(0), difference: fe(5), t2d: fe(10) }
}

fn niels_of(point: &Ready) -> Niels {
    Niels {
        sum: point.sum,
        difference: point.difference,
        z2: add(&point.z, &point.z),
        t2d: mul(&point.t, &constant(TWICE_D)),
    }
}

/// For each of the bytes `first` to `first + 7`: the sum of the points, each times that signed byte of its scalar.
pub fn sums_of_bytes(points: &[Addend], scalars: &[SignedBytes], first: usize) -> Extended {
    let (zero, one) = (constant([0; 5]), constant(ONE));
    let identity = Ready { sum: one, difference: one, z: one, t: zero };
    let mut buckets = Buckets(vec![[[0; 24]; 8]; SIZES]);
    for size in 0..SIZES {
        put(&mut buckets, &[size; 8], &identity);
    }
    for (point, scalar) in points.iter().zip(scalars) {
        let bytes: [i8; 8] = from_fn(|lane| scalar.0[first + lane]);
        let sizes = bytes.map(|byte| usize::from(byte.unsigned_abs()));
        let minus = (0..8).fold(0, |bits, lane| bits | Bits::from(bytes[lane] < 0) << lane);
        let sum = plus_affine(&take(&buckets, &sizes), &turned(minus, &affine_of(point)));
        put(&mut buckets, &sizes, &ready(&sum));
    }
    // What is in a bucket counts as often as its size: once for each size from the largest down to it.
    let (mut above, mut all) = (identity, Completed { e: zero, f: one, g: one, h: one });
    for size in (1..SIZES).rev() {
        let sum = plus(&above, &niels_of(&take(&buckets, &[size; 8])));
        all = plus(&ready(&all), &niels(&sum));
        above = ready(&sum);
    }
    extended(&all)
}
}
