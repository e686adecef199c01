//! Multiples of one point by many scalars: its multiples by 1 to 8, times each power of 16, are made once, and then only added up.

use core::arch::x86_64::{_mm512_mask_permutexvar_epi64, _mm512_sub_epi64, _mm512_test_epi64_mask};

use crate::{
    field::{
        Bits, Fe, ONE, V, ZERO, add, carry, constant, invert, lanes, lifted_double, lifted_product, mul, negate,
        product, select, splat, sub, wide_add, wide_sub,
    },
    point::{Completed, Extended, Projective, Ready, TWICE_D, double, extended, multiply, ready},
    scalar::{Digits, at},
};

/// What can be added, with Z = 1: Y + X, Y - X, 2 d T.
#[derive(Clone, Copy)]
pub struct Affine {
    pub sum: Fe,
    pub difference: Fe,
    pub t2d: Fe,
}

/// The multiples by 1 to 8, one a lane, for each place of a scalar to the base of 16.
pub struct Base(Vec<Affine>);

impl core::fmt::Debug for Base {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Base")
    }
}

lanes! {
/// Of the point that stands in every lane.
pub fn base(point: &Extended) -> Base {
    let digits = Digits::of(&core::array::from_fn::<_, 8, _>(|lane| {
        core::array::from_fn(|place| if place == 0 { [1, 2, 3, 4, 5, 6, 7, 8][lane] } else { 0 })
    }));
    let mut points = vec![multiply(point, &digits)];
    while points.len() < Digits::COUNT {
        let mut next = points[points.len() - 1];
        for _ in 0..4 {
            next = extended(&double(&Projective { x: next.x, y: next.y, z: next.z }));
        }
        points.push(next);
    }
    let mut inverses: Vec<Fe> = points.iter().map(|point| point.z).collect();
    invert(&mut inverses);
    Base(points.iter().zip(&inverses).map(|(point, inverse)| affine(point, inverse)).collect())
}

pub fn affine(point: &Extended, inverse: &Fe) -> Affine {
    let (x, y) = (mul(&point.x, inverse), mul(&point.y, inverse));
    Affine { sum: add(&y, &x), difference: sub(&y, &x), t2d: mul(&mul(&x, &y), &constant(TWICE_D)) }
}

pub fn plus_affine(one: &Ready, other: &Affine) -> Completed {
    let (pp, mm) = (lifted_product(&one.sum, &other.sum), product(&one.difference, &other.difference));
    let (zz, tt) = (lifted_double(&one.z), product(&one.t, &other.t2d));
    Completed {
        e: carry(wide_sub(&pp, &mm)),
        f: carry(wide_sub(&zz, &tt)),
        g: carry(wide_add(&zz, &tt)),
        h: carry(wide_add(&pp, &mm)),
    }
}

/// The same point where the bit is not set, the opposite one where it is.
pub fn turned(minus: Bits, point: &Affine) -> Affine {
    Affine {
        sum: select(minus, &point.sum, &point.difference),
        difference: select(minus, &point.difference, &point.sum),
        t2d: select(minus, &point.t2d, &negate(&point.t2d)),
    }
}

/// The multiple that each lane's digit names: a digit moves between registers, and never to an address.
fn look_up(multiples: &Affine, size: V, minus: Bits) -> Affine {
    let (place, some) = (_mm512_sub_epi64(size, splat(1)), _mm512_test_epi64_mask(size, size));
    let choose = |none: &Fe, all: &Fe| {
        Fe(core::array::from_fn(|i| _mm512_mask_permutexvar_epi64(none.0[i], some, place, all.0[i])))
    };
    let (zero, one) = (constant(ZERO), constant(ONE));
    let found = Affine {
        sum: choose(&one, &multiples.sum),
        difference: choose(&one, &multiples.difference),
        t2d: choose(&zero, &multiples.t2d),
    };
    turned(minus, &found)
}

/// The base times the scalar of each lane; in the same steps whatever they are.
pub fn multiples(base: &Base, digits: &Digits) -> Ready {
    let (zero, one) = (constant(ZERO), constant(ONE));
    let mut sum = Ready { sum: one, difference: one, z: one, t: zero };
    for (place, multiples) in base.0.iter().enumerate() {
        let (size, minus) = at(digits, place);
        sum = ready(&plus_affine(&sum, &look_up(multiples, size, minus)));
    }
    sum
}
}
