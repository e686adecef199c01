//! Everything that can go wrong with keys.

use hansa_vocab::Fault;

/// What went wrong. No variant holds key material.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The master key file could not be read or made.
    #[error("master key file {path}: {text}")]
    MasterFile {
        /// Which file.
        path: String,
        /// What is wrong with it, and what to do.
        text: String,
    },
    /// A wrapped key does not open: another master key, or damaged bytes.
    #[error("a stored key does not open; is this the master key it was made with?")]
    Unwrap,
    /// The tenant has no keys yet.
    #[error("the tenant has no {0} key")]
    Missing(&'static str),
    /// The random source or the cipher failed.
    #[error("the cryptographic library failed")]
    Library,
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
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
            other => {
                tracing::error!(error = %other, "a key could not be used");
                Self::internal()
            }
        }
    }
}
