//! Everything that can go wrong with members, and what a caller is told of it. No text holds anything personal.

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
    /// A phone and an address of somebody are those of two members, or of one who has another.
    #[error("a phone and an address do not fit together: {0}")]
    Clash(String),
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
    /// We grant the partner nothing of this pool for this purpose.
    #[error("the partner is granted nothing of this pool for this purpose")]
    NotGranted,
    /// Nothing is handed out of this pool yet.
    #[error("nothing is handed out of this pool yet")]
    NoOffer,
    /// The owner has taken a new key.
    #[error("the owner has taken a new key")]
    OtherEpoch,
    /// As many people were asked about as the grant allows.
    #[error("{left} evaluations are left")]
    Budget {
        /// How many are left.
        left: u64,
    },
    /// Too few of those who were asked about are members of both.
    #[error("{told} of {asked} people are members of both")]
    HitRate {
        /// People who were asked about in an epoch.
        asked: i64,
        /// Of how many we were told.
        told: i64,
    },
    /// The partner's filter holds numbers that we have made up.
    #[error("the partner's filter holds numbers that we have made up")]
    Canaries,
    /// A list of so few is not counted.
    #[error("a list of {0} is not counted")]
    FewListed(i64),
    /// Bytes that are no point of the group.
    #[error("point {0} is none")]
    BadPoint(usize),
    /// Chunks of a list come one after the other.
    #[error("chunk {0} is expected")]
    ChunkOrder(u32),
    /// The partner's answer is not what its offer says.
    #[error("the partner's answer is not what its offer says")]
    BadAnswer(&'static str),
    /// The link or its grant changed while the call was under way; nothing has happened.
    #[error("the link changed while the call was under way")]
    Stale,
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
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
            Error::Clash(text) => Self::new(Kind::Precondition, "CLASH", text),
            Error::IdReused(id) => Self::new(
                Kind::Conflict,
                "ID_REUSED",
                "this id was used for another request; take a new one",
            )
            .with("id", id),
            Error::Grant { text, owner } => {
                Self::new(Kind::Forbidden, "GRANT", text).rule("grant.pools", format!("an admin of {owner}"))
            }
            Error::NotGranted => Self::new(
                Kind::Precondition,
                "NOT_GRANTED",
                "our grant to this partner names no such pool for this purpose: change the grant first",
            ),
            Error::NoOffer => Self::new(
                Kind::Precondition,
                "NO_OFFER",
                "the owner hands nothing out of this pool yet: it publishes the pool first",
            ),
            Error::OtherEpoch => Self::new(
                Kind::Precondition,
                "OTHER_EPOCH",
                "the owner has taken a new key: get its offer again",
            ),
            Error::Budget { left } => Self::new(
                Kind::Exhausted,
                "BUDGET",
                format!("{left} people may still be asked about; the owner's grant can be widened"),
            )
            .with("left", left),
            Error::HitRate { asked, told } => hit_rate(asked, told),
            Error::FewListed(listed) => few_listed(listed),
            Error::Canaries => canaries(),
            Error::BadPoint(place) => Self::invalid("points", format!("number {place} is no point of the group")),
            Error::ChunkOrder(next) => Self::new(
                Kind::Precondition,
                "CHUNK_ORDER",
                format!("chunks of a list come one after the other: {next} is expected, or the last one as it was"),
            ),
            Error::BadAnswer(what) => Self::new(
                Kind::Precondition,
                "BAD_ANSWER",
                format!("the partner's {what} is not what its signed offer says; nothing of it was used"),
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
            Error::Link(error) => error.into(),
            Error::Partner(fault) => *fault,
            Error::Vault(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}

fn hit_rate(asked: i64, told: i64) -> Fault {
    let text = format!(
        "of {asked} people who were asked about, {told} are known to be members of both: tell of more of them first"
    );
    Fault::new(Kind::Forbidden, "HIT_RATE", text)
        .rule("grant.pools.told_per_thousand_min", "an admin of the pool's owner")
}

fn few_listed(listed: i64) -> Fault {
    let least = crate::ops::LIST_MIN;
    let text = format!("{listed} identifiers of members who have agreed; only {least} or more are counted");
    Fault::new(Kind::Precondition, "LIST_TOO_SMALL", text)
}

fn canaries() -> Fault {
    let text = "the partner's filter holds numbers that are made up: it is not one of its members alone; nothing of it was used";
    Fault::new(Kind::Precondition, "CANARIES", text)
}
