//! Everything that can go wrong with an app, and what a caller is told of it.

use std::time::Duration;

use hansa_documents::KeeperError;
use hansa_vocab::{Fault, Kind};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::Finding;

/// Findings that a refusal names.
const SHOWN: usize = 5;

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
    /// The manifest does not hold.
    #[error("the manifest does not hold")]
    Lint(Vec<Finding>),
    /// No such thing here, or not for this caller.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A version that was published stays what it is.
    #[error("the next version of {app} is {next}")]
    NotNext {
        /// Of which app.
        app: String,
        /// It would be this one.
        next: u32,
    },
    /// The share is over.
    #[error("the share is {0}")]
    NotOpen(String),
    /// It lacks what it can't do without.
    #[error("the app can't do without {0}")]
    Needs(String),
    /// A partner without a node uses no apps.
    #[error("{0} has no node of its own")]
    Guest(String),
    /// The share says no.
    #[error("{rule}: {text}")]
    Closed {
        /// A word that never changes.
        rule: &'static str,
        /// Why, and who can change it.
        text: String,
    },
    /// Who asks has not signed that for this call.
    #[error("who asks is not signed")]
    NotSigned,
    /// The same id with another body.
    #[error("the id {0} was used for something else")]
    IdReused(Uuid),
    /// The same call is under way.
    #[error("the same call is under way")]
    UnderWay,
    /// Nobody has said where the system is.
    #[error("there is no system behind the app")]
    NoBackend,
    /// The system has as many calls as it may.
    #[error("the system has too many calls")]
    Busy,
    /// The system was in trouble, and is left in peace.
    #[error("the system rests until {0}")]
    Rests(OffsetDateTime),
    /// The system did not answer as it should.
    #[error("the system did not answer")]
    Trouble,
    /// A partner's refusal.
    #[error("{0}")]
    Partner(Box<Fault>),
    /// What leaves the house.
    #[error(transparent)]
    Egress(#[from] hansa_egress::Error),
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
    /// The documents that an app is about.
    #[error(transparent)]
    Documents(#[from] hansa_documents::Error),
    /// The link to a partner.
    #[error(transparent)]
    Link(#[from] hansa_link::Error),
    /// A key could not be used.
    #[error(transparent)]
    Vault(#[from] hansa_vault::Error),
    /// A colleague.
    #[error(transparent)]
    Directory(#[from] hansa_directory::Error),
    /// The database.
    #[error(transparent)]
    Tenancy(#[from] hansa_tenancy::Error),
    /// SQL.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

impl From<Error> for KeeperError {
    fn from(error: Error) -> Self {
        match error {
            Error::Sql(error) => Self::Sql(error),
            Error::Damaged(what) => Self::Damaged(what),
            _ => Self::Damaged("app"),
        }
    }
}

fn found(findings: &[Finding]) -> String {
    let one = |finding: &Finding| format!("line {}: {} ({})", finding.line, finding.text, finding.rule);
    let mut text = findings.iter().take(SHOWN).map(one).collect::<Vec<_>>().join("; ");
    if findings.len() > SHOWN {
        text.push_str(&format!("; and {} more: lint it to see all", findings.len() - SHOWN));
    }
    text
}

/// What is told of the system behind an app: not why it fails, which is its owner's to know.
fn of_system(error: &Error) -> Fault {
    let (reason, text, wait) = match error {
        Error::UnderWay => ("CALL_UNDER_WAY", "the same call is under way: ask again with its id", 2),
        Error::NoBackend => (
            "NO_BACKEND",
            "the publisher has not said yet where the system behind the app is",
            60,
        ),
        Error::Busy => (
            "BACKEND_BUSY",
            "the system behind the app is busy: ask again with the same id",
            2,
        ),
        Error::Rests(_) => (
            "BACKEND_DOWN",
            "the system behind the app is in trouble, and is asked again in half a minute",
            30,
        ),
        _ => (
            "BACKEND_TROUBLE",
            "the system behind the app has not answered as it should: ask again with the same id; its publisher sees why",
            5,
        ),
    };
    Fault::new(Kind::Unavailable, reason, text).retry_after(Duration::from_secs(wait))
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { field, text } => Self::invalid(field, text),
            Error::Lint(findings) => Self::invalid("manifest", found(&findings)),
            Error::NotFound(what) => Self::not_found(what),
            Error::NotNext { app, next } => Self::new(
                Kind::Precondition,
                "NOT_NEXT",
                format!("what was published never changes: the next version of {app} is {next}"),
            )
            .with("next", next),
            Error::NotOpen(state) => Self::new(
                Kind::Precondition,
                "SHARE_CLOSED",
                format!("the share is {state}: its publisher can offer it again"),
            )
            .with("state", state),
            Error::Needs(scope) => Self::new(
                Kind::Precondition,
                "SCOPE_NEEDED",
                format!("the app can't do without {scope}: give it, or decline the app"),
            )
            .with("scope", scope),
            Error::Guest(name) => Self::new(
                Kind::Precondition,
                "NO_NODE",
                format!("{name} has no node of its own, and uses no apps"),
            ),
            Error::Closed { rule, text } => Self::new(Kind::Forbidden, rule, text),
            Error::NotSigned => Self::new(
                Kind::Forbidden,
                "NOT_SIGNED",
                "who asks must be signed by their enterprise, for this very call",
            ),
            Error::IdReused(id) => Self::new(
                Kind::Conflict,
                "ID_REUSED",
                format!("{id} stands for another call: take a new id"),
            ),
            error @ (Error::UnderWay | Error::NoBackend | Error::Busy | Error::Rests(_) | Error::Trouble) => {
                of_system(&error)
            }
            Error::Partner(fault) => *fault,
            Error::Egress(error) => error.into(),
            Error::Damaged(what) => {
                tracing::error!(what, "a row is damaged");
                Self::internal()
            }
            Error::Documents(error) => error.into(),
            Error::Link(error) => error.into(),
            Error::Vault(error) => error.into(),
            Error::Directory(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
