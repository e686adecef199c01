//! The shared document without IO: what a party may do with it, and where that leads. The issuer decides by these rules; the
//! others use them to say early what the issuer would refuse.

mod accepting;
pub mod account;
pub mod content;
pub mod customer;
pub mod desk;
pub mod effect;
pub mod face;
pub mod form;
pub mod kind;
mod money;
pub mod print;
pub mod proposal;
mod receipt;
pub mod reference;
pub mod said;
pub mod stock;
pub mod terms;
pub mod timer;
pub mod upgrade;
pub mod version;

use hansa_proto::documents::v1::{Verdict, content::Body};

pub use content::{BadContent, Contents};
use kind::{ActKind, To};
pub use kind::{Kind, Stock};
pub use proposal::{Answered, Proposal};

/// A document as one of its parties sees it.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    /// What it is.
    pub kind: &'a Kind,
    /// The role of who looks at it: the issuer sees all sections.
    pub reader: &'a str,
    /// The newest version; 0 before the first.
    pub version: u64,
    /// The state it is in.
    pub state: &'a str,
    /// What its sections say.
    pub contents: &'a Contents,
}

/// What somebody wants to do.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// What.
    pub act: &'a str,
    /// As whom.
    pub role: &'a str,
    /// The version that they have seen.
    pub base: u64,
    /// What they write.
    pub contents: &'a Contents,
}

/// Why a step does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The document has a newer version.
    #[error("there is a newer version: {0}")]
    Superseded(u64),
    /// The kind has no such act.
    #[error("a document of the kind {kind} has no act {act}")]
    NoSuchAct {
        /// Which kind.
        kind: String,
        /// Which act.
        act: String,
    },
    /// Somebody else does that.
    #[error("only the {by} may do that")]
    NotYours {
        /// Who may.
        by: String,
    },
    /// The document is in another state.
    #[error("the document is {state}")]
    NotNow {
        /// In which one it is.
        state: String,
    },
    /// What its kind asks for first does not hold.
    #[error("what has to hold for {act} does not: {guard}")]
    Guard {
        /// Which act.
        act: String,
        /// What has to hold.
        guard: String,
    },
    /// Not with this partner, or not by this person.
    #[error("{text}")]
    NotAdmitted {
        /// A word that never changes.
        rule: &'static str,
        /// Why.
        text: String,
    },
    /// There is no such proposal, or it is over.
    #[error("there is no such proposal, or it is over")]
    NotOpen,
    /// What is written can't be so.
    #[error(transparent)]
    Content(#[from] BadContent),
}

impl Refusal {
    /// A word that never changes.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Superseded(_) => "SUPERSEDED",
            Self::NoSuchAct { .. } => "NO_SUCH_ACT",
            Self::NotYours { .. } => "NOT_YOURS",
            Self::NotNow { .. } => "NOT_NOW",
            Self::NotOpen => "NOT_OPEN",
            Self::Guard { .. } => "GUARD",
            Self::NotAdmitted { rule, .. } => rule,
            Self::Content(_) => "BAD_CONTENT",
        }
    }
}

impl Document<'_> {
    /// The state that a step leads to.
    ///
    /// # Errors
    ///
    /// [`Refusal`], the first that applies in the order of its list.
    pub fn judge(&self, step: &Step<'_>) -> Result<String, Refusal> {
        if step.base != self.version {
            return Err(Refusal::Superseded(self.version));
        }
        let act = self.kind.acts.get(step.act).ok_or_else(|| Refusal::NoSuchAct {
            kind: self.kind.name.clone(),
            act: step.act.to_owned(),
        })?;
        if !act.by.iter().any(|role| role == step.role) {
            return Err(Refusal::NotYours {
                by: act.by.join(" or "),
            });
        }
        if !act.from.iter().any(|state| state == self.state) {
            return Err(Refusal::NotNow {
                state: self.state.to_owned(),
            });
        }
        let writes = (&*act.writes, &*act.may_write);
        content::check(self.kind, self.reader, writes, step.contents, self.contents)?;
        Ok(leads_to(self, act, step.contents).to_owned())
    }

    /// What this role may do now, or propose.
    #[must_use]
    pub fn open_to(&self, role: &str) -> Vec<&str> {
        let open = self.kind.acts.iter().filter(|(_, act)| {
            act.by.iter().any(|one| one == role) && act.from.iter().any(|state| state == self.state)
        });
        open.map(|(name, _)| name.as_str()).collect()
    }
}

fn leads_to<'a>(document: &Document<'_>, act: &'a ActKind, contents: &Contents) -> &'a str {
    let (accepted, changed, declined) = match &act.to {
        To::State(state) => return state,
        To::Outcome {
            accepted,
            changed,
            declined,
        } => (accepted, changed, declined),
    };
    let lines = said::as_answered(contents, document.contents);
    let said = contents.values().find_map(|content| match &content.body {
        Some(Body::Answers(answers)) => {
            let all = |verdict: Verdict| answers.answers.iter().all(|answer| answer.verdict() == verdict);
            Some((all(Verdict::Accept), all(Verdict::Decline)))
        }
        Some(Body::Receipts(receipts)) => Some(receipt::outcome(receipts, &lines)),
        _ => None,
    });
    match said {
        Some((true, _)) => accepted,
        Some((_, true)) => declined,
        _ => changed,
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tables;
