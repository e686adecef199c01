//! Everything that can go wrong with what leaves the house, and what a caller is told of it.

use hansa_vocab::Fault;

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
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
    /// A secret could not be wrapped or unwrapped.
    #[error(transparent)]
    Vault(#[from] hansa_vault::Error),
    /// Writing down who did what.
    #[error(transparent)]
    Directory(#[from] hansa_directory::Error),
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
            error @ (Error::Vault(_) | Error::Damaged(_)) => {
                tracing::error!(%error, "what was sealed can't be used");
                Self::internal()
            }
            Error::Directory(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
