//! Filters as they are handed out and kept: who stands in them, in which segment, and who is made up.

use hansa_psi::{Segment, Token, segment_bits};
use uuid::Uuid;

/// Bytes of an entry: token, and who.
pub const ENTRY: usize = 24;
/// A filter that is handed out holds a multiple of this many tokens, and a change of one a multiple of that many; so that their number
/// says little.
pub const BASE_STEP: usize = 1_024;
pub const CHANGE_STEP: usize = 64;

/// A token, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What stands in the filter.
    pub token: Token,
    /// Twice the member's number, and one more for an address.
    pub who: u64,
}

impl Entry {
    /// Of this member's identifier of this kind.
    #[must_use]
    pub fn new(token: Token, number: i64, kind: &str) -> Self {
        let number = u64::try_from(number).unwrap_or(0);
        Self {
            token,
            who: number << 1 | u64::from(kind == "email"),
        }
    }

    /// The member, and the kind of the identifier.
    #[must_use]
    pub fn whose(&self) -> (i64, &'static str) {
        let kind = if self.who & 1 == 1 { "email" } else { "phone" };
        (i64::try_from(self.who >> 1).unwrap_or(0), kind)
    }

    /// Entries as they were kept.
    pub fn read(bytes: &[u8]) -> impl Iterator<Item = Self> + '_ {
        bytes.chunks_exact(ENTRY).map(|one| Self {
            token: Token(std::array::from_fn(|place| one[place])),
            who: u64::from_be_bytes(std::array::from_fn(|place| one[16 + place])),
        })
    }
}

/// Entries as they are kept.
#[must_use]
pub fn written(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY);
    for entry in entries {
        bytes.extend(entry.token.0);
        bytes.extend(entry.who.to_be_bytes());
    }
    bytes
}

/// How many made-up tokens go with so many.
#[must_use]
pub fn padding(tokens: usize, step: usize) -> usize {
    tokens.max(1).next_multiple_of(step) - tokens
}

/// A segment, ready to be kept.
#[derive(Clone, Debug)]
pub struct Cut {
    /// As it is handed out.
    pub body: Vec<u8>,
    /// Who stands in it.
    pub entries: Vec<u8>,
}

/// Cuts a filter into segments: entries by token, and made-up prefixes. Its bits, and one segment after the other.
pub fn cut(entries: &[Entry], made_up: &mut [u64]) -> (u32, impl Iterator<Item = Cut>) {
    made_up.sort_unstable();
    let bits = segment_bits((entries.len() + made_up.len()) as u64);
    let segment = move |prefix: u64| prefix.checked_shr(64 - bits).unwrap_or(0);
    let (mut left, mut others) = (entries, &*made_up);
    let cuts = (0..1_u64 << bits).map(move |number| {
        let here = left.partition_point(|entry| segment(entry.token.prefix()) <= number);
        let there = others.partition_point(|prefix| segment(*prefix) <= number);
        let (mine, rest) = left.split_at(here);
        let (theirs, other) = others.split_at(there);
        (left, others) = (rest, other);
        let mut prefixes: Vec<u64> = mine.iter().map(|entry| entry.token.prefix()).collect();
        prefixes.extend(theirs);
        prefixes.sort_unstable();
        Cut {
            body: Segment::write(&prefixes, bits),
            entries: written(mine),
        }
    });
    (bits, cuts)
}

/// The segment of a base filter in which a token stands, and how far along in it, from 0 to 1.
#[must_use]
pub fn place(token: Token, bits: u32) -> (i32, f64) {
    let prefix = token.prefix();
    let number = prefix.checked_shr(64 - bits).unwrap_or(0);
    let within = prefix.checked_shl(bits).unwrap_or(0);
    (i32::try_from(number).unwrap_or(0), within as f64 / 2_f64.powi(64))
}

/// A token as the database has it.
#[must_use]
pub fn uuid(token: Token) -> Uuid {
    Uuid::from_bytes(token.0)
}

/// One change of a filter: who is in it no more, and who is in it now.
#[derive(Debug)]
pub struct Changed {
    /// From 1.
    pub sequence: i32,
    /// In no more.
    pub left: Segment,
    /// In now.
    pub joined: Segment,
}

