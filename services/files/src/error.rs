//! Everything that can go wrong with a file, and what a caller is told of it.

use std::time::Duration;

use hansa_vocab::{Fault, Kind};

use crate::model::{BadFile, SIZE_MAX};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that is not taken.
    #[error(transparent)]
    Bad(#[from] BadFile),
    /// More bytes than a file may have.
    #[error("more than {SIZE_MAX} bytes")]
    TooLarge,
    /// Too many files are on their way at one time.
    #[error("too many files at one time")]
    Busy,
    /// The file is not what its reference says.
    #[error("the bytes of a file do not fit together")]
    Damaged,
    /// No random numbers.
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
            Error::Bad(bad) => Self::invalid(bad.field(), bad.to_string()),
            Error::TooLarge => Self::new(
                Kind::Exhausted,
                "TOO_LARGE",
                format!("a file has at most {} MiB", SIZE_MAX >> 20),
            ),
            Error::Busy => Self::new(
                Kind::Unavailable,
                "BUSY",
                "too many files are on their way at one time; try again in a few seconds",
            )
            .retry_after(Duration::from_secs(2)),
            Error::Damaged => {
                tracing::error!("the bytes of a file do not fit together");
                Self::internal()
            }
            Error::Vault(error) => {
                tracing::error!(%error, "no random numbers for a file");
                Self::internal()
            }
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
