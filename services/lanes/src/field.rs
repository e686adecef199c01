//! Eight elements of the field of 2^255 - 19, one a lane.

use core::{
    arch::x86_64::{
        __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask, _mm512_loadu_si512,
        _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_or_si512, _mm512_set1_epi64,
        _mm512_slli_epi64, _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi64, _mm512_test_epi64_mask,
        _mm512_testn_epi64_mask,
    },
    array::from_fn,
};

use crate::Bytes;

/// Functions that work on lanes: the processor must have what stands here.
macro_rules! lanes {
    ($($function:item)*) => {
        $(#[inline]
        #[target_feature(enable = "avx512f,avx512ifma,avx512dq,avx512bw,avx512vl")]
        $function)*
    };
}
pub(crate) use lanes;

/// Eight numbers of 64 bits.
pub type V = __m512i;
/// A bit for each lane.
pub type Bits = u8;

/// Elements mod p = 2^255 - 19: five limbs of 51 bits, each below 2^51 + 2^16, so that the multiplier, which takes 52 bits, takes all.
#[derive(Clone, Copy)]
pub struct Fe(pub [V; 5]);

/// Elements whose limbs have not been carried: a product's are below 2^59, a lifted one's below 2^62, and all of them below 2^63.
#[derive(Clone, Copy)]
pub struct Wide([V; 5]);

/// One element, the same in all lanes.
pub type Constant = [i64; 5];

const LOW: i64 = (1 << 51) - 1;
pub const ZERO: Constant = [0; 5];
pub const ONE: Constant = [1, 0, 0, 0, 0];
/// What keeps a difference of elements above zero: 2p by limbs.
const TWICE_P: Constant = [2 * (LOW - 18), 2 * LOW, 2 * LOW, 2 * LOW, 2 * LOW];
/// What lifts a product: 2^10 p by limbs, each above 2^60, and all of them multiples of four.
const LIFT: Constant = [(LOW - 18) << 10, LOW << 10, LOW << 10, LOW << 10, LOW << 10];
/// A square root of -1.
pub const SQRT_M1: Constant = [
    0x0006_1b27_4a0e_a0b0,
    0x0000_d5a5_fc8f_189d,
    0x0007_ef5e_9cbd_0c60,
    0x0007_8595_a680_4c9e,
    0x0002_b832_4804_fc1d,
];

lanes! {
pub fn splat(number: i64) -> V {
    _mm512_set1_epi64(number)
}

pub fn constant([a, b, c, d, e]: Constant) -> Fe {
    Fe([splat(a), splat(b), splat(c), splat(d), splat(e)])
}

#[expect(unsafe_code, reason = "a load of 64 bytes")]
pub fn load(numbers: &[u64; 8]) -> V {
    // SAFETY: it reads the 64 bytes that `numbers` has, and needs no alignment.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[expect(unsafe_code, reason = "a store of 64 bytes")]
pub fn store(v: V) -> [u64; 8] {
    let mut numbers = [0; 8];
    // SAFETY: it writes the 64 bytes that `numbers` has, and needs no alignment.
    unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), v) };
    numbers
}

fn times_19(a: V) -> V {
    _mm512_add_epi64(_mm512_slli_epi64::<4>(a), _mm512_add_epi64(_mm512_slli_epi64::<1>(a), a))
}

/// Each limb hands what is above 51 bits to the next, the last one to the first, times 19; all at the same time.
pub fn carry(a: Wide) -> Fe {
    let low = |i: usize| _mm512_and_si512(a.0[i], splat(LOW));
    let high = |i: usize| _mm512_srli_epi64::<51>(a.0[i]);
    Fe([
        _mm512_add_epi64(low(0), times_19(high(4))),
        _mm512_add_epi64(low(1), high(0)),
        _mm512_add_epi64(low(2), high(1)),
        _mm512_add_epi64(low(3), high(2)),
        _mm512_add_epi64(low(4), high(3)),
    ])
}

pub fn wide_add(a: &Wide, b: &Wide) -> Wide {
    Wide(from_fn(|i| _mm512_add_epi64(a.0[i], b.0[i])))
}

/// Twice the element, lifted.
pub fn lifted_double(a: &Fe) -> Wide {
    Wide(from_fn(|i| _mm512_add_epi64(_mm512_slli_epi64::<1>(a.0[i]), splat(LIFT[i]))))
}

/// `a` has been lifted.
pub fn wide_sub(a: &Wide, b: &Wide) -> Wide {
    Wide(from_fn(|i| _mm512_sub_epi64(a.0[i], b.0[i])))
}

pub fn add(a: &Fe, b: &Fe) -> Fe {
    carry(Wide(from_fn(|i| _mm512_add_epi64(a.0[i], b.0[i]))))
}

pub fn sub(a: &Fe, b: &Fe) -> Fe {
    carry(Wide(from_fn(|i| _mm512_sub_epi64(_mm512_add_epi64(a.0[i], splat(TWICE_P[i])), b.0[i]))))
}

