//! What time does with a document: how long a state may take, who is reminded before that, and what comes by itself after it.

use time::{Duration, OffsetDateTime};

use super::kind::{Kind, StateKind};

/// Reminders in one state.
const REMINDS_MAX: usize = 5;

/// What is due in a state by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// So many reminders were to be sent by now.
    pub reminders: usize,
    /// The time is over.
    pub over: bool,
    /// When something is due next.
    pub next: Option<OffsetDateTime>,
}

impl StateKind {
    /// How long it may take until somebody acts.
    #[must_use]
    pub fn within(&self) -> Option<Duration> {
        duration(self.within.as_deref()?)
    }

    fn reminds(&self) -> Option<Vec<Duration>> {
        self.remind.iter().map(|text| duration(text)).collect()
    }

    /// What is due by now of a document that is in this state since then.
    #[must_use]
    pub fn due(&self, since: OffsetDateTime, now: OffsetDateTime) -> Due {
        let reminds = self.reminds().unwrap_or_default();
        let end = self.within().map(|within| since + within);
        let over = end.is_some_and(|end| end <= now);
        let next = reminds.iter().map(|after| since + *after).find(|at| *at > now);
        Due {
            reminders: reminds.iter().filter(|after| since + **after <= now).count(),
            over,
            // Whoever is too late is reminded no more.
            next: if over { None } else { next.into_iter().chain(end).min() },
        }
    }

    /// Whether its times fit together, and with the kind.
    pub(super) fn check_time(&self, name: &str, kind: &Kind) -> Result<(), String> {
        if self.within.is_some() && (self.within().is_none() || self.waits_for.is_none()) {
            return Err(format!(
                "{name}: within is days or hours such as P3D or PT4H, where somebody has to act"
            ));
        }
        let reminds = self
            .reminds()
            .ok_or_else(|| format!("{name}: remind is days or hours such as P3D or PT4H"))?;
        let rise = reminds.windows(2).all(|pair| pair[0] < pair[1]);
        let before = self
            .within()
            .is_none_or(|within| reminds.iter().all(|after| *after < within));
        if reminds.len() > REMINDS_MAX || !rise || !before || (self.waits_for.is_none() && !reminds.is_empty()) {
            return Err(format!(
                "{name}: whoever has to act is reminded {REMINDS_MAX} times at most, later each time, and before their time is over"
            ));
        }
        let Some(late) = &self.late else { return Ok(()) };
        let act = kind
            .acts
            .get(late)
            .ok_or_else(|| format!("{name}: there is no act {late}"))?;
        let itself =
            act.by.iter().any(|role| role == kind.issuer()) && act.agreed_by.is_empty() && act.writes.is_empty();
        let now = self.within.is_some() && act.from.iter().any(|from| from == name);
        match itself && now {
            true => Ok(()),
            false => Err(format!(
                "{name}: what comes when its time is over is an act of the {}'s alone, from here, that writes nothing",
                kind.issuer()
            )),
        }
    }
}

/// Days or hours, at least one, at most ten years.
fn duration(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P')?;
    let (digits, unit) = match rest.strip_prefix('T') {
        Some(hours) => (hours.strip_suffix('H')?, Duration::HOUR),
        None => (rest.strip_suffix('D')?, Duration::DAY),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let many: i32 = digits
        .parse()
        .ok()
        .filter(|many| plain && (1..=87_600).contains(many))?;
    Some(unit * many).filter(|long| *long <= Duration::days(3_650))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(within: Option<&str>, remind: &[&str]) -> StateKind {
        StateKind {
            waits_for: Some("buyer".to_owned()),
            within: within.map(str::to_owned),
            remind: remind.iter().map(|text| (*text).to_owned()).collect(),
            ..StateKind::default()
        }
    }

    #[test]
    fn a_state_reminds_before_its_time_is_over_and_not_after() {
        let (since, hour) = (OffsetDateTime::UNIX_EPOCH, Duration::HOUR);
        let state = state(Some("P3D"), &["P1D", "PT48H"]);
        let at = |hours: i32| state.due(since, since + hour * hours);
        let due = |reminders, over, next: Option<i32>| Due {
            reminders,
            over,
            next: next.map(|hours| since + hour * hours),
        };
        for (hours, expected) in [
            (0, due(0, false, Some(24))),
            (23, due(0, false, Some(24))),
            (24, due(1, false, Some(48))),
            (48, due(2, false, Some(72))),
            (71, due(2, false, Some(72))),
            (72, due(2, true, None)),
            (90, due(2, true, None)),
        ] {
            assert_eq!(at(hours), expected, "{hours}");
        }
        assert_eq!(StateKind::default().due(since, since), due(0, false, None));
    }

    #[test]
    fn times_that_do_not_fit_are_refused() {
        let kind = Kind::read(include_str!("../../kinds/order.json")).unwrap();
        let checked = |state: &StateKind| state.check_time("issued", &kind);
        assert!(checked(&state(Some("P3D"), &["P1D", "P2D"])).is_ok());
        assert!(checked(&state(None, &["P1D"])).is_ok());
        for (within, remind) in [
            (Some("3D"), [].as_slice()),
            (Some("P3D"), &["1D"]),
            (Some("P3D"), &["P3D"]),
            (Some("P3D"), &["P2D", "P1D"]),
            (Some("P9D"), &["P1D", "P2D", "P3D", "P4D", "P5D", "P6D"]),
            (Some("PT0H"), &[]),
            (Some("P4000D"), &[]),
        ] {
            assert!(checked(&state(within, remind)).is_err(), "{within:?} {remind:?}");
        }
        let nobody = StateKind {
            waits_for: None,
            ..state(None, &["P1D"])
        };
        assert!(checked(&nobody).is_err());
        let late = |act: &str, within| StateKind {
            late: Some(act.to_owned()),
            ..state(within, &[])
        };
        // The buyer is the issuer: it changes by itself what it may change alone, and writes nothing.
        assert!(checked(&late("withdraw_order", Some("P3D"))).is_err(), "there is none");
        let fits = kind.acts.iter().find(|(_, act)| {
            act.by == ["buyer"]
                && act.agreed_by.is_empty()
                && act.writes.is_empty()
                && act.from.contains(&"issued".to_owned())
        });
        let (fits, _) = fits.unwrap();
        assert!(checked(&late(fits, Some("P3D"))).is_ok());
        assert!(checked(&late(fits, None)).is_err(), "never");
        assert!(checked(&late("answer", Some("P3D"))).is_err(), "the seller's");
    }
}
