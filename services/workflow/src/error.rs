//! Everything that can go wrong with an approval, and what a caller is told of it.

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
    /// No such thing here, or not for this caller.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It is over.
    #[error("the request is {0}")]
    Over(String),
    /// Somebody else decides.
    #[error("you are not asked")]
    NotAsked,
    /// One's own request.
    #[error("nobody decides on a request of their own")]
    Own,
    /// The id was used for something else.
    #[error("decision {0} was used for something else")]
    IdReused(uuid::Uuid),
    /// What is approved can't be done.
    #[error(transparent)]
    Subject(#[from] SubjectFault),
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
    /// A link to a partner.
    #[error(transparent)]
    Link(#[from] hansa_link::Error),
    /// A key could not be used.
    #[error(transparent)]
    Vault(#[from] hansa_vault::Error),
    /// The directory.
    #[error(transparent)]
    Directory(#[from] hansa_directory::Error),
    /// The database.
    #[error(transparent)]
    Tenancy(#[from] hansa_tenancy::Error),
    /// SQL.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

/// What the room that knows the subject says.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.text)]
pub struct SubjectFault(pub Fault);

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { field, text } => Self::invalid(field, text),
            Error::NotFound(what) => Self::not_found(what),
            Error::Over(state) => Self::new(Kind::Precondition, "NOT_OPEN", format!("the request is {state}")),
            Error::NotAsked => Self::new(Kind::Forbidden, "NOT_ASKED", "somebody else decides on this step"),
            Error::Own => Self::new(
                Kind::Forbidden,
                "OWN_REQUEST",
                "nobody decides on a request of their own, also not in somebody's place",
            ),
            Error::IdReused(id) => Self::new(
                Kind::Conflict,
                "ID_REUSED",
                "this id was used for something else; take a new one",
            )
            .with("id", id),
            Error::Subject(SubjectFault(fault)) => fault,
            Error::Damaged(what) => {
                tracing::error!(what, "a row is damaged");
                Self::internal()
            }
            Error::Link(error) => error.into(),
            Error::Vault(error) => error.into(),
            Error::Directory(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
