//! Scalars, cut into the digits that a multiplication takes.

use zeroize::Zeroizing;

use crate::{
    Bytes,
    field::{Bits, V, lanes, load},
};

/// The digits, from -8 to 8, of eight scalars to the base of 16, the lowest first; wiped when they are dropped.
pub struct Digits {
    sizes: Zeroizing<[[u64; 8]; Digits::COUNT]>,
    minus: Zeroizing<[Bits; Digits::COUNT]>,
}

impl Digits {
    /// Digits of a scalar.
    pub const COUNT: usize = 64;

    /// Of these scalars, each below 2^253; lanes that have none are zero.
    pub fn of(scalars: &[Bytes]) -> Self {
        let mut digits = Self {
            sizes: Zeroizing::new([[0; 8]; Self::COUNT]),
            minus: Zeroizing::new([0; Self::COUNT]),
        };
        for (lane, scalar) in scalars.iter().take(8).enumerate() {
            let mut carry = 0;
            for place in 0..Self::COUNT {
                let digit = u64::from(scalar[place / 2] >> (place % 2 * 4) & 15) + carry;
                // From 8 on, what is missing to 16 is taken away, and the next has one more. No branch: these are secrets.
                carry = (digit + 8) >> 4;
                let taken = carry.wrapping_neg();
                digits.sizes[place][lane] = digit & !taken | (16_u64.wrapping_sub(digit)) & taken;
                digits.minus[place] |= Bits::try_from(carry).unwrap_or_default() << lane;
            }
        }
        digits
    }

    /// The same scalar in all lanes.
    pub fn splat(scalar: &Bytes) -> Self {
        Self::of(&Zeroizing::new([*scalar; 8])[..])
    }
}

lanes! {
/// The digits of one place: how large they are, and which are below zero.
pub fn at(digits: &Digits, place: usize) -> (V, Bits) {
    (load(&digits.sizes[place]), digits.minus[place])
}
}
