//! What partners tell us of apps: what they offer, what they answer, and that it is over.

use hansa_link::{Effect, EffectError, EffectFuture, Incoming, Outcome};
use hansa_tenancy::TenantTx;

use crate::{Apps, Error};

/// Type of the message that offers an app, or its next version.
pub const OFFER: &str = "apps.offer.v1";
/// Type of the message that answers it.
pub const ANSWER: &str = "apps.answer.v1";
/// Type of the message that ends a share.
pub const ENDED: &str = "apps.ended.v1";

/// Takes down what a partner offers.
#[derive(Clone, Debug)]
pub struct OfferCame(pub Apps);

/// Takes down what a partner answers.
#[derive(Clone, Debug)]
pub struct AnswerCame(pub Apps);

/// Takes down that a partner has ended a share.
#[derive(Clone, Debug)]
pub struct EndedCame(pub Apps);

impl Effect for OfferCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.offer_came(tx, incoming).await) })
    }
}

impl Effect for AnswerCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.answer_came(tx, incoming).await) })
    }
}

impl Effect for EndedCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.ended_came(tx, incoming).await) })
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
