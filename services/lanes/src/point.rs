//! Eight points of ristretto255 (RFC 9496), one a lane: the curve is edwards25519, in extended coordinates with a = -1.

use core::arch::x86_64::_mm512_cmpeq_epi64_mask;

use crate::{
    field::{
        Bits, Constant, Fe, ONE, SQRT_M1, V, ZERO, absolute, add, carry, constant, invert, lanes, lifted_product,
        lifted_squared, mul, negate, negative, product, select, splat, sqrt_ratio, square, squared, sub, wide_add,
        wide_sub, zero,
    },
    scalar::{Digits, at},
};

/// The curve's d.
const D: Constant = [
    0x0003_4dca_1359_78a3,
    0x0001_a828_3b15_6ebd,
    0x0005_e7a2_6001_c029,
    0x0007_39c6_63a0_3cbb,
    0x0005_2036_cee2_b6ff,
];
pub const TWICE_D: Constant = [
    0x0006_9b94_26b2_f159,
    0x0003_5050_762a_dd7a,
    0x0003_cf44_c003_8052,
    0x0006_738c_c740_7977,
    0x0002_406d_9dc5_6dff,
];
const ONE_MINUS_D_SQ: Constant = [
    0x0004_09c1_945f_c176,
    0x0007_19ab_c6a1_fc4f,
    0x0001_c37f_90b2_0684,
    0x0000_6bcc_ca55_eedf,
    0x0000_2907_2a8b_2b3e,
];
const D_MINUS_ONE_SQ: Constant = [
    0x0005_5aaa_44ed_4d20,
    0x0005_9603_c333_2635,
    0x0002_6d3b_af4a_7928,
    0x0001_20a6_6e69_97a9,
    0x0005_968b_37af_66c2,
];
const SQRT_AD_MINUS_ONE: Constant = [
    0x0007_f6a0_497b_2e1b,
    0x0001_836f_0a97_afd2,
    0x0007_d747_f6be_7638,
    0x0004_5607_9e7e_6498,
    0x0003_7693_1bf2_b834,
];
const INVSQRT_A_MINUS_D: Constant = [
    0x0000_fdaa_805d_40ea,
    0x0002_eb48_2e57_d339,
    0x0000_0761_0274_bc58,
    0x0006_510b_613d_c8ff,
    0x0007_86c8_905c_faff,
];

/// x = X / Z, y = Y / Z, x y = T / Z.
#[derive(Clone, Copy)]
pub struct Extended {
    pub x: Fe,
    pub y: Fe,
    pub z: Fe,
    pub t: Fe,
}

/// What can be doubled.
pub struct Projective {
    pub x: Fe,
    pub y: Fe,
    pub z: Fe,
}

/// What something can be added to.
pub struct Ready {
    pub sum: Fe,
    pub difference: Fe,
    pub z: Fe,
    pub t: Fe,
}

/// What can be added: Y + X, Y - X, 2 Z, 2 d T.
#[derive(Clone, Copy)]
pub struct Niels {
    pub sum: Fe,
    pub difference: Fe,
    pub z2: Fe,
    pub t2d: Fe,
}

/// What formulas end in: x = e / g, y = h / f.
pub struct Completed {
    pub e: Fe,
    pub f: Fe,
    pub g: Fe,
    pub h: Fe,
}

/// The multiples of a point by 1 to 8.
type Table = [Niels; 8];

/// What is kept of a point between the two halves of its encoding.
struct Halfway {
    e: Fe,
    f: Fe,
    g: Fe,
    h: Fe,
    eg: Fe,
    fh: Fe,
}

