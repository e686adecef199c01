//! Exact amounts: whole numbers at a decimal scale, with a unit. No floats.

use std::{fmt, str::FromStr};

/// Most decimal places.
pub const SCALE_MAX: u8 = 6;
/// "One", a piece.
pub const PIECE: &str = "C62";

/// Why something is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAQuantity {
    /// More than six decimal places.
    #[error("at most 6 decimal places")]
    Scale,
    /// Not a code of UN/ECE Recommendation 20.
    #[error("a unit is a code of UN/ECE Recommendation 20: 2 or 3 of A-Z and 0-9")]
    Unit,
    /// The amount can't be written at the wanted scale, or does not fit.
    #[error("the amount is not a whole number of the article's base unit")]
    Inexact,
    /// Another unit than the article's.
    #[error("the article is counted in another unit")]
    OtherUnit,
    /// Not a number.
    #[error("not a whole number")]
    NotANumber,
}

/// A unit of measure: a code of UN/ECE Recommendation 20.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit([u8; 3]);

impl FromStr for Unit {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let text = if text.is_empty() { PIECE } else { text };
        let fits = matches!(text.len(), 2 | 3)
            && text
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !fits {
            return Err(NotAQuantity::Unit);
        }
        let mut code = [b' '; 3];
        code[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(code))
    }
}

impl Default for Unit {
    /// One piece.
    fn default() -> Self {
        Self(*b"C62")
    }
}

impl Unit {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default().trim_end()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// `value / 10^scale` of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    value: i64,
    scale: u8,
    unit: Unit,
}

impl Quantity {
    /// The amount, checked.
    ///
    /// # Errors
    ///
    /// [`NotAQuantity::Scale`] or [`NotAQuantity::Unit`].
    pub fn new(value: i64, scale: u32, unit: &str) -> Result<Self, NotAQuantity> {
        let scale = u8::try_from(scale)
            .ok()
            .filter(|scale| *scale <= SCALE_MAX)
            .ok_or(NotAQuantity::Scale)?;
        Ok(Self {
            value,
            scale,
            unit: unit.parse()?,
        })
    }

    /// So many `10^-scale` of a unit; `scale` up to 6, more is taken as 6.
    #[must_use]
    pub fn of(value: i64, scale: u8, unit: Unit) -> Self {
        Self {
            value,
            scale: scale.min(SCALE_MAX),
            unit,
        }
    }

    /// The unit.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Digits with a point, as few as it takes.
    #[must_use]
    pub fn digits(&self) -> String {
        let (value, scale) = self.shortest();
        let (sign, scale) = (if value < 0 { "-" } else { "" }, usize::from(scale));
        let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
        let (whole, part) = digits.split_at(digits.len() - scale);
        let point = if part.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{part}")
    }

    /// Value and scale with the fewest decimal places.
    #[must_use]
    pub fn shortest(&self) -> (i64, u8) {
        let (mut value, mut scale) = (self.value, self.scale);
        while scale > 0 && value % 10 == 0 {
            (value, scale) = (value / 10, scale - 1);
        }
        (value, scale)
    }

    /// How many base units this is, when a base unit is `10^-scale` of `unit`; exact or not at all.
    ///
    /// # Errors
    ///
    /// [`NotAQuantity::OtherUnit`] or [`NotAQuantity::Inexact`].
    pub fn base_units(&self, scale: u8, unit: Unit) -> Result<i64, NotAQuantity> {
        if unit != self.unit {
            return Err(NotAQuantity::OtherUnit);
        }
        let factor = |places: u8| 10_i64.checked_pow(u32::from(places)).ok_or(NotAQuantity::Inexact);
        if scale >= self.scale {
            return self
                .value
                .checked_mul(factor(scale - self.scale)?)
                .ok_or(NotAQuantity::Inexact);
        }
        let divisor = factor(self.scale - scale)?;
        if self.value % divisor == 0 {
            Ok(self.value / divisor)
        } else {
            Err(NotAQuantity::Inexact)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_as_few_as_it_takes() {
        let of = |value, scale| Quantity::new(value, scale, "").unwrap().digits();
        assert_eq!(
            [of(3, 0), of(30, 1), of(5, 2), of(-125, 2), of(0, 3)],
            ["3", "3", "0.05", "-1.25", "0"]
        );
    }

    #[test]
    fn base_units_are_exact_or_refused() {
        let kilo: Unit = "KGM".parse().unwrap();
        let of = |value, scale| Quantity::new(value, scale, "KGM").unwrap();
        assert_eq!(of(25, 1).base_units(3, kilo), Ok(2_500));
        assert_eq!(of(2_500, 3).base_units(1, kilo), Ok(25));
        assert_eq!(of(2_501, 3).base_units(1, kilo), Err(NotAQuantity::Inexact));
        assert_eq!(of(i64::MAX, 0).base_units(1, kilo), Err(NotAQuantity::Inexact));
        assert_eq!(
            of(1, 0).base_units(0, PIECE.parse().unwrap()),
            Err(NotAQuantity::OtherUnit)
        );
    }

    #[test]
    fn the_shortest_form_is_the_same_amount() {
        let of = |value, scale| Quantity::new(value, scale, "KGM").unwrap().shortest();
        assert_eq!(of(2_500, 3), (25, 1));
        assert_eq!(of(2_501, 3), (2_501, 3));
        assert_eq!(of(-1_000, 2), (-10, 0));
        assert_eq!(of(0, 6), (0, 0));
    }

    #[test]
    fn a_unit_is_a_short_code() {
        assert_eq!("".parse::<Unit>().unwrap().as_str(), PIECE);
        for text in ["kg", "K", "KGMX", "K-M"] {
            assert_eq!(text.parse::<Unit>(), Err(NotAQuantity::Unit), "{text}");
        }
        assert_eq!(Quantity::new(1, 7, "").unwrap_err(), NotAQuantity::Scale);
    }
}
