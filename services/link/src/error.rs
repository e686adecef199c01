//! Everything that can go wrong with a link, and what a caller is told of it.

use hansa_vocab::{Fault, Kind, LinkId};

use crate::model::LinkState;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not yours.
    #[error("no such link")]
    NoSuchLink,
    /// The invite text, or what stands behind it, is of no use.
    #[error("the invite is {0}")]
    Invite(InviteTrouble),
    /// The link is in another state than the act needs.
    #[error("link {link} is {state}")]
    State {
        /// Which link.
        link: LinkId,
        /// The state it is in.
        state: LinkState,
        /// Why, as the side that brought it there said.
        reason: String,
        /// Who can change it.
        changeable_by: String,
    },
    /// The admin approved other terms than those on the table.
    #[error("the terms have another hash than the one approved")]
    OtherTerms,
    /// What the partner presented does not hold.
    #[error("what the partner presented does not hold: {0}")]
    BadIntroduction(String),
    /// Input out of its limits.
    #[error("{field}: {text}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        text: String,
    },
    /// The partner's chain disagrees with what we hold of it.
    #[error("the partner's declarations disagree with those we hold")]
    Fork,
    /// The link changed while the call was under way.
    #[error("the link has changed meanwhile")]
    Stale,
    /// As many messages wait for the partner as may.
    #[error("{0} messages wait for the partner")]
    QueueFull(u64),
    /// The partner is a guest: it has no node that could be asked.
    #[error("{0} has no node")]
    NoNode(String),
    /// No message with this number is parked.
    #[error("message {0} is not parked")]
    NotParked(u64),
    /// It may go well later.
    #[error("not now: {0}")]
    Unavailable(String),
    /// The partner's node can't be reached.
    #[error("the partner's node can't be reached: {0}")]
    Unreachable(String),
    /// The partner refused.
    #[error("the partner refused: {0}")]
    Refused(Box<Fault>),
    /// The database or the registry.
    #[error(transparent)]
    Tenancy(#[from] hansa_tenancy::Error),
    /// A key could not be used.
    #[error(transparent)]
    Vault(#[from] hansa_vault::Error),
    /// SQL.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// Bytes of our own that do not decode: a bug, or a damaged database.
    #[error("stored bytes do not decode: {0}")]
    Damaged(&'static str),
}

/// Why an invite is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InviteTrouble {
    /// Not the text that `hansa link invite` printed.
    Malformed,
    /// Its time is over.
    Expired,
    /// Somebody has accepted it, or its secret is wrong: a stranger is not told which.
    NotValid,
    /// It names another enterprise than the one that answers.
    OtherEnterprise,
    /// The terms behind it are not those it was made for.
    OtherTerms,
    /// It was made by this very enterprise.
    OneOfOurs,
}

impl std::fmt::Display for InviteTrouble {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "not complete: copy the whole text, from hansa1. to its end",
            Self::Expired => "over its time: ask the partner for a new one",
            Self::NotValid => "not valid: it was used, withdrawn or altered; ask the partner for a new one",
            Self::OtherEnterprise => "for another enterprise than the one that answered at its address",
            Self::OtherTerms => "for other terms than those that the partner shows now",
            Self::OneOfOurs => "one of your own: send it to the partner",
        })
    }
}

impl InviteTrouble {
    fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "INVITE_MALFORMED",
            Self::Expired => "INVITE_EXPIRED",
            Self::NotValid => "INVITE_NOT_VALID",
            Self::OtherEnterprise => "INVITE_OTHER_ENTERPRISE",
            Self::OtherTerms => "INVITE_OTHER_TERMS",
            Self::OneOfOurs => "INVITE_OWN",
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchLink => Self::not_found("link"),
            Error::Invite(trouble) => {
                let kind = if trouble == InviteTrouble::Malformed {
                    Kind::Invalid
                } else {
                    Kind::Precondition
                };
                Self::new(kind, trouble.reason(), format!("the invite is {trouble}"))
            }
            Error::State {
                link,
                state,
                reason,
                changeable_by,
            } => state_fault(link, state, &reason, changeable_by),
            Error::OtherTerms => Self::new(
                Kind::Precondition,
                "OTHER_TERMS",
                "these are not the terms on the table; look at the link again and approve what it shows",
            ),
            Error::BadIntroduction(text) => Self::new(
                Kind::Precondition,
                "BAD_INTRODUCTION",
                format!("what the partner presented does not hold: {text}"),
            ),
            Error::Invalid { field, text } => Self::invalid(field, text),
            Error::Fork => Self::new(
                Kind::Precondition,
                "LINK_FORKED",
                "the partner's declarations disagree with those we hold; nothing was overwritten",
            ),
            Error::Stale => Self::new(
                Kind::Unavailable,
                "LINK_CHANGED",
                "the link changed while the call was under way; try again",
            ),
            Error::QueueFull(messages) => Self::new(
                Kind::Exhausted,
                "QUEUE_FULL",
                format!("{messages} messages of this link wait to be taken by the partner's node; until it has taken some, nothing new is begun"),
            )
            .retry_after(std::time::Duration::from_secs(5)),
            Error::NoNode(name) => Self::new(
                Kind::Precondition,
                "NO_NODE",
                format!("{name} has no node that could be asked; it is told by mail"),
            ),
            Error::NotParked(number) => Self::not_found("message").with("number", number),
            Error::Unavailable(text) => Self::new(Kind::Unavailable, "UNAVAILABLE", format!("{text}; try again")),
            Error::Unreachable(text) => Self::new(
                Kind::Unavailable,
                "PARTNER_UNREACHABLE",
                format!("the partner's node can't be reached: {text}"),
            ),
            Error::Refused(fault) => *fault,
            Error::Tenancy(error) => error.into(),
            Error::Vault(error) => error.into(),
            Error::Sql(error) => {
                tracing::error!(%error, "a statement of the link room failed");
                hansa_tenancy::Error::from(error).into()
            }
            Error::Damaged(what) => {
                tracing::error!(what, "stored bytes do not decode");
                Self::internal()
            }
        }
    }
}

/// The refusal of a call on a link that is not ACTIVE: it names the state and who can change it.
fn state_fault(link: LinkId, state: LinkState, reason: &str, changeable_by: String) -> Fault {
    let (name, rule) = match state {
        LinkState::Suspended => ("LINK_SUSPENDED", "link.state.suspended"),
        LinkState::Revoked => ("LINK_REVOKED", "link.state.revoked"),
        LinkState::Expired => ("LINK_EXPIRED", "link.state.expired"),
        LinkState::Declined => ("LINK_DECLINED", "link.state.declined"),
        LinkState::Invited | LinkState::Pending | LinkState::Active => ("LINK_NOT_ACTIVE", "link.state.pending"),
    };
    let text = if reason.is_empty() {
        format!("the link is {state}")
    } else {
        format!("the link is {state}: {reason}")
    };
    Fault::new(Kind::Precondition, name, text)
        .rule(rule, changeable_by)
        .with("link", link)
}

impl From<InviteTrouble> for Error {
    fn from(trouble: InviteTrouble) -> Self {
        Self::Invite(trouble)
    }
}
