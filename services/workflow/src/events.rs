//! What partners tell us of approvals: questions to our people, answers to ours, and that a question is over.

use hansa_link::{Effect, EffectError, EffectFuture, Incoming, Outcome};
use hansa_tenancy::TenantTx;

use crate::{Error, Workflow};

/// Type of the message that asks a partner's people.
pub const ASKED: &str = "workflow.asked.v1";
/// Type of the message that says what they have decided.
pub const DECIDED: &str = "workflow.decided.v1";
/// Type of the message that says that nobody needs to decide any more.
pub const OVER: &str = "workflow.over.v1";

/// Asks our people what a partner wants to know.
#[derive(Clone, Debug)]
pub struct AskedCame(pub Workflow);

/// Takes down what a partner's people have decided.
#[derive(Clone, Debug)]
pub struct DecidedCame(pub Workflow);

/// Notes that a partner needs no answer any more.
#[derive(Clone, Debug)]
pub struct OverCame(pub Workflow);

impl Effect for AskedCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.asked_came(tx, incoming).await) })
    }
}

impl Effect for DecidedCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.decided_came(tx, incoming).await) })
    }
}

impl Effect for OverCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.over_came(tx, incoming).await) })
    }
}

/// Why a message has no effect: a word for its sender, or a trouble of ours.
pub(crate) enum Not {
    Good(&'static str),
    Now(Error),
}

impl<E: Into<Error>> From<E> for Not {
    fn from(error: E) -> Self {
        Self::Now(error.into())
    }
}

fn outcome(done: Result<(), Not>) -> Result<Outcome, EffectError> {
    match done {
        Ok(()) => Ok(Outcome::Processed),
        Err(Not::Good(reason)) => Ok(Outcome::Refused(reason.to_owned())),
        Err(Not::Now(Error::Sql(error))) => Err(error.into()),
        // What is approved can't be done just now, e.g. because whom it concerns can't be told: people see it, and try it again.
        Err(Not::Now(error @ (Error::Subject(_) | Error::Damaged(_)))) => Err(EffectError::Broken(error.to_string())),
        Err(Not::Now(error)) => Err(EffectError::Transient(error.to_string())),
    }
}