pub fn negate(a: &Fe) -> Fe {
    sub(&constant(ZERO), a)
}

/// Ten columns of weight 2^(51 k), mod p: 2^255 is 19.
fn fold(columns: [V; 10]) -> Wide {
    Wide(from_fn(|i| _mm512_add_epi64(columns[i], times_19(columns[i + 5]))))
}

fn columns_of_product<const LIFTED: bool>(a: &Fe, b: &Fe) -> Wide {
    let mut upper: [V; 10] = from_fn(|k| splat(if LIFTED && k < 5 { LIFT[k] / 2 } else { 0 }));
    for i in 0..5 {
        for j in 0..5 {
            upper[i + j + 1] = _mm512_madd52hi_epu64(upper[i + j + 1], a.0[i], b.0[j]);
        }
    }
    // What is above 52 bits weighs two of the next column, which is 51 above.
    let mut columns: [V; 10] = from_fn(|k| _mm512_slli_epi64::<1>(upper[k]));
    for i in 0..5 {
        for j in 0..5 {
            columns[i + j] = _mm512_madd52lo_epu64(columns[i + j], a.0[i], b.0[j]);
        }
    }
    fold(columns)
}

fn columns_of_square<const LIFTED: bool>(a: &Fe) -> Wide {
    // Upper halves off the diagonal count four times, their lower halves and the upper halves on it twice.
    let mut four: [V; 10] = from_fn(|k| splat(if LIFTED && k < 5 { LIFT[k] / 4 } else { 0 }));
    for i in 0..5 {
        for j in i + 1..5 {
            four[i + j + 1] = _mm512_madd52hi_epu64(four[i + j + 1], a.0[i], a.0[j]);
        }
    }
    let mut two: [V; 10] = from_fn(|k| _mm512_slli_epi64::<1>(four[k]));
    for i in 0..5 {
        for j in i + 1..5 {
            two[i + j] = _mm512_madd52lo_epu64(two[i + j], a.0[i], a.0[j]);
        }
        two[2 * i + 1] = _mm512_madd52hi_epu64(two[2 * i + 1], a.0[i], a.0[i]);
    }
    let mut columns: [V; 10] = from_fn(|k| _mm512_slli_epi64::<1>(two[k]));
    for i in 0..5 {
        columns[2 * i] = _mm512_madd52lo_epu64(columns[2 * i], a.0[i], a.0[i]);
    }
    fold(columns)
}

pub fn product(a: &Fe, b: &Fe) -> Wide {
    columns_of_product::<false>(a, b)
}

/// The same element with so large limbs that two products can be taken from it.
pub fn lifted_product(a: &Fe, b: &Fe) -> Wide {
    columns_of_product::<true>(a, b)
}

pub fn squared(a: &Fe) -> Wide {
    columns_of_square::<false>(a)
}

/// The same element with so large limbs that two products can be taken from it.
pub fn lifted_squared(a: &Fe) -> Wide {
    columns_of_square::<true>(a)
}

pub fn mul(a: &Fe, b: &Fe) -> Fe {
    carry(product(a, b))
}

pub fn square(a: &Fe) -> Fe {
    carry(squared(a))
}

/// `b` in the lanes whose bit is set, `a` in the others.
pub fn select(bits: Bits, a: &Fe, b: &Fe) -> Fe {
    Fe(from_fn(|i| _mm512_mask_blend_epi64(bits, a.0[i], b.0[i])))
}

/// The limbs of the only form of each element: below p.
fn settle(a: &Fe) -> [V; 5] {
    let low = splat(LOW);
    let mut v = a.0;
    let pass = |v: &mut [V; 5]| {
        for k in 0..4 {
            v[k + 1] = _mm512_add_epi64(v[k + 1], _mm512_srli_epi64::<51>(v[k]));
            v[k] = _mm512_and_si512(v[k], low);
        }
        let top = _mm512_srli_epi64::<51>(v[4]);
        v[4] = _mm512_and_si512(v[4], low);
        top
    };
    let top = pass(&mut v);
    v[0] = _mm512_add_epi64(v[0], times_19(top));
    // One when what is there is p or more, for then 19 more overflow 255 bits.
    let mut over = splat(19);
    for limb in v {
        over = _mm512_srli_epi64::<51>(_mm512_add_epi64(limb, over));
    }
    v[0] = _mm512_add_epi64(v[0], times_19(over));
    pass(&mut v);
    v
}

pub fn zero(a: &Fe) -> Bits {
    let [a, b, c, d, e] = settle(a);
    let any = _mm512_or_si512(_mm512_or_si512(_mm512_or_si512(a, b), _mm512_or_si512(c, d)), e);
    _mm512_testn_epi64_mask(any, any)
}

/// RFC 9496: an element is negative when it is odd.
pub fn negative(a: &Fe) -> Bits {
    _mm512_test_epi64_mask(settle(a)[0], splat(1))
}

