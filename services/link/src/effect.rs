//! What a domain does with a message from a partner: the trait it fills in, in the transaction that writes the message down.

use std::{collections::HashMap, fmt, future::Future, pin::Pin, sync::Arc};

use hansa_proto::link::v1::Message;
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;

pub use crate::model::inbox::Outcome;

/// A message that has come.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// On which link.
    pub link: LinkId,
    /// What it says.
    pub message: &'a Message,
}

/// Why an effect came to no decision. What an effect decides for business reasons is an [`Outcome`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum EffectError {
    /// It may go well the next time: the whole batch comes again.
    #[error("not now: {0}")]
    Transient(String),
    /// It will not go well by itself: the message is parked.
    #[error("{0}")]
    Broken(String),
}

impl From<sqlx::Error> for EffectError {
    fn from(error: sqlx::Error) -> Self {
        // Classes of SQLSTATE: connection, rollback, resources, locks, operator, system.
        const TRANSIENT: [&str; 6] = ["08", "40", "53", "55", "57", "58"];
        match error.as_database_error().and_then(sqlx::error::DatabaseError::code) {
            Some(code) if !TRANSIENT.iter().any(|class| code.starts_with(class)) => Self::Broken(error.to_string()),
            _ => Self::Transient(error.to_string()),
        }
    }
}

/// What an effect comes to.
pub type EffectFuture<'a> = Pin<Box<dyn Future<Output = Result<Outcome, EffectError>> + Send + 'a>>;

/// What the partner has made of a message of ours.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// On which link.
    pub link: LinkId,
    /// What it said.
    pub message: &'a Message,
    /// Why it has had no effect there, or not yet; empty when it has.
    pub trouble: &'a str,
}

/// What noting an answer comes to.
pub type HeardFuture<'a> = Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'a>>;

/// Applies messages of one type. Called again with the same message only when its transaction was undone.
pub trait Effect: Send + Sync {
    /// Does it, in this transaction alone.
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, incoming: Incoming<'a>) -> EffectFuture<'a>;

    /// Notes what the partner has made of one that we have sent, in the transaction that keeps its receipt; `None` when that
    /// interests nobody.
    fn heard<'a>(&'a self, _tx: &'a mut TenantTx, _heard: Heard<'a>) -> Option<HeardFuture<'a>> {
        None
    }
}

/// Which effect a type of message has.
#[derive(Clone, Default)]
pub struct Effects(HashMap<&'static str, Arc<dyn Effect>>);

impl Effects {
    /// Messages of this type have this effect.
    #[must_use]
    pub fn with(mut self, kind: &'static str, effect: impl Effect + 'static) -> Self {
        self.0.insert(kind, Arc::new(effect));
        self
    }

    /// The effect of a type; none when nobody here knows it.
    #[must_use]
    pub fn of(&self, kind: &str) -> Option<Arc<dyn Effect>> {
        self.0.get(kind).cloned()
    }
}

impl fmt::Debug for Effects {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