lanes! {
pub fn projective(point: &Completed) -> Projective {
    let Completed { e, f, g, h } = point;
    Projective { x: mul(e, f), y: mul(h, g), z: mul(g, f) }
}

pub fn ready(point: &Completed) -> Ready {
    let Completed { e, f, g, h } = point;
    let (x, y) = (product(e, f), lifted_product(h, g));
    Ready { sum: carry(wide_add(&y, &x)), difference: carry(wide_sub(&y, &x)), z: mul(g, f), t: mul(e, h) }
}

pub fn niels(point: &Completed) -> Niels {
    let Completed { e, f, g, h } = point;
    let (x, y, z) = (product(e, f), lifted_product(h, g), product(g, f));
    Niels {
        sum: carry(wide_add(&y, &x)),
        difference: carry(wide_sub(&y, &x)),
        z2: carry(wide_add(&z, &z)),
        t2d: mul(&mul(e, h), &constant(TWICE_D)),
    }
}

pub fn extended(point: &Completed) -> Extended {
    let Completed { e, f, g, h } = point;
    Extended { x: mul(e, f), y: mul(h, g), z: mul(g, f), t: mul(e, h) }
}

pub fn double(point: &Projective) -> Completed {
    let (xx, yy, zz) = (squared(&point.x), lifted_squared(&point.y), lifted_squared(&point.z));
    let (xy, difference) = (product(&point.x, &point.y), wide_sub(&yy, &xx));
    Completed {
        e: carry(wide_add(&xy, &xy)),
        f: carry(wide_sub(&wide_add(&zz, &zz), &difference)),
        g: carry(difference),
        h: carry(wide_add(&yy, &xx)),
    }
}

pub fn plus(one: &Ready, other: &Niels) -> Completed {
    let (pp, mm) = (lifted_product(&one.sum, &other.sum), product(&one.difference, &other.difference));
    let (zz, tt) = (lifted_product(&one.z, &other.z2), product(&one.t, &other.t2d));
    Completed {
        e: carry(wide_sub(&pp, &mm)),
        f: carry(wide_sub(&zz, &tt)),
        g: carry(wide_add(&zz, &tt)),
        h: carry(wide_add(&pp, &mm)),
    }
}

fn choose(bits: Bits, one: &Niels, other: &Niels) -> Niels {
    Niels {
        sum: select(bits, &one.sum, &other.sum),
        difference: select(bits, &one.difference, &other.difference),
        z2: select(bits, &one.z2, &other.z2),
        t2d: select(bits, &one.t2d, &other.t2d),
    }
}

pub fn addend(point: &Extended) -> Niels {
    Niels {
        sum: add(&point.y, &point.x),
        difference: sub(&point.y, &point.x),
        z2: add(&point.z, &point.z),
        t2d: mul(&point.t, &constant(TWICE_D)),
    }
}

fn table(point: &Extended) -> Table {
    let first = Niels {
        sum: add(&point.y, &point.x),
        difference: sub(&point.y, &point.x),
        z2: add(&point.z, &point.z),
        t2d: mul(&point.t, &constant(TWICE_D)),
    };
    let one = Ready { sum: first.sum, difference: first.difference, z: point.z, t: point.t };
    let mut table = [first; 8];
    for k in 1..8 {
        table[k] = niels(&plus(&one, &table[k - 1]));
    }
    table
}

/// The multiple that each lane's digit names. All are read, so that the memory that is touched says nothing of the digit.
fn look_up(table: &Table, size: V, minus: Bits) -> Niels {
    let (zero, one) = (constant(ZERO), constant(ONE));
    let mut found = Niels { sum: one, difference: one, z2: add(&one, &one), t2d: zero };
    for (entry, k) in table.iter().zip(1..) {
        found = choose(_mm512_cmpeq_epi64_mask(size, splat(k)), &found, entry);
    }
    Niels {
        sum: select(minus, &found.sum, &found.difference),
        difference: select(minus, &found.difference, &found.sum),
        z2: found.z2,
        t2d: select(minus, &found.t2d, &negate(&found.t2d)),
    }
}

/// Each point times the scalar of its lane; in the same steps whatever they are.
pub fn multiply(point: &Extended, digits: &Digits) -> Extended {
    let table = table(point);
    let chosen = |place: usize| {
        let (size, minus) = at(digits, place);
        look_up(&table, size, minus)
    };
    let top = chosen(Digits::COUNT - 1);
    // Twice X, Y and Z: the same point.
    let mut sum = Projective { x: sub(&top.sum, &top.difference), y: add(&top.sum, &top.difference), z: top.z2 };
    let mut place = Digits::COUNT - 2;
    loop {
        for _ in 0..3 {
            sum = projective(&double(&sum));
        }
        let next = plus(&ready(&double(&sum)), &chosen(place));
        if place == 0 {
            return extended(&next);
        }
        sum = projective(&next);
        place -= 1;
    }
}

/// `MAP` of RFC 9496, of two.
fn elligator(t: &[Fe; 2]) -> [Completed; 2] {
    let (one, d, i) = (constant(ONE), constant(D), constant(SQRT_M1));
    let r = [mul(&i, &square(&t[0])), mul(&i, &square(&t[1]))];
    let u = |k: usize| mul(&add(&r[k], &one), &constant(ONE_MINUS_D_SQ));
    let v = |k: usize| mul(&sub(&negate(&one), &mul(&r[k], &d)), &add(&r[k], &d));
    let (u, v) = ([u(0), u(1)], [v(0), v(1)]);
    let roots = sqrt_ratio(&u, &v);
    let map = |k: usize| {
        let (was_square, root) = &roots[k];
        let s = select(*was_square, &negate(&absolute(&mul(root, &t[k]))), root);
        let c = select(*was_square, &r[k], &negate(&one));
        let n = sub(&mul(&mul(&c, &sub(&r[k], &one)), &constant(D_MINUS_ONE_SQ)), &v[k]);
        let (ss, sv) = (square(&s), mul(&s, &v[k]));
        Completed {
            e: add(&sv, &sv),
            f: add(&one, &ss),
            g: mul(&n, &constant(SQRT_AD_MINUS_ONE)),
            h: sub(&one, &ss),
        }
    };
    [map(0), map(1)]
}

/// The points that these uniform halves stand for: `FROM_UNIFORM` of RFC 9496.
pub fn from_uniform(halves: &[Fe; 2]) -> Extended {
    let [one, other] = elligator(halves);
    extended(&plus(&ready(&one), &niels(&other)))
}

/// `DECODE` of RFC 9496, of two; and in which lanes there is a point. Whether the bytes were in the only form is known to who read them.
pub fn decode(s: &[Fe; 2]) -> [(Extended, Bits); 2] {
    let (one, d) = (constant(ONE), constant(D));
    let ss = [square(&s[0]), square(&s[1])];
    let (u1, u2) = ([sub(&one, &ss[0]), sub(&one, &ss[1])], [add(&one, &ss[0]), add(&one, &ss[1])]);
    let u2u2 = [square(&u2[0]), square(&u2[1])];
    let v = |k: usize| sub(&negate(&mul(&d, &square(&u1[k]))), &u2u2[k]);
    let v = [v(0), v(1)];
    let roots = sqrt_ratio(&[one, one], &[mul(&v[0], &u2u2[0]), mul(&v[1], &u2u2[1])]);
    let point = |k: usize| {
        let (was_square, root) = &roots[k];
        let den_x = mul(root, &u2[k]);
        let den_y = mul(&mul(root, &den_x), &v[k]);
        let x = mul(&s[k], &den_x);
        let x = absolute(&add(&x, &x));
        let y = mul(&u1[k], &den_y);
        let t = mul(&x, &y);
        let good = was_square & !negative(&t) & !zero(&y);
        (Extended { x, y, z: one, t }, good)
    };
    [point(0), point(1)]
}

/// `ENCODE` of RFC 9496, of two.
pub fn encode(points: &[Extended; 2]) -> [Fe; 2] {
    let (one, i) = (constant(ONE), constant(SQRT_M1));
    let u1 = |k: usize| mul(&add(&points[k].z, &points[k].y), &sub(&points[k].z, &points[k].y));
    let u2 = |k: usize| mul(&points[k].x, &points[k].y);
    let (u1, u2) = ([u1(0), u1(1)], [u2(0), u2(1)]);
    let roots = sqrt_ratio(&[one, one], &[mul(&u1[0], &square(&u2[0])), mul(&u1[1], &square(&u2[1]))]);
    let s = |k: usize| {
        let Extended { x, y, z, t } = &points[k];
        let (den1, den2) = (mul(&roots[k].1, &u1[k]), mul(&roots[k].1, &u2[k]));
        let z_inverse = mul(&mul(&den1, &den2), t);
        let turned = negative(&mul(t, &z_inverse));
        let enchanted = mul(&den1, &constant(INVSQRT_A_MINUS_D));
        let (x, y) = (select(turned, x, &mul(y, &i)), select(turned, y, &mul(x, &i)));
        let den = select(turned, &den2, &enchanted);
        let y = select(negative(&mul(&x, &z_inverse)), &y, &negate(&y));
        absolute(&mul(&den, &sub(z, &y)))
    };
    [s(0), s(1)]
}

/// The encodings of twice each point. That of the point itself takes a square root; of its double only an inversion, which serves all.
pub fn encode_doubles(points: &[Extended]) -> Vec<Fe> {
    let halfway: Vec<Halfway> = points
        .iter()
        .map(|point| {
            let (xx, yy, zz) = (squared(&point.x), squared(&point.y), lifted_squared(&point.z));
            let dtt = product(&square(&point.t), &constant(D));
            let e = mul(&point.x, &add(&point.y, &point.y));
            let (f, h) = (carry(wide_add(&zz, &dtt)), carry(wide_sub(&zz, &dtt)));
            let g = carry(wide_add(&yy, &xx));
            Halfway { e, f, g, h, eg: mul(&e, &g), fh: mul(&f, &h) }
        })
        .collect();
    let mut inverses: Vec<Fe> = halfway.iter().map(|half| mul(&half.eg, &half.fh)).collect();
    invert(&mut inverses);
    halfway.iter().zip(&inverses).map(|(half, inverse)| finish(half, inverse)).collect()
}

fn finish(half: &Halfway, inverse: &Fe) -> Fe {
    let (z_inverse, t_inverse) = (mul(&half.eg, inverse), mul(&half.fh, inverse));
    let (i, magic) = (constant(SQRT_M1), constant(INVSQRT_A_MINUS_D));
    let turned = negative(&mul(&half.eg, &z_inverse));
    let e = select(turned, &half.e, &half.g);
    let g = select(turned, &half.g, &negate(&half.e));
    let h = select(turned, &half.h, &mul(&half.f, &i));
    let magic = select(turned, &magic, &i);
    let opposite = negative(&mul(&mul(&h, &e), &z_inverse));
    let g = select(opposite, &g, &negate(&g));
    absolute(&mul(&sub(&h, &g), &mul(&magic, &mul(&g, &t_inverse))))
}
}
