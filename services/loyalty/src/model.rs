//! What coupons, points and bookings are; rules that need no database and no clock.

use hansa_vocab::money::half_up;
use time::{Date, Month, OffsetDateTime};
use uuid::Uuid;

use crate::Error;

/// Coupons and members of one call, and rows of a page.
pub const PAGE_MAX: usize = 1_000;
/// Coupons of a kind, unless it says less.
pub const ISSUED_MAX: i64 = 10_000_000;
/// Points of one booking, and of an account.
pub const POINTS_MAX: i64 = 1_000_000_000;
/// Amounts, in minor units.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Longest time after which unused points are gone.
pub const IDLE_DAYS_MAX: u32 = 3_650;
/// A booking is reversed within so many days, or not at all.
pub const REVERSED_WITHIN_DAYS: i64 = 90;
/// Characters of a reference, and of a reason.
pub const REFERENCE_MAX: usize = 80;
/// Characters of a benefit.
pub const BENEFIT_MAX: usize = 120;
/// Without the letters that are taken for others: Crockford's base 32.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code: 80 bits.
const CODE_LENGTH: usize = 16;

macro_rules! states {
    ($($variant:ident = $text:literal,)+) => {
        /// What has become of a booking.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum State { $($variant,)+ }

        impl State {
            /// As it stands in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Reads it.
            ///
            /// # Errors
            ///
            /// [`Error::Damaged`].
            pub fn read(text: &str) -> Result<Self, Error> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(Error::Damaged("booking")) }
            }
        }
    };
}

states! {
    Unknown = "unknown",
    Held = "held",
    Confirmed = "confirmed",
    Voided = "voided",
    Expired = "expired",
    Reversed = "reversed",
}

impl State {
    /// Goes on to this state. True when it is there already.
    ///
    /// # Errors
    ///
    /// [`Error::HoldExpired`] or [`Error::Ended`]: it can't.
    pub fn step(self, next: Self, over: bool) -> Result<bool, Error> {
        match (self, next) {
            (one, other) if one == other => Ok(true),
            // Given back is given back, whoever was first.
            (Self::Expired, Self::Voided) => Ok(true),
            (Self::Held, Self::Confirmed) if over => Err(Error::HoldExpired),
            (Self::Expired, Self::Confirmed) => Err(Error::HoldExpired),
            (Self::Held, Self::Confirmed | Self::Voided | Self::Expired) | (Self::Confirmed, Self::Reversed) => {
                Ok(false)
            }
            (state, _) => Err(Error::Ended(state)),
        }
    }
}

/// What is taken off a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Off {
    /// Minor units; 0 = the other.
    pub amount: i64,
    /// Thousandths.
    pub permille: i64,
    /// At most so much of thousandths; 0 = no limit.
    pub discount_max: i64,
    /// The basket is worth so much at least.
    pub basket_min: i64,
    /// What the issuer pays of it, thousandths.
    pub issuer_permille: i64,
}

impl Off {
    /// What the customer pays less for a basket, and what the issuer pays of that.
    ///
    /// # Errors
    ///
    /// [`Error::Basket`] when the basket is too small.
    pub fn of(self, basket: i64) -> Result<(i64, i64), Error> {
        if basket < self.basket_min {
            return Err(Error::Basket(format!(
                "the basket must be worth {} minor units at least",
                self.basket_min
            )));
        }
        let off = match self.amount {
            0 => i64::try_from(half_up(i128::from(basket) * i128::from(self.permille), 1_000)).unwrap_or(basket),
            amount => amount,
        };
        let most = if self.amount == 0 && self.discount_max > 0 {
            self.discount_max
        } else {
            basket
        };
        let discount = off.min(most).min(basket);
        let funded = half_up(i128::from(discount) * i128::from(self.issuer_permille), 1_000);
        Ok((discount, i64::try_from(funded).unwrap_or(discount)))
    }
}

/// What so many points are worth, in minor units.
#[must_use]
pub fn worth(points: i64, of_a_thousand: i64) -> i64 {
    i64::try_from(half_up(i128::from(points) * i128::from(of_a_thousand), 1_000)).unwrap_or(i64::MAX)
}

/// The code of a coupon, from 80 bits that nobody can guess.
#[must_use]
pub fn code(secret: Uuid) -> String {
    let bits = u128::from_be_bytes(secret.into_bytes()) >> 48;
    let letter = |place: usize| {
        let shift = 5 * (CODE_LENGTH - 1 - place);
        char::from(LETTERS[usize::try_from((bits >> shift) & 31).unwrap_or(0)])
    };
    (0..CODE_LENGTH).map(letter).collect()
}

/// A code as people type it: spaces, dashes and small letters do not matter, nor does O for 0 and I or L for 1.
#[must_use]
pub fn typed(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(CODE_LENGTH);
    for one in text.chars().filter(|one| !matches!(one, ' ' | '-')) {
        let one = match one.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        if plain.len() == CODE_LENGTH || !one.is_ascii() || !LETTERS.contains(&u8::try_from(one).ok()?) {
            return None;
        }
        plain.push(one);
    }
    (plain.len() == CODE_LENGTH).then_some(plain)
}