pub fn absolute(a: &Fe) -> Fe {
    select(negative(a), a, &negate(a))
}

fn squares(a: [Fe; 2], times: usize) -> [Fe; 2] {
    let mut a = a;
    for _ in 0..times {
        a = [square(&a[0]), square(&a[1])];
    }
    a
}

fn both(a: &[Fe; 2], b: &[Fe; 2]) -> [Fe; 2] {
    [mul(&a[0], &b[0]), mul(&a[1], &b[1])]
}

/// To the 2^250 - 1, and to the 11. Two at the same time: one alone waits for itself.
fn powers(z: &[Fe; 2]) -> ([Fe; 2], [Fe; 2]) {
    // From 2^n - 1 to 2^2n - 1.
    let doubled = |power: [Fe; 2], n| both(&squares(power, n), &power);
    let two = squares(*z, 1);
    let nine = both(&squares(two, 2), z);
    let eleven = both(&nine, &two);
    let five = both(&squares(eleven, 1), &nine);
    let ten = doubled(five, 5);
    let fifty = both(&squares(doubled(doubled(ten, 10), 20), 10), &ten);
    (both(&squares(doubled(doubled(fifty, 50), 100), 50), &fifty), eleven)
}

/// `SQRT_RATIO_M1` of RFC 9496, of two: the root of u / v that is not negative where there is one, else that of i u / v.
pub fn sqrt_ratio(u: &[Fe; 2], v: &[Fe; 2]) -> [(Bits, Fe); 2] {
    let v3 = both(&squares(*v, 1), v);
    let uv3 = both(u, &v3);
    let uv7 = both(&uv3, &both(&v3, v));
    let z = both(&squares(powers(&uv7).0, 2), &uv7);
    let root = both(&uv3, &z);
    let check = both(v, &squares(root, 1));
    let i = constant(SQRT_M1);
    from_fn(|k| {
        let right = zero(&sub(&check[k], &u[k]));
        let opposite = zero(&add(&check[k], &u[k]));
        let turned = zero(&add(&check[k], &mul(&u[k], &i)));
        let root = select(opposite | turned, &root[k], &mul(&root[k], &i));
        (right | opposite, absolute(&root))
    })
}

/// The inverse of each, with one exponentiation for all (Montgomery's trick). Zero stays zero and spoils nobody.
pub fn invert(all: &mut [Fe]) {
    let zeros: Vec<Bits> = all.iter().map(|a| zero(a)).collect();
    let mut product = constant(ONE);
    let mut before = Vec::with_capacity(all.len());
    for (a, zero) in all.iter_mut().zip(&zeros) {
        *a = select(*zero, a, &constant(ONE));
        before.push(product);
        product = mul(&product, a);
    }
    let (power, eleven) = powers(&[product, product]);
    let mut inverse = both(&squares(power, 5), &eleven)[0];
    for ((a, before), zero) in all.iter_mut().zip(before).zip(zeros).rev() {
        let mine = mul(&inverse, &before);
        inverse = mul(&inverse, a);
        *a = select(zero, &mine, &constant(ZERO));
    }
}

/// What these bytes say, whose last bit is left out; lanes that have none are zero. And where they are in the only form, and even.
pub fn read(bytes: &[Bytes]) -> (Fe, Bits) {
    let mut rows = [[0; 8]; 5];
    let mut last = 0;
    for (lane, bytes) in bytes.iter().take(8).enumerate() {
        last |= (bytes[31] >> 7) << lane;
        for (row, (at, shift)) in rows.iter_mut().zip([(0, 0), (6, 3), (12, 6), (19, 1), (24, 12)]) {
            let word: [u8; 8] = from_fn(|n| bytes[at + n]);
            row[lane] = u64::from_le_bytes(word) >> shift & LOW.cast_unsigned();
        }
    }
    let [a, b, c, d, e] = &rows;
    let all = Fe([load(a), load(b), load(c), load(d), load(e)]);
    let settled = settle(&all);
    let mut good = !last & !_mm512_test_epi64_mask(settled[0], splat(1));
    for (one, other) in settled.iter().zip(&all.0) {
        good &= _mm512_cmpeq_epi64_mask(*one, *other);
    }
    (all, good)
}

/// The only form of the first lanes.
pub fn write(a: &Fe, out: &mut [Bytes]) {
    let v = settle(a);
    let [a, b, c, d, e] = [store(v[0]), store(v[1]), store(v[2]), store(v[3]), store(v[4])];
    for (lane, out) in out.iter_mut().take(8).enumerate() {
        let words = [
            a[lane] | b[lane] << 51,
            b[lane] >> 13 | c[lane] << 38,
            c[lane] >> 26 | d[lane] << 25,
            d[lane] >> 39 | e[lane] << 12,
        ];
        for (out, word) in out.chunks_exact_mut(8).zip(words) {
            out.copy_from_slice(&word.to_le_bytes());
        }
    }
}
}