/// May a token be in a filter, given its base and what has changed since; `gone` = the owner has said that it is not, when its filter had
/// that sequence.
pub fn holds(token: Token, base: Option<&Segment>, changes: &[Changed], gone: Option<i32>) -> bool {
    let mut inside = gone.is_none() && base.is_some_and(|base| base.holds(token));
    for change in changes
        .iter()
        .filter(|change| gone.is_none_or(|gone| change.sequence > gone))
    {
        inside &= !change.left.holds(token);
        inside |= change.joined.holds(token);
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens that look like chance, the same each time.
    fn entries(count: u64) -> Vec<Entry> {
        let token = |one: u64| {
            Token(std::array::from_fn(|place| {
                hansa_vault::sha256(&[&one.to_be_bytes()])[place]
            }))
        };
        let mut all: Vec<_> = (0..count)
            .map(|one| {
                Entry::new(
                    token(one),
                    i64::try_from(one).unwrap(),
                    if one % 2 == 0 { "phone" } else { "email" },
                )
            })
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn whoever_is_cut_into_segments_is_found_again_where_the_token_says() {
        let entries = entries(70_000);
        let made_up = padding(entries.len(), BASE_STEP);
        assert_eq!((entries.len() + made_up) % BASE_STEP, 0);
        let mut prefixes: Vec<u64> = (0..made_up as u64)
            .map(|one| one.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .collect();
        let (bits, cuts) = cut(&entries, &mut prefixes);
        let cuts: Vec<_> = cuts.collect();
        assert_eq!((bits, cuts.len()), (2, 4));
        let mut tokens = 0;
        for (number, cut) in cuts.iter().enumerate() {
            let segment = Segment::read(&cut.body, bits).unwrap();
            tokens += segment.len();
            let here: Vec<_> = Entry::read(&cut.entries).collect();
            for (nth, entry) in here.iter().enumerate() {
                let (segment_number, along) = place(entry.token, bits);
                assert_eq!(usize::try_from(segment_number).unwrap(), number);
                assert!((along * here.len() as f64 - nth as f64).abs() < 512.0, "{along} {nth}");
                assert!(segment.holds(entry.token));
            }
        }
        assert_eq!(tokens, entries.len() + made_up);
        let all: Vec<_> = cuts.iter().flat_map(|cut| Entry::read(&cut.entries)).collect();
        assert_eq!(all, entries);
        assert_eq!(Entry::new(entries[0].token, 21, "email").whose(), (21, "email"));
    }

    #[test]
    fn an_empty_filter_is_padded_as_any_other() {
        assert_eq!(
            [0, 1, 1_024, 1_025].map(|count| padding(count, BASE_STEP)),
            [1_024, 1_023, 0, 1_023]
        );
    }

    #[test]
    fn who_has_left_is_out_until_a_later_change_brings_them_in() {
        let all = entries(3);
        let segment = |some: &[Entry]| {
            let prefixes: Vec<_> = some.iter().map(|entry| entry.token.prefix()).collect();
            Segment::read(&Segment::write(&prefixes, 0), 0).unwrap()
        };
        let base = segment(&all[..2]);
        let change = |sequence, left: &[Entry], joined: &[Entry]| Changed {
            sequence,
            left: segment(left),
            joined: segment(joined),
        };
        let changes = [change(1, &all[..1], &all[2..]), change(2, &[], &all[..1])];
        let inside = |who: usize, changes: &[Changed], gone| holds(all[who].token, Some(&base), changes, gone);
        assert_eq!([0, 1, 2].map(|who| inside(who, &[], None)), [true, true, false]);
        assert_eq!(
            [0, 1, 2].map(|who| inside(who, &changes[..1], None)),
            [false, true, true]
        );
        assert_eq!([0, 1, 2].map(|who| inside(who, &changes, None)), [true, true, true]);
        // Taken back at once, before any change says so; a change from before that does not bring them in.
        assert!(!inside(1, &changes, Some(0)));
        assert!(inside(0, &changes, Some(1)) && !inside(0, &changes, Some(2)));
    }
}
