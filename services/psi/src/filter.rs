//! What the owner hands out: a sorted set of tokens in little room, which says of any token whether it may be in it.
//!
//! Golomb-Rice coded differences of numbers below `n * 2^32`: 33.5 bits a token, and one token in 2^32 that is not in it seems to be.
//! A filter is cut into segments by the first bits of the tokens, so that each can be fetched, read and thrown away by itself.

use crate::Token;

/// A token that is not in a filter seems to be in it once in two to this power.
pub const FALSE_POSITIVE_BITS: u32 = 32;
/// So many tokens stand in a segment, roughly: it fits into one message of the link.
pub const SEGMENT_TARGET: u64 = 1 << 15;
/// The bits of a difference that are written as they are. The mean difference is 2^32; 31 bits make the whole a little shorter than 32.
const RICE: u32 = 31;
/// Most tokens of a segment that is read: four times what a writer puts into one.
const SEGMENT_MAX: u32 = 1 << 17;
const HEAD: usize = 4;

/// Bytes that are no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the segment of the filter is damaged")]
pub struct BadFilter;

/// How many of the first bits of a token say in which segment it stands, for a filter of so many.
#[must_use]
pub fn segment_bits(tokens: u64) -> u32 {
    let segments = tokens.div_ceil(SEGMENT_TARGET).max(1);
    segments.next_power_of_two().trailing_zeros()
}

/// One segment, read: numbers in rising order.
#[derive(Clone, Debug)]
pub struct Segment {
    bits: u32,
    numbers: Vec<u64>,
}

/// A token's place in a segment of so many: a number below `count * 2^32`, in the order of tokens.
fn number(token: u64, bits: u32, count: u32) -> u64 {
    let within = token.checked_shl(bits).unwrap_or(0);
    let range = u128::from(count) << FALSE_POSITIVE_BITS;
    u64::try_from((u128::from(within) * range) >> 64).unwrap_or(u64::MAX)
}

impl Segment {
    /// Writes the tokens of one segment, given by their prefixes in rising order.
    #[must_use]
    pub fn write(prefixes: &[u64], bits: u32) -> Vec<u8> {
        let count = u32::try_from(prefixes.len()).unwrap_or(u32::MAX);
        let mut out = Bits(Vec::with_capacity(HEAD + prefixes.len() * 34 / 8 + 8), 0);
        out.0.extend(count.to_le_bytes());
        let mut before = 0;
        for prefix in prefixes {
            let number = number(*prefix, bits, count);
            let difference = number - before;
            before = number;
            out.unary(difference >> RICE);
            out.low(difference & ((1 << RICE) - 1), RICE);
        }
        out.0
    }

    /// Reads what [`Segment::write`] made.
    ///
    /// # Errors
    ///
    /// [`BadFilter`] when it says more than it holds, or holds more than it says.
    pub fn read(bytes: &[u8], bits: u32) -> Result<Self, BadFilter> {
        let (count, coded) = bytes.split_first_chunk::<HEAD>().ok_or(BadFilter)?;
        let count = u32::from_le_bytes(*count);
        // Each takes 32 bits at least, so that nobody is made to reserve room for what is not there.
        if count > SEGMENT_MAX || u64::from(count) * 4 > coded.len() as u64 {
            return Err(BadFilter);
        }
        let range = u64::from(count) << FALSE_POSITIVE_BITS;
        let mut from = Reader { bytes: coded, bit: 0 };
        let mut numbers = Vec::with_capacity(count as usize);
        let mut before: u64 = 0;
        for _ in 0..count {
            let high = from.unary(range >> RICE)?;
            let low = from.low(RICE)?;
            before = before.checked_add((high << RICE) | low).ok_or(BadFilter)?;
            if before >= range {
                return Err(BadFilter);
            }
            numbers.push(before);
        }
        if from.bit.div_ceil(8) != coded.len() {
            return Err(BadFilter);
        }
        Ok(Self { bits, numbers })
    }

    /// How many stand in it, made-up ones too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Does nothing stand in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// May this token, whose first bits are this segment's, be in it.
    #[must_use]
    pub fn holds(&self, token: Token) -> bool {
        let count = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let number = number(token.prefix(), self.bits, count);
        self.numbers.binary_search(&number).is_ok()
    }
}

/// Bits written from the lowest of each byte on.
struct Bits(Vec<u8>, u32);

impl Bits {
    fn push(&mut self, value: u64, count: u32) {
        let mut left = count;
        let mut value = value;
        while left > 0 {
            if self.1 == 0 {
                self.0.push(0);
            }
            let room = (8 - self.1).min(left);
            let last = self.0.len() - 1;
            self.0[last] |= u8::try_from((value & ((1 << room) - 1)) << self.1).unwrap_or(0);
            self.1 = (self.1 + room) % 8;
            value >>= room;
            left -= room;
        }
    }

    /// As many ones, and a zero.
    fn unary(&mut self, ones: u64) {
        for _ in 0..ones {
            self.push(1, 1);
        }
        self.push(0, 1);
    }

    fn low(&mut self, value: u64, count: u32) {
        self.push(value, count);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    bit: usize,
}

impl Reader<'_> {
    /// At most seven bytes further on.
    fn window(&self) -> u64 {
        let begin = self.bit / 8;
        let mut window = [0; 8];
        let found = self.bytes.get(begin..).unwrap_or_default();
        let length = found.len().min(8);
        window[..length].copy_from_slice(&found[..length]);
        u64::from_le_bytes(window) >> (self.bit % 8)
    }

    fn unary(&mut self, most: u64) -> Result<u64, BadFilter> {
        let mut ones = 0;
        loop {
            let run = self.window().trailing_ones().min(56);
            ones += u64::from(run);
            self.bit += run as usize;
            if ones > most || self.bit >= self.bytes.len() * 8 {
                return Err(BadFilter);
            }
            if run < 56 {
                self.bit += 1;
                return Ok(ones);
            }
        }
    }

    fn low(&mut self, count: u32) -> Result<u64, BadFilter> {
        if self.bit + count as usize > self.bytes.len() * 8 {
            return Err(BadFilter);
        }
        let value = self.window() & ((1 << count) - 1);
        self.bit += count as usize;
        Ok(value)
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
