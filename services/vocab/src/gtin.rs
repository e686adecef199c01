//! GS1 numbers of goods and places (GS1 General Specifications, sections 2 and 7.9).

use std::{fmt, str::FromStr};

/// A GTIN-8, -12, -13 or -14 with a right check digit, padded to 14 digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gtin([u8; 14]);

/// Why a text is no GTIN. The names never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAGtin {
    /// Something else than digits.
    #[error("a GTIN has digits only")]
    NotDigits,
    /// Not 8, 12, 13 or 14 digits.
    #[error("a GTIN has 8, 12, 13 or 14 digits, this one has {0}")]
    Length(usize),
    /// The last digit does not follow from the others.
    #[error("the check digit is wrong: {found} stands where {expected} belongs")]
    CheckDigit {
        /// What stands there.
        found: u8,
        /// What belongs there.
        expected: u8,
    },
}

impl NotAGtin {
    /// A name that never changes.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotDigits => "NOT_DIGITS",
            Self::Length(_) => "LENGTH",
            Self::CheckDigit { .. } => "CHECK_DIGIT",
        }
    }
}

/// The mod-10 check digit that belongs behind these digits: weights 3, 1, 3, … from the right.
fn check_digit(digits: &[u8]) -> u8 {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 0 { 3 } else { 1 })
        .sum();
    u8::try_from((10 - sum % 10) % 10).unwrap_or_default()
}

fn checked(text: &str, lengths: &[usize]) -> Result<(), NotAGtin> {
    let digits = text.as_bytes();
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(NotAGtin::NotDigits);
    }
    if !lengths.contains(&digits.len()) {
        return Err(NotAGtin::Length(digits.len()));
    }
    let (body, last) = digits.split_at(digits.len() - 1);
    let (found, expected) = (last[0] - b'0', check_digit(body));
    if found == expected {
        Ok(())
    } else {
        Err(NotAGtin::CheckDigit { found, expected })
    }
}

impl FromStr for Gtin {
    type Err = NotAGtin;

    fn from_str(text: &str) -> Result<Self, NotAGtin> {
        let text = text.trim();
        checked(text, &[8, 12, 13, 14])?;
        let mut padded = [b'0'; 14];
        padded[14 - text.len()..].copy_from_slice(text.as_bytes());
        Ok(Self(padded))
    }
}

impl Gtin {
    /// 14 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// A number that means something in one shop or country only (variable measure, store codes): prefixes 02, 04 and 20–29 of a
    /// 13-digit number, and GTIN-8 that begin with 0 or 2. Such a number is never matched between enterprises.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        let digits = &self.0;
        if digits[..6] == *b"000000" {
            return matches!(digits[6], b'0' | b'2');
        }
        digits[0] == b'0' && (digits[1] == b'2' || (digits[1] == b'0' && matches!(digits[2], b'2' | b'4')))
    }
}

impl fmt::Display for Gtin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Gtin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Is this a GLN: 13 digits with a right check digit.
///
/// # Errors
///
/// [`NotAGtin`], whose rules a GLN shares.
pub fn check_gln(text: &str) -> Result<(), NotAGtin> {
    checked(text, &[13])
}

/// Is this an SSCC: 18 digits with a right check digit.
#[must_use]
pub fn is_sscc(text: &str) -> bool {
    checked(text, &[18]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sscc_has_eighteen_digits_and_the_last_one_follows_from_the_others() {
        assert!(is_sscc("340123450000000000"));
        for wrong in [
            "340123450000000001",
            "34012345000000000",
            "3401234500000000000",
            "34012345000000000X",
            "",
        ] {
            assert!(!is_sscc(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_four_lengths_are_one_number() {
        for (printed, stored) in [
            ("96385074", "00000096385074"),
            ("614141007349", "00614141007349"),
            ("6901234567892", "06901234567892"),
            ("10614141007346", "10614141007346"),
        ] {
            assert_eq!(printed.parse::<Gtin>().unwrap().as_str(), stored);
        }
    }

    #[test]
    fn each_wrong_number_is_refused_for_its_own_reason() {
        for (text, reason) in [
            ("", "LENGTH"),
            ("22994", "LENGTH"),
            ("230241210200000799015985", "LENGTH"),
            ("69012345678x2", "NOT_DIGITS"),
            ("6901234567893", "CHECK_DIGIT"),
        ] {
            assert_eq!(text.parse::<Gtin>().map_err(NotAGtin::reason), Err(reason), "{text}");
        }
    }

    #[test]
    fn every_changed_digit_is_found() {
        let right = "6901234567892";
        for place in 0..right.len() {
            for digit in b'0'..=b'9' {
                let mut changed = right.as_bytes().to_vec();
                if changed[place] != digit {
                    changed[place] = digit;
                    assert!(String::from_utf8(changed).unwrap().parse::<Gtin>().is_err());
                }
            }
        }
    }

    #[test]
    fn store_codes_are_restricted_and_goods_are_not() {
        for (text, restricted) in [
            ("2012345678900", true),
            ("0212345678909", true),
            ("0412345678907", true),
            ("212345678909", true),
            ("02345673", true),
            ("6901234567892", false),
            ("0011300006104", false),
            ("96385074", false),
        ] {
            let body = &text[..text.len() - 1];
            let digit = char::from(b'0' + check_digit(body.as_bytes()));
            assert_eq!(
                format!("{body}{digit}").parse::<Gtin>().unwrap().is_restricted(),
                restricted,
                "{text}"
            );
        }
    }
}
