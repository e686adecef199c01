//! Everything that can go wrong with what leaves the house, and what a caller is told of it.

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
    /// This enterprise has no issuer.
    #[error("no issuer")]
    NoIssuer,
    /// Nobody of ours went there, or it is long ago.
    #[error("nobody went to an issuer from here")]
    NoErrand,
    /// The issuer does not vouch for anybody; why, for whoever runs it.
    #[error("the issuer does not vouch for anybody: {0}")]
    Unvouched(String),
    /// More begin than we ask an issuer for.
    #[error("too many sign in at one time")]
    TooManyBegin,
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
            Error::NoIssuer => Self::new(
                Kind::NotFound,
                "NO_ISSUER",
                "this enterprise has no sign-in of its own: use a name and a password",
            ),
            Error::NoErrand => Self::new(
                Kind::Unauthenticated,
                "NO_ERRAND",
                "nobody went to sign in from this browser, or it took longer than ten minutes: begin again",
            ),
            Error::Unvouched(why) => {
                tracing::warn!(why, "an issuer does not vouch for anybody");
                Self::new(
                    Kind::Unavailable,
                    "UNVOUCHED",
                    "your enterprise's own sign-in has not let you in, or can't be reached: try again, or ask whoever runs it",
                )
            }
            Error::TooManyBegin => Self::new(Kind::Exhausted, "TOO_MANY_TRIES", "too many sign in: wait a moment")
                .retry_after(std::time::Duration::from_secs(5)),
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
