//! What a state means for the account between the parties, and who compares it with what was ordered and has come.

use serde::{Deserialize, Serialize};

use super::kind::{Holds, Kind};

/// How a document stands in the account between its parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// Something is to be paid, or to be set off.
    Open,
    /// That is done.
    Settled,
}

/// Who compares a document with what was ordered and received, and what they do when all of it fits.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// Whose node.
    pub by: String,
    /// Their act, which writes nothing.
    pub then: String,
}

impl Matching {
    /// What comes of it when all fits is an act of theirs from there that writes nothing.
    pub(super) fn check(&self, state: &str, kind: &Kind) -> Result<(), String> {
        let act = kind.acts.get(&self.then).filter(|act| {
            act.by.contains(&self.by) && act.writes.is_empty() && act.from.iter().any(|from| from == state)
        });
        let lines = kind
            .section(Holds::Lines)
            .is_some_and(|lines| kind.sees(&self.by, lines));
        match act.is_some_and(|act| act.agreed_by.is_empty()) && lines && kind.refers_to.is_some() {
            true => Ok(()),
            false => Err(format!(
                "{state}: match: an act of the {}'s from here that writes nothing, of a kind with lines that is about another",
                self.by
            )),
        }
    }
}
