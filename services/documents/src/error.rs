//! Everything that can go wrong with a document, and what a caller is told of it.

use hansa_vocab::{Fault, Kind, Quantity};

use crate::{keeper::KeeperError, model::Refusal};

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
    /// What was to be done does not count.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The partner's grant has no documents of this kind.
    #[error("{owner} takes no documents of the kind {kind}")]
    Grant {
        /// Which kind.
        kind: String,
        /// Whose grant.
        owner: String,
    },
    /// Too few units are free for a line.
    #[error("line {line}: too few units are free")]
    Short {
        /// Which line.
        line: String,
        /// So many are.
        free: Quantity,
    },
    /// What orders may come to together by an agreement is drawn.
    #[error("{number} has {left} left of what orders may come to")]
    Drawn {
        /// Which agreement.
        number: String,
        /// An amount, with its currency.
        left: String,
    },
    /// The caller's role may only ask, and nobody is there to be asked.
    #[error("{act} of the kind {kind} has no flow")]
    NoFlow {
        /// Which kind.
        kind: String,
        /// Which act.
        act: String,
    },
    /// Its partner has not sent it yet.
    #[error("the file is not here yet")]
    FilePending,
    /// A paper breaks a rule.
    #[error(transparent)]
    Paper(#[from] hansa_trade::Wrong),
    /// A paper names somebody whom nobody has named.
    #[error("nobody is known as {party}")]
    UnknownParty {
        /// Scheme and identifier.
        party: String,
    },
    /// The number of a paper was used for another one.
    #[error("a paper {paper} {id} was taken already, and it said something else")]
    PaperReused {
        /// Which paper.
        paper: &'static str,
        /// Its number.
        id: String,
    },
    /// The id was used for something else.
    #[error("id {0} was used for something else")]
    IdReused(uuid::Uuid),
    /// Not at this moment.
    #[error("{0}")]
    Now(String),
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
    /// The link to a partner.
    #[error(transparent)]
    Link(#[from] hansa_link::Error),
    /// A file.
    #[error(transparent)]
    Files(#[from] hansa_files::Error),
    /// A page for a guest.
    #[error(transparent)]
    Pages(#[from] hansa_pages::Error),
    /// A mail to a guest.
    #[error(transparent)]
    Egress(#[from] hansa_egress::Error),
    /// An approval.
    #[error(transparent)]
    Workflow(#[from] hansa_workflow::Error),
    /// A key could not be used.
    #[error(transparent)]
    Vault(#[from] hansa_vault::Error),
    /// The database.
    #[error(transparent)]
    Tenancy(#[from] hansa_tenancy::Error),
    /// SQL.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

impl Error {
    /// It will be no better another time: somebody has to decide.
    #[must_use]
    pub fn is_for_good(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Short { .. }
                | Self::Drawn { .. }
                | Self::Invalid { .. }
                | Self::NotFound(_)
                | Self::Grant { .. }
                | Self::Paper(_)
                | Self::Link(_)
        )
    }
}

impl From<KeeperError> for Error {
    fn from(error: KeeperError) -> Self {
        match error {
            KeeperError::Invalid { field, text } => Self::Invalid { field, text },
            KeeperError::Sql(error) => Self::Sql(error),
            KeeperError::Damaged(what) => Self::Damaged(what),
            KeeperError::Short { line, free } => Self::Short { line, free },
            KeeperError::Drawn { number, left } => Self::Drawn { number, left },
            KeeperError::Now(text) => Self::Now(text),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { field, text } => Self::invalid(field, text),
            Error::NotFound(what) => Self::not_found(what),
            Error::Refused(Refusal::Content(bad)) => Self::invalid(bad.field, bad.text),
            Error::Refused(refusal) => {
                let kind = match refusal {
                    Refusal::NotYours { .. } | Refusal::NotAdmitted { .. } => Kind::Forbidden,
                    _ => Kind::Precondition,
                };
                Self::new(kind, refusal.reason(), refusal.to_string())
            }
            Error::Grant { kind, owner } => Self::new(
                Kind::Forbidden,
                "GRANT",
                format!("{owner} takes no documents of the kind {kind} on this link"),
            )
            .rule("grant.document_kinds", format!("an admin of {owner}")),
            Error::Short { line, free } => {
                let free = format!("{} {}", free.digits(), free.unit());
                Self::new(
                    Kind::Precondition,
                    "OUT_OF_STOCK",
                    format!("line {line}: {free} are free"),
                )
                .with("line", line)
                .with("free", free)
            }
            Error::Drawn { number, left } => Self::new(
                Kind::Precondition,
                "BLANKET_EXCEEDED",
                format!("{number} has {left} left of what orders may come to: order less, or agree on more"),
            )
            .with("agreement", number)
            .with("left", left),
            Error::NoFlow { kind, act } => Self::new(
                Kind::Forbidden,
                "NO_FLOW",
                format!("store staff ask for that, but nobody has said who approves {act} of the kind {kind}"),
            )
            .rule(
                "workflow.flow",
                "an admin of yours, with a flow, or a buyer, who may do it alone".to_owned(),
            ),
            Error::Paper(_) | Error::UnknownParty { .. } | Error::PaperReused { .. } => of_papers(error),
            Error::Workflow(error) => error.into(),
            Error::Files(error) => error.into(),
            Error::Pages(error) => error.into(),
            Error::Egress(error) => error.into(),
            Error::Now(text) => Self::new(Kind::Unavailable, "NOT_NOW_TRY_AGAIN", text),
            Error::FilePending => Self::new(
                Kind::Precondition,
                "FILE_PENDING",
                "the partner who named this file has not sent it yet; it comes by itself",
            ),
            Error::IdReused(id) => Self::new(
                Kind::Conflict,
                "ID_REUSED",
                "this id was used for something else; take a new one",
            )
            .with("id", id),
            Error::Damaged(what) => {
                tracing::error!(what, "a row is damaged");
                Self::internal()
            }
            Error::Link(error) => error.into(),
            Error::Vault(error) => hansa_link::Error::from(error).into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}

/// What a caller is told of a paper.
fn of_papers(error: Error) -> Fault {
    let text = error.to_string();
    match error {
        Error::Paper(wrong) => Fault::new(Kind::Invalid, "BAD_PAPER", text)
            .with("line", wrong.line)
            .with("rule_id", wrong.rule),
        Error::UnknownParty { party } => Fault::new(
            Kind::Precondition,
            "UNKNOWN_PARTY",
            format!("{text}: say who it is, or name the link"),
        )
        .with("party", party),
        Error::PaperReused { id, .. } => Fault::new(Kind::Conflict, "PAPER_REUSED", text).with("paper_id", id),
        other => other.into(),
    }
}
