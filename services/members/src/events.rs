//! What partners tell us of members: that they agree no more.

use hansa_link::{Effect, EffectError, EffectFuture, Heard, HeardFuture, Incoming, Outcome};
use hansa_proto::members::v1::ConsentEnded;
use hansa_tenancy::TenantTx;
use prost::Message as _;

use crate::{Error, Members};

/// Type of the message that says that a member agrees no more; its ordering key is the member's name on the link, and the purpose.
pub const CONSENT_ENDED: &str = "members.consent-ended.v1";

/// Type of the message that says that what was released has changed.
pub const CORRECTED: &str = "members.corrected.v1";

/// Puts what a partner says now in the place of what it has released.
#[derive(Clone, Debug)]
pub struct CorrectedCame(pub Members);

impl Effect for CorrectedCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.corrected_came(tx, incoming).await) })
    }
}

/// Deletes what we hold of a member who agrees no more; and notes when a partner has done so.
#[derive(Clone, Debug)]
pub struct ConsentEndedCame(pub Members);

/// Why a message has no effect.
pub enum Not {
    /// It can't have one; the partner is told.
    Good(&'static str),
    /// It may have one later.
    Now(Error),
}

impl<E: Into<Error>> From<E> for Not {
    fn from(error: E) -> Self {
        Self::Now(error.into())
    }
}

impl Effect for ConsentEndedCame {
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a> {
        Box::pin(async move { outcome(self.0.consent_ended_came(tx, incoming).await) })
    }

    fn heard<'a>(&'a self, tx: &'a mut TenantTx, heard: Heard<'a>) -> Option<HeardFuture<'a>> {
        if !heard.trouble.is_empty() {
            return None;
        }
        let ended = ConsentEnded::decode(heard.message.payload.clone()).ok()?;
        Some(Box::pin(self.0.gone_there(tx, heard.link, ended)))
    }
}

fn outcome(done: Result<(), Not>) -> Result<Outcome, EffectError> {
    match done {
        Ok(()) => Ok(Outcome::Processed),
        Err(Not::Good(reason)) => Ok(Outcome::Refused(reason.to_owned())),
        Err(Not::Now(Error::Sql(error))) => Err(error.into()),
        Err(Not::Now(error)) => Err(EffectError::Broken(error.to_string())),
    }
}
