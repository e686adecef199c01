//! Exact numbers with a point, as papers write them.

use std::fmt;

use hansa_proto::types::v1::Decimal as Wire;
use hansa_vocab::{money, quantity};

/// `value / 10^scale`, with as few decimal places as it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decimal {
    value: i64,
    scale: u32,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { value: 0, scale: 0 };

    /// The number; `None` with more than six decimal places.
    #[must_use]
    pub fn new(value: i64, scale: u32) -> Option<Self> {
        let (mut value, mut scale) = (value, scale);
        while scale > 0 && value % 10 == 0 {
            (value, scale) = (value / 10, scale - 1);
        }
        (scale <= u32::from(quantity::SCALE_MAX)).then_some(Self { value, scale })
    }

    /// Digits with a point, as `xs:decimal` has them; `None` when it is none, or does not fit.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && part.is_empty() {
            return None;
        }
        let part = part.trim_end_matches('0');
        let mut value = 0_i64;
        for digit in whole.bytes().chain(part.bytes()) {
            let digit = char::from(digit).to_digit(10)?;
            value = value.checked_mul(10)?.checked_add(digit.into())?;
        }
        Self::new(sign * value, u32::try_from(part.len()).ok()?)
    }

    /// What the wire says; zero when it says nothing, `None` when it can't be so.
    #[must_use]
    pub fn of(wire: Option<&Wire>) -> Option<Self> {
        wire.map_or(Some(Self::ZERO), |wire| Self::new(wire.value, wire.scale))
    }

    /// An amount in minor units.
    #[must_use]
    pub fn minor_of(amount: i64, currency: &str) -> Self {
        Self::new(amount, money::exponent(currency)).unwrap_or_default()
    }

    /// Minor units of a currency; `None` when it has more places than the currency.
    #[must_use]
    pub fn minor(&self, currency: &str) -> Option<i64> {
        let more = money::exponent(currency).checked_sub(self.scale)?;
        self.value.checked_mul(10_i64.checked_pow(more)?)
    }

    /// As the wire has it.
    #[must_use]
    pub fn wire(&self) -> Wire {
        Wire {
            value: self.value,
            scale: self.scale,
        }
    }

    /// Value and scale.
    #[must_use]
    pub fn parts(&self) -> (i64, u32) {
        (self.value, self.scale)
    }

    /// With at least so many decimal places.
    #[must_use]
    pub fn with_places(&self, places: u32) -> String {
        let text = self.to_string();
        let missing = places.saturating_sub(self.scale);
        let point = if self.scale == 0 && missing > 0 { "." } else { "" };
        format!("{text}{point}{}", "0".repeat(missing.try_into().unwrap_or(0)))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale.try_into().unwrap_or(0);
        let digits = format!("{:0>width$}", self.value.unsigned_abs(), width = scale + 1);
        let (whole, part) = digits.split_at(digits.len() - scale);
        let sign = if self.value < 0 { "-" } else { "" };
        let point = if part.is_empty() { "" } else { "." };
        write!(formatter, "{sign}{whole}{point}{part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_exactly_and_written_in_its_shortest_form() {
        for (text, written) in [
            ("40", "40"),
            ("40.00", "40"),
            ("-0.50", "-0.5"),
            ("+1.5", "1.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0.000001", "0.000001"),
            ("1.0000000", "1"),
            ("007", "7"),
        ] {
            assert_eq!(Decimal::read(text).unwrap().to_string(), written, "{text}");
        }
        for text in [
            "",
            ".",
            "-",
            "1e3",
            "1,5",
            "0.0000001",
            "99999999999999999999",
            "١",
            "--1",
            "1 ",
        ] {
            assert_eq!(Decimal::read(text), None, "{text}");
        }
    }

    #[test]
    fn an_amount_has_no_more_places_than_its_currency() {
        let read = |text: &str| Decimal::read(text).unwrap();
        assert_eq!(read("1.5").minor("EUR"), Some(150));
        assert_eq!(read("1.505").minor("EUR"), None);
        assert_eq!(read("1.505").minor("KWD"), Some(1_505));
        assert_eq!(read("3").minor("JPY"), Some(3));
        assert_eq!(Decimal::minor_of(4_000, "EUR").with_places(2), "40.00");
        assert_eq!(Decimal::minor_of(-5, "EUR").with_places(2), "-0.05");
    }
}
