//! Everything that can go wrong on the way to a tenant's rows.

use std::time::Duration;

use hansa_vocab::{Fault, Kind, TenantId};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there.
    #[error("no such tenant")]
    NoSuchTenant,
    /// There, but not served now.
    #[error("tenant {tenant} is {state}")]
    NotServed {
        /// Which tenant.
        tenant: TenantId,
        /// What it is instead of active.
        state: &'static str,
    },
    /// The database did not answer, or has no connection to give.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The transaction is older than it may be; nothing of it has happened.
    #[error("the transaction took longer than its deadline and was rolled back")]
    TooLate,
    /// A text holds a NUL, which PostgreSQL keeps in none.
    #[error("a text holds a NUL character")]
    Nul,
    /// A statement failed.
    #[error("a statement failed")]
    Sql(#[source] sqlx::Error),
    /// The database is set up so that it would lose or leak data.
    #[error("the database is not safe to use: {0}")]
    Unsafe(String),
    /// The registry holds what no code of ours wrote.
    #[error("the registry is damaged: {0}")]
    Damaged(String),
    /// Setting up or migrating went wrong.
    #[error("{0}")]
    Setup(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_) => Self::Unavailable(error.to_string()),
            sqlx::Error::Database(trouble) => match trouble.code().as_deref() {
                // connection trouble, resources, shutdown, lock or statement time-out, read-only, serialisation
                Some(code)
                    if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                        || ["25006", "25P03", "55P03", "40001", "40P01"].contains(&code) =>
                {
                    Self::Unavailable(trouble.message().to_owned())
                }
                // It has looked at what the caller said, and at nothing else.
                Some("22021" | "22P05") => Self::Nul,
                _ => Self::Sql(error),
            },
            _ => Self::Sql(error),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchTenant => Self::not_found("enterprise"),
            Error::NotServed { state, .. } => Self::new(
                Kind::Precondition,
                "TENANT_NOT_SERVED",
                format!("this enterprise is {state} on this node"),
            )
            .rule("tenant.state", "the operator of this node"),
            Error::Unavailable(text) => {
                tracing::warn!(text, "the database is not available");
                Self::new(
                    Kind::Unavailable,
                    "DATABASE_UNAVAILABLE",
                    "the node's database does not answer; nothing was changed",
                )
                .retry_after(Duration::from_secs(1))
            }
            Error::Nul => Self::new(
                Kind::Invalid,
                "INVALID_ARGUMENT",
                "a text holds a NUL character (U+0000); leave it out",
            ),
            Error::TooLate => Self::new(
                Kind::Unavailable,
                "TOO_LATE",
                "it took too long and was undone; try again",
            )
            .retry_after(Duration::from_secs(1)),
            other => {
                tracing::error!(error = &other as &dyn std::error::Error, "tenancy failed");
                Self::internal()
            }
        }
    }
}
