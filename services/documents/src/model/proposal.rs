//! Proposals: what counts only when all whom it concerns want it. Every kind has these three acts by itself.

use super::{Document, Refusal, Step};

/// Agrees to a proposal of somebody else.
pub const ACCEPT: &str = "accept";
/// Ends a proposal of somebody else.
pub const REJECT: &str = "reject";
/// Ends one's own.
pub const WITHDRAW: &str = "withdraw";
/// What can be said to a proposal.
pub const ANSWERS: [&str; 3] = [ACCEPT, REJECT, WITHDRAW];

/// A proposal that is open.
#[derive(Clone, Debug)]
pub struct Proposal<'a> {
    /// What is proposed.
    pub step: Step<'a>,
    /// Who wants it besides the one who proposed it.
    pub agreed: &'a [String],
}

/// What an answer to a proposal leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// All want it: it counts, and leads to this state.
    Counts(String),
    /// Somebody has not said anything yet.
    Waits,
    /// It is over, for this reason.
    Ends(&'static str),
}

impl Document<'_> {
    /// Roles, besides the one who proposes it, without whom an act does not count.
    #[must_use]
    pub fn asks(&self, act: &str, role: &str) -> Vec<&str> {
        let act = self.kind.acts.get(act);
        let all = act.into_iter().flat_map(|act| &act.agreed_by);
        all.map(String::as_str).filter(|one| *one != role).collect()
    }

    /// Who has still to say something to a proposal.
    #[must_use]
    pub fn unanswered(&self, proposal: &Proposal<'_>) -> Vec<&str> {
        let asked = self.asks(proposal.step.act, proposal.step.role);
        let open = asked
            .into_iter()
            .filter(|role| !proposal.agreed.iter().any(|one| one == role));
        open.collect()
    }

    /// What the answer of a role to an open proposal leads to.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: the document has moved on, or it is not for this role to say that.
    pub fn answer(&self, proposal: &Proposal<'_>, answer: &str, role: &str, base: u64) -> Result<Answered, Refusal> {
        if base != self.version {
            return Err(Refusal::Superseded(self.version));
        }
        let state = self.judge(&proposal.step)?;
        let open = self.unanswered(proposal);
        let asked = open.contains(&role);
        match answer {
            WITHDRAW if role == proposal.step.role => Ok(Answered::Ends("WITHDRAWN")),
            REJECT if asked => Ok(Answered::Ends("REJECTED")),
            ACCEPT if asked && open.len() == 1 => Ok(Answered::Counts(state)),
            ACCEPT if asked => Ok(Answered::Waits),
            _ => Err(Refusal::NotYours {
                by: match answer {
                    WITHDRAW => proposal.step.role.to_owned(),
                    _ => open.join(" or "),
                },
            }),
        }
    }
}
