//! Everything that can go wrong with buying, and what a caller is told of it.

use hansa_documents::KeeperError;
use hansa_vocab::{Fault, Kind};

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
    /// No such thing here.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The requisition is not approved, or not ours to order.
    #[error("requisition {number} is {state}")]
    NotApproved {
        /// Which.
        number: String,
        /// In which state it is.
        state: String,
    },
    /// A line was ordered already.
    #[error("line {line} of {number} is ordered already")]
    Ordered {
        /// Which requisition.
        number: String,
        /// Which line.
        line: String,
        /// The order that it is part of.
        order: uuid::Uuid,
    },
    /// The link to a partner.
    #[error(transparent)]
    Link(#[from] hansa_link::Error),
    /// The partner's refusal.
    #[error("the partner refused")]
    Partner(Box<Fault>),
    /// Documents.
    #[error(transparent)]
    Documents(#[from] hansa_documents::Error),
    /// The database.
    #[error(transparent)]
    Tenancy(#[from] hansa_tenancy::Error),
    /// SQL.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

impl From<KeeperError> for Error {
    fn from(error: KeeperError) -> Self {
        Self::Documents(error.into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Invalid { field, text } => Self::invalid(field, text),
            Error::NotFound(what) => Self::not_found(what),
            Error::NotApproved { .. } => Self::new(Kind::Precondition, "NOT_APPROVED", text),
            Error::Ordered { order, .. } => {
                Self::new(Kind::Precondition, "ALREADY_ORDERED", text).with("order_id", order)
            }
            Error::Link(error) => error.into(),
            Error::Partner(fault) => *fault,
            Error::Documents(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
