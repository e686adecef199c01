//! Everything that can go wrong with stock, and what a caller is told of it.

use hansa_vocab::{Fault, Kind};
use uuid::Uuid;

use crate::model::State;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Input out of its limits.
    #[error("{field}: {text}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        text: String,
    },
    /// No such thing here, or not for this caller.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Too few units are free; nothing is held.
    #[error("too few units are free")]
    OutOfStock,
    /// The id was used for something else.
    #[error("id {0} was used for another request")]
    IdReused(Uuid),
    /// The caller gave this id up before anything was held.
    #[error("id {0} was given up")]
    IdVoid(Uuid),
    /// It is over already.
    #[error("the reservation is {0}")]
    Ended(State),
    /// Its time was over before it was confirmed.
    #[error("the reservation's time is over")]
    Expired,
    /// Fewer units are there than were promised.
    #[error("fewer units are there than were promised")]
    Short,
    /// The grant does not allow it.
    #[error("the grant of {owner} does not allow it: {rule}")]
    Grant {
        /// Which rule.
        rule: &'static str,
        /// What it says.
        text: String,
        /// Whose grant.
        owner: String,
    },
    /// The link or its grant changed while the call was under way; nothing has happened.
    #[error("the link changed while the call was under way")]
    Stale,
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
    /// The link to a partner.
    #[error(transparent)]
    Link(#[from] hansa_link::Error),
    /// The partner's refusal.
    #[error("the partner refused")]
    Partner(Box<Fault>),
    /// The database.
    #[error(transparent)]
    Tenancy(#[from] hansa_tenancy::Error),
    /// SQL.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { field, text } => Self::invalid(field, text),
            Error::NotFound(what) => Self::not_found(what),
            Error::OutOfStock => Self::new(
                Kind::Precondition,
                "OUT_OF_STOCK",
                "too few units are free for you; nothing is held",
            ),
            Error::IdReused(id) => Self::new(
                Kind::Conflict,
                "ID_REUSED",
                "this id was used for another request; take a new one",
            )
            .with("id", id),
            Error::IdVoid(id) => {
                Self::new(Kind::Precondition, "ID_VOID", "this id was given up; take a new one").with("id", id)
            }
            Error::Ended(state) => Self::new(
                Kind::Precondition,
                "RESERVATION_ENDED",
                format!("the reservation is {state}"),
            )
            .with("state", state),
            Error::Expired => Self::new(
                Kind::Precondition,
                "RESERVATION_EXPIRED",
                "the reservation's time was over before it was confirmed; its units are free again",
            ),
            Error::Short => Self::new(
                Kind::Precondition,
                "SHORT",
                "fewer units are there than were promised: count the stock, or release the reservation",
            ),
            Error::Grant { rule, text, owner } => {
                Self::new(Kind::Forbidden, "GRANT", text).rule(rule, format!("an admin of {owner}"))
            }
            Error::Stale => Self::new(
                Kind::Unavailable,
                "LINK_CHANGED",
                "the link changed just now; nothing has happened, try again",
            )
            .retry_after(std::time::Duration::from_millis(100)),
            Error::Damaged(what) => {
                tracing::error!(what, "a row is damaged");
                Self::internal()
            }
            Error::Link(error) => error.into(),
            Error::Partner(fault) => *fault,
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
