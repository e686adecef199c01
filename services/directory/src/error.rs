//! Everything that can go wrong with our own people.

use hansa_vocab::{Fault, Kind};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such staff person.
    #[error("no such staff person")]
    NoSuchStaff,
    /// No such key.
    #[error("no such key")]
    NoSuchKey,
    /// No such session.
    #[error("no such session")]
    NoSuchSession,
    /// Two live keys are enough to rotate.
    #[error("there are two live keys already")]
    TwoKeys,
    /// The last owner can't be disabled.
    #[error("the last owner can't be disabled")]
    LastOwner,
    /// A role that allows more than the giver's own.
    #[error("the role {0} allows more than the giver may do")]
    RoleBeyondOwn(hansa_vocab::Role),
    /// Input out of its limits.
    #[error("{field}: {text}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        text: std::borrow::Cow<'static, str>,
    },
    /// A topic that the caller's roles may not follow.
    #[error("the topic {0} is not open to this caller")]
    TopicClosed(String),
    /// A name, a password or a link that opens nothing; which of them is nobody's business.
    #[error("this opens nothing")]
    NoWayIn,
    /// The issuer vouches for somebody whom nobody has invited.
    #[error("nobody has invited them")]
    NotInvited,
    /// Somebody else of the enterprise has that name.
    #[error("the name is taken")]
    LoginTaken,
    /// So many tries are not those of whoever knows.
    #[error("too many tries")]
    TooManyTries(std::time::Duration),
    /// Text in the database that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
    /// A key could not be made or checked.
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
            Error::NoSuchStaff => Self::not_found("staff person"),
            Error::NoSuchKey => Self::not_found("key"),
            Error::NoSuchSession => Self::not_found("session"),
            Error::TwoKeys => Self::new(
                Kind::Precondition,
                "TWO_LIVE_KEYS",
                "revoke one of the two live keys first",
            )
            .rule("key.live_max", "nobody: two live keys are enough to rotate"),
            Error::LastOwner => Self::new(Kind::Precondition, "LAST_OWNER", "make somebody else an owner first"),
            Error::RoleBeyondOwn(role) => Self::new(
                Kind::Forbidden,
                "ROLE_BEYOND_OWN",
                "nobody gives a role that allows more than their own",
            )
            .rule("staff.roles", "an owner")
            .with("role", role),
            Error::Invalid { field, text } => Self::invalid(field, text),
            Error::TopicClosed(topic) => Self::new(
                Kind::Forbidden,
                "ROLE",
                "this topic is about what your roles may not read",
            )
            .rule("staff.roles", "an owner or admin of yours")
            .with("topic", topic),
            Error::NoWayIn => Self::new(
                Kind::Unauthenticated,
                "NO_WAY_IN",
                "this opens nothing: look at what you typed, or ask an owner or admin for a new link",
            ),
            Error::NotInvited => Self::new(
                Kind::Unauthenticated,
                "NOT_INVITED",
                "your enterprise vouches for you, but nobody there has invited you here: ask an owner or admin for a link",
            ),
            Error::LoginTaken => Self::new(
                Kind::Precondition,
                "LOGIN_TAKEN",
                "a colleague has this name: choose another",
            )
            .with("field", "login"),
            Error::TooManyTries(wait) => {
                Self::new(Kind::Exhausted, "TOO_MANY_TRIES", "too many tries: wait a moment").retry_after(wait)
            }
            Error::Damaged(what) => {
                tracing::error!(what, "a row is damaged");
                Self::internal()
            }
            Error::Vault(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
