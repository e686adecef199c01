//! When people are left alone.

use jiff::{Timestamp, ToSpan as _, civil::Time, tz::TimeZone};
use time::OffsetDateTime;

use super::invalid;
use crate::Error;

/// Quiet hours of a pool, in its zone: from one minute of the day until another; the same = none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Courtesy {
    /// IANA.
    pub zone: String,
    /// Minute of the day.
    pub quiet_from: i16,
    /// Minute of the day.
    pub quiet_until: i16,
    /// Most messages of all partners to one member,
    pub messages_max: i32,
    /// in so many days.
    pub within_days: i32,
}

/// A minute of the day, from HH:MM.
///
/// # Errors
///
/// [`Error::Invalid`].
pub fn minute(field: &'static str, text: &str) -> Result<i16, Error> {
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (i16, i16) = (hour.parse().ok()?, minute.parse().ok()?);
        ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some(hour * 60 + minute)
    };
    read().ok_or_else(|| invalid(field, "HH:MM"))
}

/// HH:MM.
#[must_use]
pub fn clock(minute: i16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

impl Courtesy {
    /// Looks at it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming what is wrong.
    pub fn check(&self) -> Result<(), Error> {
        TimeZone::get(&self.zone).map_err(|_| invalid("zone", "a zone of IANA, such as Asia/Shanghai"))?;
        if !(1..=100).contains(&self.messages_max) || !(1..=365).contains(&self.within_days) {
            return Err(invalid("messages_max", "1 to 100 messages in 1 to 365 days"));
        }
        Ok(())
    }

    /// When a mail may go out: now, or when the quiet hours are over.
    #[must_use]
    pub fn next(&self, now: OffsetDateTime) -> OffsetDateTime {
        self.quiet_end(now).unwrap_or(now)
    }

    fn quiet_end(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let zone = TimeZone::get(&self.zone).ok()?;
        let here = Timestamp::from_second(now.unix_timestamp()).ok()?.to_zoned(zone);
        let minute = i16::from(here.hour()) * 60 + i16::from(here.minute());
        let (from, until) = (self.quiet_from, self.quiet_until);
        let (quiet, tomorrow) = if from <= until {
            ((from..until).contains(&minute), false)
        } else {
            (minute >= from || minute < until, minute >= from)
        };
        if !quiet {
            return None;
        }
        let day = here.date().checked_add(i64::from(tomorrow).days()).ok()?;
        let hour = |minute: i16| i8::try_from(minute).unwrap_or(0);
        let end = day.to_datetime(Time::new(hour(until / 60), hour(until % 60), 0, 0).ok()?);
        let end = end.to_zoned(here.time_zone().clone()).ok()?;
        OffsetDateTime::from_unix_timestamp(end.timestamp().as_second()).ok()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn courtesy(zone: &str, quiet_from: i16, quiet_until: i16) -> Courtesy {
        Courtesy {
            zone: zone.to_owned(),
            quiet_from,
            quiet_until,
            messages_max: 4,
            within_days: 30,
        }
    }

    #[test]
    fn nobody_is_written_to_at_night_where_they_live() {
        let shanghai = courtesy("Asia/Shanghai", 1_200, 480);
        for (now, next) in [
            // 12:00 there.
            (datetime!(2026-11-27 04:00 UTC), datetime!(2026-11-27 04:00 UTC)),
            // 19:59, and 20:00.
            (datetime!(2026-11-27 11:59 UTC), datetime!(2026-11-27 11:59 UTC)),
            (datetime!(2026-11-27 12:00 UTC), datetime!(2026-11-28 00:00 UTC)),
            // 7:59 in the morning.
            (datetime!(2026-11-27 23:59 UTC), datetime!(2026-11-28 00:00 UTC)),
        ] {
            assert_eq!(shanghai.next(now), next, "{now}");
        }
    }

    #[test]
    fn an_hour_that_is_not_there_is_over_an_hour_later() {
        // On 2026-03-29 clocks in Berlin go from 2:00 to 3:00.
        let berlin = courtesy("Europe/Berlin", 0, 150);
        assert_eq!(
            berlin.next(datetime!(2026-03-29 00:30 UTC)),
            datetime!(2026-03-29 01:30 UTC)
        );
        // And on 2026-10-25 from 3:00 to 2:00: the night is an hour longer.
        let late = courtesy("Europe/Berlin", 0, 240);
        assert_eq!(
            late.next(datetime!(2026-10-24 22:30 UTC)),
            datetime!(2026-10-25 03:00 UTC)
        );
    }

    #[test]
    fn no_quiet_hours_are_none_and_a_zone_is_one_of_ianas() {
        let none = courtesy("UTC", 480, 480);
        let now = datetime!(2026-11-27 08:00 UTC);
        assert_eq!(none.next(now), now);
        assert!(none.check().is_ok());
        assert!(courtesy("Atlantis", 0, 0).check().is_err());
        assert_eq!(minute("quiet_from", "23:59").unwrap(), 1_439);
        assert_eq!(clock(1_439), "23:59");
        for bad in ["", "24:00", "8", "08:60", "-1:00"] {
            assert!(minute("quiet_from", bad).is_err(), "{bad}");
        }
    }
}
