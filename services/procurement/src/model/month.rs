//! Months of the calendar, as figures over time name them.

use std::{fmt, str::FromStr};

use time::{Date, OffsetDateTime};

/// A civil month: "2026-11".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i32);

/// It is no month of these centuries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAMonth;

impl Month {
    /// The one of this instant, in UTC.
    #[must_use]
    pub fn of(at: OffsetDateTime) -> Self {
        let day = at.to_offset(time::UtcOffset::UTC).date();
        Self::around(day)
    }

    /// The one of this day.
    #[must_use]
    pub fn around(day: Date) -> Self {
        Self(day.year() * 12 + i32::from(u8::from(day.month())) - 1)
    }

    /// So many months later; earlier with a number below zero.
    #[must_use]
    pub fn plus(self, months: i32) -> Self {
        Self(self.0 + months)
    }

    /// How many months from another one to this.
    #[must_use]
    pub fn since(self, other: Self) -> i32 {
        self.0 - other.0
    }

    /// Its first day.
    #[must_use]
    pub fn begin(self) -> Date {
        let month = u8::try_from(self.0.rem_euclid(12) + 1).unwrap_or(1);
        let month = time::Month::try_from(month).unwrap_or(time::Month::January);
        Date::from_calendar_date(self.0.div_euclid(12), month, 1).unwrap_or(Date::MIN)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let (year, month) = text.split_once('-').ok_or(NotAMonth)?;
        let number = |text: &str, digits| match text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse::<i32>().map_err(|_| NotAMonth),
            false => Err(NotAMonth),
        };
        match (number(year, 4)?, number(month, 2)?) {
            (year @ 1900..=2999, month @ 1..=12) => Ok(Self(year * 12 + month - 1)),
            _ => Err(NotAMonth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_counted_over_the_turn_of_the_year() {
        let month: Month = "2026-11".parse().unwrap();
        assert_eq!(month.plus(2).to_string(), "2027-01");
        assert_eq!(month.plus(-11).to_string(), "2025-12");
        assert_eq!(month.plus(2).since(month), 2);
        assert_eq!(month.begin().to_string(), "2026-11-01");
        for wrong in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "26-11",
            "2026-1",
            "+026-11",
            "2026-11-01",
        ] {
            assert_eq!(wrong.parse::<Month>(), Err(NotAMonth), "{wrong}");
        }
    }
}
