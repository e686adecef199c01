//! A step under way: whose turn it is, and what the decisions so far come to.

use std::{fmt, str::FromStr};

use super::flow::Rule;

/// What has become of a person's part in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Others come first.
    Waiting,
    /// It is this one's turn.
    Open,
    /// Agreed.
    Approved,
    /// Refused.
    Rejected,
    /// Sent back to who asks.
    Returned,
    /// Decided without this one.
    Moot,
    /// Told of the decision, and asked nothing.
    Informed,
}

impl Part {
    const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Open,
        Self::Approved,
        Self::Rejected,
        Self::Returned,
        Self::Moot,
        Self::Informed,
    ];

    /// The word in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Moot => "moot",
            Self::Informed => "informed",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Part {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|part| part.as_str() == text).ok_or(())
    }
}

/// What the decisions on a step come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody has still to decide.
    Open,
    /// It is approved.
    Approved,
    /// It is refused.
    Rejected,
    /// It goes back to who asks.
    Returned,
}

/// Whose turn it is when a step begins.
#[must_use]
pub fn begin(rule: Rule, people: usize) -> Vec<Part> {
    let turn = |place: usize| {
        if rule == Rule::InTurn && place > 0 {
            Part::Waiting
        } else {
            Part::Open
        }
    };
    (0..people).map(turn).collect()
}

/// What the parts of those who are asked come to; who is not asked any more becomes moot, and the next one's turn begins.
pub fn settle(rule: Rule, parts: &mut [Part]) -> Standing {
    let count = |wanted: Part| parts.iter().filter(|part| **part == wanted).count();
    let (approved, rejected) = (count(Part::Approved), count(Part::Rejected));
    let left = count(Part::Open) + count(Part::Waiting);
    let standing = if count(Part::Returned) > 0 {
        Standing::Returned
    } else {
        match rule {
            Rule::Any if approved > 0 => Standing::Approved,
            Rule::NOf(many) if approved >= many as usize => Standing::Approved,
            Rule::All | Rule::InTurn if left == 0 && rejected == 0 => Standing::Approved,
            // Too few are left.
            Rule::NOf(many) if approved + left < many as usize => Standing::Rejected,
            Rule::Any | Rule::All | Rule::InTurn if rejected > 0 => Standing::Rejected,
            Rule::Any | Rule::All | Rule::InTurn | Rule::NOf(_) => Standing::Open,
        }
    };
    if standing != Standing::Open {
        for part in parts
            .iter_mut()
            .filter(|part| matches!(part, Part::Open | Part::Waiting))
        {
            *part = Part::Moot;
        }
    } else if !parts.contains(&Part::Open)
        && let Some(next) = parts.iter_mut().find(|part| **part == Part::Waiting)
    {
        *next = Part::Open;
    }
    standing
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets people decide in this order: what the step comes to after each.
    fn run(rule: Rule, people: usize, decisions: &[(usize, Part)]) -> (Vec<Standing>, Vec<Part>) {
        let mut parts = begin(rule, people);
        let standings = decisions.iter().map(|(who, part)| {
            assert_eq!(parts[*who], Part::Open, "{who} is asked");
            parts[*who] = *part;
            settle(rule, &mut parts)
        });
        (standings.collect(), parts)
    }

    #[test]
    fn a_step_is_decided_as_its_rule_says() {
        use Part::{Approved, Moot, Open, Rejected, Returned, Waiting};
        use Standing as Is;
        for (rule, people, decisions, standings, parts) in [
            (
                Rule::Any,
                3,
                vec![(1, Approved)],
                vec![Is::Approved],
                vec![Moot, Approved, Moot],
            ),
            (
                Rule::Any,
                2,
                vec![(0, Rejected)],
                vec![Is::Rejected],
                vec![Rejected, Moot],
            ),
            (
                Rule::All,
                2,
                vec![(1, Approved), (0, Approved)],
                vec![Is::Open, Is::Approved],
                vec![Approved, Approved],
            ),
            (
                Rule::All,
                3,
                vec![(0, Approved), (1, Rejected)],
                vec![Is::Open, Is::Rejected],
                vec![Approved, Rejected, Moot],
            ),
            (
                Rule::InTurn,
                3,
                vec![(0, Approved), (1, Approved)],
                vec![Is::Open, Is::Open],
                vec![Approved, Approved, Open],
            ),
            (
                Rule::InTurn,
                3,
                vec![(0, Returned)],
                vec![Is::Returned],
                vec![Returned, Moot, Moot],
            ),
            (
                Rule::NOf(2),
                3,
                vec![(0, Rejected), (2, Approved), (1, Approved)],
                vec![Is::Open, Is::Open, Is::Approved],
                vec![Rejected, Approved, Approved],
            ),
            (
                Rule::NOf(2),
                3,
                vec![(0, Rejected), (2, Rejected)],
                vec![Is::Open, Is::Rejected],
                vec![Rejected, Moot, Rejected],
            ),
        ] {
            assert_eq!(
                run(rule, people, &decisions),
                (standings, parts),
                "{rule:?} {decisions:?}"
            );
        }
        assert_eq!(begin(Rule::InTurn, 2), [Open, Waiting]);
    }

    #[test]
    fn every_order_of_decisions_ends_and_nobody_is_left_open() {
        for rule in [
            Rule::Any,
            Rule::All,
            Rule::InTurn,
            Rule::NOf(1),
            Rule::NOf(2),
            Rule::NOf(3),
        ] {
            for choice in 0..8_u32 {
                let mut parts = begin(rule, 3);
                let mut standing = Standing::Open;
                while let Some(who) = parts.iter().position(|part| *part == Part::Open) {
                    let approves = choice & (1 << who) != 0;
                    parts[who] = if approves { Part::Approved } else { Part::Rejected };
                    standing = settle(rule, &mut parts);
                }
                assert_ne!(standing, Standing::Open, "{rule:?} {choice:03b}");
                assert!(!parts.contains(&Part::Waiting), "{rule:?} {choice:03b}: {parts:?}");
            }
        }
    }
}
