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

/// Somebody's part, and whether a colleague has added them: those have to agree whatever the rule says of the others.
pub type Asked = (Part, bool);

/// What the parts of those whom the rule is about come to.
fn judge(rule: Rule, parts: &[Part]) -> Standing {
    let count = |wanted: Part| parts.iter().filter(|part| **part == wanted).count();
    let (approved, rejected) = (count(Part::Approved), count(Part::Rejected));
    let left = count(Part::Open) + count(Part::Waiting);
    if count(Part::Returned) > 0 {
        return Standing::Returned;
    }
    match rule {
        Rule::Any if approved > 0 => Standing::Approved,
        Rule::NOf(many) if approved >= many as usize => Standing::Approved,
        Rule::All | Rule::InTurn if left == 0 && rejected == 0 => Standing::Approved,
        // Too few are left.
        Rule::NOf(many) if approved + left < many as usize => Standing::Rejected,
        Rule::Any | Rule::All | Rule::InTurn if rejected > 0 => Standing::Rejected,
        Rule::Any | Rule::All | Rule::InTurn | Rule::NOf(_) => Standing::Open,
    }
}

/// What the parts of those who are asked come to; who is not asked any more becomes moot, and the next one's turn begins.
pub fn settle(rule: Rule, asked: &mut [Asked]) -> Standing {
    let some = |added: bool| asked.iter().filter(move |one| one.1 == added).map(|one| one.0);
    let by_rule = judge(rule, &some(false).collect::<Vec<_>>());
    let by_added = judge(Rule::All, &some(true).collect::<Vec<_>>());
    let standing = match (by_rule, by_added) {
        (Standing::Approved, other) | (other, Standing::Approved) => other,
        (Standing::Returned, _) | (_, Standing::Returned) => Standing::Returned,
        (Standing::Rejected, _) | (_, Standing::Rejected) => Standing::Rejected,
        (Standing::Open, Standing::Open) => Standing::Open,
    };
    for (part, added) in asked.iter_mut() {
        let decided = standing != Standing::Open || (!*added && by_rule != Standing::Open);
        if decided && matches!(part, Part::Open | Part::Waiting) {
            *part = Part::Moot;
        }
    }
    let open = |one: &&mut Asked| !one.1 && one.0 == Part::Open;
    if asked.iter_mut().find(open).is_none()
        && let Some(next) = asked.iter_mut().find(|one| one.0 == Part::Waiting)
    {
        next.0 = Part::Open;
    }
    standing
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets people decide in this order: what the step comes to after each. The last `added` of them were added by a colleague.
    fn run(rule: Rule, people: usize, added: usize, decisions: &[(usize, Part)]) -> (Vec<Standing>, Vec<Part>) {
        let asked = begin(rule, people).into_iter().map(|part| (part, false));
        let mut asked: Vec<_> = asked.chain(vec![(Part::Open, true); added]).collect();
        let standings = decisions.iter().map(|(who, part)| {
            assert_eq!(asked[*who].0, Part::Open, "{who} is asked");
            asked[*who].0 = *part;
            settle(rule, &mut asked)
        });
        (standings.collect(), asked.into_iter().map(|one| one.0).collect())
    }

    #[test]
    fn who_was_added_has_to_agree_whatever_the_rule_says_of_the_others() {
        use Part::{Approved, Moot, Open, Rejected, Waiting};
        use Standing as Is;
        for (rule, decisions, standings, parts) in [
            (
                Rule::Any,
                vec![(1, Approved), (2, Approved)],
                vec![Is::Open, Is::Approved],
                vec![Moot, Approved, Approved],
            ),
            (
                Rule::Any,
                vec![(2, Approved), (0, Approved)],
                vec![Is::Open, Is::Approved],
                vec![Approved, Moot, Approved],
            ),
            (
                Rule::Any,
                vec![(2, Rejected)],
                vec![Is::Rejected],
                vec![Moot, Moot, Rejected],
            ),
            (
                Rule::Any,
                vec![(0, Rejected)],
                vec![Is::Rejected],
                vec![Rejected, Moot, Moot],
            ),
            (
                Rule::NOf(1),
                vec![(0, Approved)],
                vec![Is::Open],
                vec![Approved, Moot, Open],
            ),
            (
                Rule::InTurn,
                vec![(2, Approved)],
                vec![Is::Open],
                vec![Open, Waiting, Approved],
            ),
            (
                Rule::InTurn,
                vec![(0, Approved)],
                vec![Is::Open],
                vec![Approved, Open, Open],
            ),
        ] {
            assert_eq!(
                run(rule, 2, 1, &decisions),
                (standings, parts),
                "{rule:?} {decisions:?}"
            );
        }
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
                run(rule, people, 0, &decisions),
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
                for added in [None, Some(2)] {
                    let parts = begin(rule, 3).into_iter().enumerate();
                    let mut asked: Vec<_> = parts.map(|(who, part)| (part, Some(who) == added)).collect();
                    let mut standing = Standing::Open;
                    while let Some(who) = asked.iter().position(|one| one.0 == Part::Open) {
                        let approves = choice & (1 << who) != 0;
                        asked[who].0 = if approves { Part::Approved } else { Part::Rejected };
                        standing = settle(rule, &mut asked);
                    }
                    assert_ne!(standing, Standing::Open, "{rule:?} {choice:03b}");
                    assert!(
                        asked.iter().all(|one| one.0 != Part::Waiting),
                        "{rule:?} {choice:03b}: {asked:?}"
                    );
                }
            }
        }
    }
}