/// A month, from its first instant to that of the next, in UTC.
///
/// # Errors
///
/// [`Error::Invalid`].
pub fn month(text: &str) -> Result<(OffsetDateTime, OffsetDateTime), Error> {
    let read = || {
        let (year, month) = text.split_once('-')?;
        if year.len() != 4 || month.len() != 2 {
            return None;
        }
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        let first = Date::from_calendar_date(year.parse().ok()?, month, 1).ok()?;
        let year = first.year() + i32::from(month == Month::December);
        let next = Date::from_calendar_date(year, month.next(), 1).ok()?;
        Some((first.midnight().assume_utc(), next.midnight().assume_utc()))
    };
    read().ok_or_else(|| Error::Invalid {
        field: "month",
        text: "a month is YYYY-MM".to_owned(),
    })
}

/// A text of people's: no control characters, and not too long.
///
/// # Errors
///
/// [`Error::Invalid`] naming the field.
pub fn text(field: &'static str, text: &str, least: usize, most: usize) -> Result<String, Error> {
    let length = text.chars().count();
    if (least..=most).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Error::Invalid {
        field,
        text: format!("{least} to {most} characters, none of them a control character"),
    })
}

/// A code of ISO 4217.
///
/// # Errors
///
/// [`Error::Invalid`].
pub fn currency(text: &str) -> Result<String, Error> {
    if text.len() == 3 && text.bytes().all(|one| one.is_ascii_uppercase()) {
        return Ok(text.to_owned());
    }
    Err(Error::Invalid {
        field: "currency",
        text: "a code of ISO 4217, such as EUR".to_owned(),
    })
}

/// A whole number within its limits.
///
/// # Errors
///
/// [`Error::Invalid`] naming the field.
pub fn within(field: &'static str, number: impl TryInto<i64>, least: i64, most: i64) -> Result<i64, Error> {
    let number = number.try_into().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| Error::Invalid {
        field,
        text: format!("{least} to {most}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discount_is_never_more_than_the_basket_and_its_funding_never_more_than_it() {
        let fixed = Off {
            amount: 1_000,
            permille: 0,
            discount_max: 0,
            basket_min: 500,
            issuer_permille: 600,
        };
        assert_eq!(fixed.of(5_000).unwrap(), (1_000, 600));
        assert_eq!(fixed.of(700).unwrap(), (700, 420), "no more than the basket");
        assert!(fixed.of(499).is_err(), "below the least");
        let part = Off {
            amount: 0,
            permille: 155,
            discount_max: 800,
            basket_min: 0,
            issuer_permille: 1_000,
        };
        assert_eq!(part.of(1_010).unwrap(), (157, 157), "156.55 is 157");
        assert_eq!(part.of(100_000).unwrap(), (800, 800), "no more than the most");
        let unbounded = Off {
            discount_max: 0,
            ..part
        };
        assert_eq!(unbounded.of(100_000).unwrap().0, 15_500);
    }

    #[test]
    fn points_are_worth_what_the_program_says() {
        assert_eq!(worth(1_000, 500), 500);
        assert_eq!(worth(1, 500), 1, "half a unit is one");
        assert_eq!(worth(0, 500), 0);
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = code(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        assert_eq!(code, "04HMASW9NF6YY093");
        assert_eq!(typed("04hm-asw9 nf6y-y093").as_deref(), Some(&*code));
        assert_eq!(typed("O4HMASW9NF6YYO93").as_deref(), Some(&*code));
        for bad in [
            "",
            "04HMASW9NF6YY09",
            "04HMASW9NF6YY0933",
            "04HMASW9NF6YY09U",
            "04HMASW9NF6YY09é",
        ] {
            assert_eq!(typed(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let (first, next) = month("2026-12").unwrap();
        assert_eq!(first.date().to_string(), "2026-12-01");
        assert_eq!(next, month("2027-01").unwrap().0);
        for bad in ["", "2026", "2026-13", "2026-1", "26-01", "2026-00"] {
            assert!(month(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_has_ended_does_not_begin_again() {
        use State::{Confirmed, Expired, Held, Reversed, Voided};
        for (state, next, over, done) in [
            (Held, Confirmed, false, Some(false)),
            (Held, Confirmed, true, None),
            (Confirmed, Confirmed, true, Some(true)),
            (Held, Voided, true, Some(false)),
            (Expired, Voided, true, Some(true)),
            (Expired, Confirmed, true, None),
            (Voided, Confirmed, false, None),
            (Confirmed, Voided, false, None),
            (Confirmed, Reversed, false, Some(false)),
            (Reversed, Confirmed, false, None),
            (Reversed, Reversed, false, Some(true)),
            (Voided, Reversed, false, None),
        ] {
            assert_eq!(state.step(next, over).ok(), done, "{state:?} to {next:?}");
        }
    }
}
