//! What documents of a kind are about: which ones, in which state, and how much of their lines.

use serde::{Deserialize, Serialize};

use super::kind::{Holds, Kind};

/// Which document a kind is about.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Its kind.
    pub kind: String,
    /// The states in which it can be referred to.
    #[serde(rename = "in")]
    pub states: Vec<String>,
    /// It need not be about any, and its lines need not be about any line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// What the lines of all that are about one come to at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<AtMost>,
}

/// What lines come to at most: a closed list, for which code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AtMost {
    /// What has come in of the line that they are about.
    Received,
    /// What has not come in of it, of all that was sent.
    Missing,
}

impl Kind {
    /// Documents of this kind are about another one, and so are their lines.
    #[must_use]
    pub fn must_refer(&self) -> bool {
        self.refers_to.as_ref().is_some_and(|reference| !reference.optional)
    }

    /// It has come to nothing, or to nothing yet that others see: what it says binds nobody.
    #[must_use]
    pub fn is_nothing(&self, state: &str) -> bool {
        let known = self.states.get(state);
        let means = known.is_some_and(|state| !state.end || !state.stock.is_empty() || state.account.is_some());
        state == self.begins || !means
    }

    /// What is wrong with what its documents are about.
    pub(super) fn check_references(&self) -> Result<(), String> {
        if (self.refers_to.is_some() || !self.evidence.is_empty()) && self.section(Holds::Head).is_none() {
            return Err("refers_to: the reference stands in a head".to_owned());
        }
        let bounded = self.refers_to.iter().chain(&self.evidence);
        let bounded = bounded.filter(|reference| reference.at_most.is_some()).count();
        if bounded > 0 && self.section(Holds::Lines).is_none() {
            return Err("at_most: it is about lines, and there are none".to_owned());
        }
        Ok(())
    }
}
