//! Everything that can go wrong with a page.

use hansa_vocab::{Fault, Kind};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator serves no pages.
    #[error("this node serves no pages")]
    NotServed,
    /// There is nothing behind the address, or not any more: a stranger is not told which.
    #[error("there is nothing behind this address any more")]
    Gone,
    /// As much was done on the page as may be.
    #[error("as much was done on this page as may be")]
    UsedUp,
    /// The link does not let them in.
    #[error("{0}")]
    Refused(Box<Fault>),
    /// An address could not be sealed.
    #[error(transparent)]
    Vault(#[from] hansa_vault::Error),
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
            Error::NotServed => Self::new(
                Kind::Precondition,
                "NO_PAGES",
                "this node serves no pages: its operator has to set HANSA_PAGES_LISTEN and HANSA_PAGES_URL",
            ),
            Error::Gone | Error::UsedUp => Self::not_found("page"),
            Error::Refused(fault) => *fault,
            Error::Vault(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
