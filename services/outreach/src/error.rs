//! Everything that can go wrong when people are asked, enrolled and written to. No text holds anything personal.

use std::time::Duration;

use hansa_vocab::{Fault, Kind};
use uuid::Uuid;

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
    /// The id was used for something else.
    #[error("id {0} was used for another request")]
    IdReused(Uuid),
    /// The grant does not allow it.
    #[error("the grant of {owner} does not allow it: {text}")]
    Grant {
        /// What it says.
        text: String,
        /// Whose grant.
        owner: String,
    },
    /// As many people as may be were enrolled.
    #[error("as many people as may be were enrolled")]
    DayLimit,
    /// The way has ended.
    #[error("the way has ended")]
    Ended,
    /// Nobody has said when members are left alone.
    #[error("nobody has said when members are left alone")]
    NoCourtesy,
    /// The link or its grant changed while the call was under way; nothing has happened.
    #[error("the link changed while the call was under way")]
    Stale,
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
    /// Members.
    #[error(transparent)]
    Members(#[from] hansa_members::Error),
    /// Coupons and points.
    #[error(transparent)]
    Loyalty(#[from] hansa_loyalty::Error),
    /// Pages.
    #[error(transparent)]
    Pages(#[from] hansa_pages::Error),
    /// Mails.
    #[error(transparent)]
    Egress(#[from] hansa_egress::Error),
    /// The link to a partner.
    #[error(transparent)]
    Link(#[from] hansa_link::Error),
    /// The partner's refusal.
    #[error("the partner refused")]
    Partner(Box<Fault>),
    /// Keys.
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
            Error::Invalid { field, text } => Self::invalid(field, text),
            Error::NotFound(what) => Self::not_found(what),
            Error::IdReused(id) => Self::new(
                Kind::Conflict,
                "ID_REUSED",
                "this id was used for another request; take a new one",
            )
            .with("id", id),
            Error::Grant { text, owner } => {
                Self::new(Kind::Forbidden, "GRANT", text).rule("grant.people", format!("an admin of {owner}"))
            }
            Error::DayLimit => Self::new(
                Kind::Exhausted,
                "DAY_LIMIT",
                "as many people as may be were enrolled; try again later",
            )
            .retry_after(Duration::from_secs(3_600)),
            Error::Ended => Self::new(Kind::Precondition, "ENDED", "nobody enrols by this way any more"),
            Error::NoCourtesy => Self::new(
                Kind::Precondition,
                "NO_COURTESY",
                "say first when members of this pool are left alone, and how many messages they get at most: the owner does, with PutCourtesy",
            ),
            Error::Stale => Self::new(
                Kind::Unavailable,
                "LINK_CHANGED",
                "the link changed just now; nothing has happened, try again",
            )
            .retry_after(Duration::from_millis(100)),
            Error::Damaged(what) => {
                tracing::error!(what, "a row is damaged");
                Self::internal()
            }
            Error::Members(error) => error.into(),
            Error::Loyalty(error) => error.into(),
            Error::Pages(error) => error.into(),
            Error::Egress(error) => error.into(),
            Error::Link(error) => error.into(),
            Error::Partner(fault) => *fault,
            Error::Vault(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
