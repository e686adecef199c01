//! What partners tell us of threads: what they say, what has its place, what has none, and how far they have read.

use hansa_link::{Effect, EffectError, EffectFuture, Incoming, Outcome};
use hansa_tenancy::TenantTx;

use crate::{Conversations, Error};

/// Type of the message that brings an entry to whoever counts.
pub const SAID: &str = "conversations.said.v1";
/// Type of the message that tells the others of an entry with its place.
pub const PLACED: &str = "conversations.placed.v1";
/// Type of the message that says that an entry gets no place.
pub const NOT_PLACED: &str = "conversations.not_placed.v1";
/// Type of the message that says how far somebody has read.
pub const READ: &str = "conversations.read.v1";

/// Gives what a partner says its place.
#[derive(Clone, Debug)]
pub struct SaidCame(pub Conversations);

/// Takes an entry with its place.
#[derive(Clone, Debug)]
pub struct PlacedCame(pub Conversations);

/// Notes that an entry of ours gets no place.
#[derive(Clone, Debug)]
pub struct NotPlacedCame(pub Conversations);

/// Notes how far a partner has read.
#[derive(Clone, Debug)]
pub struct ReadCame(pub Conversations);

impl Effect for SaidCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.said_came(tx, incoming).await) })
    }
}

impl Effect for PlacedCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.placed_came(tx, incoming).await) })
    }
}

impl Effect for NotPlacedCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.not_placed_came(tx, incoming).await) })
    }
}

impl Effect for ReadCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.read_came(tx, incoming).await) })
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
        Err(Not::Now(Error::Damaged(what))) => Err(EffectError::Broken(format!("a row of {what} is damaged"))),
        Err(Not::Now(error)) => Err(EffectError::Transient(error.to_string())),
    }
}
