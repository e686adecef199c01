//! Everything that can go wrong with a thread, and what a caller is told of it.

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
    #[error("id {0} was used for something else")]
    IdReused(Uuid),
    /// Who of ours may write there.
    #[error("on this link these may write: {0}")]
    Contact(String),
    /// What others have said stays as it is.
    #[error("somebody else has said that")]
    NotYours,
    /// A partner has it, and has not sent it yet.
    #[error("the file has not come yet")]
    FilePending,
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
    /// A document.
    #[error(transparent)]
    Documents(#[from] hansa_documents::Error),
    /// A name that stands for a person.
    #[error(transparent)]
    Workflow(#[from] hansa_workflow::Error),
    /// The link to a partner.
    #[error(transparent)]
    Link(#[from] hansa_link::Error),
    /// A key could not be used.
    #[error(transparent)]
    Vault(#[from] hansa_vault::Error),
    /// A colleague.
    #[error(transparent)]
    Directory(#[from] hansa_directory::Error),
    /// A mail.
    #[error(transparent)]
    Egress(#[from] hansa_egress::Error),
    /// A file.
    #[error(transparent)]
    Files(#[from] hansa_files::Error),
    /// A page.
    #[error(transparent)]
    Pages(#[from] hansa_pages::Error),
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
                "this id was used for something else; take a new one",
            )
            .with("id", id),
            Error::Contact(roles) => Self::new(
                Kind::Forbidden,
                "CONTACT_RULE",
                format!("on this link these may write: {roles}"),
            )
            .rule("contact_rule.roles", "an admin of yours".to_owned()),
            Error::NotYours => Self::new(
                Kind::Forbidden,
                "NOT_YOURS",
                "only whoever has said it says it anew, or withdraws it",
            ),
            Error::FilePending => Self::new(
                Kind::Precondition,
                "FILE_PENDING",
                "the file has not come yet: whoever has it is asked again by itself",
            ),
            Error::Damaged(what) => {
                tracing::error!(what, "a row is damaged");
                Self::internal()
            }
            Error::Documents(error) => error.into(),
            Error::Workflow(error) => error.into(),
            Error::Link(error) => error.into(),
            Error::Vault(error) => hansa_link::Error::from(error).into(),
            Error::Directory(error) => error.into(),
            Error::Egress(error) => error.into(),
            Error::Files(error) => error.into(),
            Error::Pages(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
