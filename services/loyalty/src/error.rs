//! Everything that can go wrong with coupons and points, and what a caller is told of it.

use std::time::Duration;

use hansa_vocab::{Fault, Kind};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::model::State;

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
    /// No coupon of this code, or not for this caller.
    #[error("no such coupon")]
    NoSuchCoupon,
    /// Somebody has used it, or it was taken back.
    #[error("the coupon is {0}")]
    CouponUsed(String),
    /// Somebody is using it.
    #[error("the coupon is held")]
    CouponHeld,
    /// Its time has not come, or is over.
    #[error("valid from {from} until {until}")]
    NotValidNow {
        /// First instant.
        from: OffsetDateTime,
        /// It ends then.
        until: OffsetDateTime,
    },
    /// What is bought does not fit.
    #[error("the basket does not fit: {0}")]
    Basket(String),
    /// Nobody of this name, or they agree no more.
    #[error("no such member")]
    NoSuchMember,
    /// The pool has no points.
    #[error("the pool has no points")]
    NoProgram,
    /// There are fewer.
    #[error("{free} points are there")]
    PointsShort {
        /// How many can be used.
        free: i64,
    },
    /// As many points as the grant allows were given today.
    #[error("{left} points may still be given today")]
    CreditLimit {
        /// How many are left.
        left: i64,
    },
    /// It was not confirmed in time.
    #[error("the hold has expired")]
    HoldExpired,
    /// It is in a state from which this does not lead on.
    #[error("the booking is {}", .0.as_str())]
    Ended(State),
    /// What was issued stays what it is.
    #[error("{0} of a kind of coupon can't change any more")]
    Fixed(&'static str),
    /// As many were issued as there may be.
    #[error("{left} more may be issued")]
    IssuedMax {
        /// How many.
        left: i64,
    },
    /// The link or its grant changed while the call was under way; nothing has happened.
    #[error("the link changed while the call was under way")]
    Stale,
    /// The issuer's statement does not hold.
    #[error("the issuer's statement does not hold: {0}")]
    BadAnswer(&'static str),
    /// A row that no code of ours wrote.
    #[error("a row of {0} is damaged")]
    Damaged(&'static str),
    /// Members.
    #[error(transparent)]
    Members(#[from] hansa_members::Error),
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

fn precondition(reason: &'static str, text: impl Into<String>) -> Fault {
    Fault::new(Kind::Precondition, reason, text.into())
}

/// What goes wrong with coupons and their kinds.
fn of_coupons(error: Error) -> Fault {
    match error {
        Error::NoSuchCoupon => precondition("NO_SUCH_COUPON", "there is no such coupon, or it is not for use here"),
        Error::CouponUsed(state) => {
            precondition("COUPON_USED", format!("the coupon is {state} already")).with("state", state)
        }
        Error::CouponHeld => Fault::new(
            Kind::Unavailable,
            "COUPON_HELD",
            "somebody is using this coupon just now; it is free again when they give it back or too much time has passed",
        )
        .retry_after(Duration::from_secs(2)),
        Error::NotValidNow { from, until } => precondition(
            "NOT_VALID_NOW",
            format!("it is valid from {} until {}", from.date(), until.date()),
        )
        .with("valid_from", from.unix_timestamp())
        .with("valid_until", until.unix_timestamp()),
        Error::Fixed(what) => precondition(
            "FIXED",
            format!("{what} of a kind of coupon never changes: make another kind, and end this one"),
        ),
        Error::IssuedMax { left } => {
            Fault::new(Kind::Exhausted, "ISSUED_MAX", format!("only {left} more may be issued")).with("left", left)
        }
        _ => Fault::internal(),
    }
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
                Self::new(Kind::Forbidden, "GRANT", text).rule("grant.loyalty", format!("an admin of {owner}"))
            }
            Error::NoSuchCoupon
            | Error::CouponUsed(_)
            | Error::CouponHeld
            | Error::NotValidNow { .. }
            | Error::Fixed(_)
            | Error::IssuedMax { .. } => of_coupons(error),
            Error::Basket(text) => precondition("BASKET", text),
            Error::NoSuchMember => precondition(
                "NO_SUCH_MEMBER",
                "nobody is known by this name, or they do not agree to that any more",
            ),
            Error::NoProgram => precondition("NO_PROGRAM", "the pool has no points: say first what they are worth"),
            Error::PointsShort { free } => {
                precondition("POINTS_SHORT", format!("only {free} points can be used")).with("free", free)
            }
            Error::CreditLimit { left } => Self::new(
                Kind::Exhausted,
                "CREDIT_LIMIT",
                format!("only {left} points may still be given today; the issuer's grant can be widened"),
            )
            .with("left", left),
            Error::HoldExpired => precondition("HOLD_EXPIRED", "nobody confirmed it in time: hold it again"),
            Error::Ended(state) => {
                precondition("ENDED", format!("the booking is {}", state.as_str())).with("state", state.as_str())
            }
            Error::Stale => Self::new(
                Kind::Unavailable,
                "LINK_CHANGED",
                "the link changed just now; nothing has happened, try again",
            )
            .retry_after(Duration::from_millis(100)),
            Error::BadAnswer(what) => precondition(
                "BAD_ANSWER",
                format!("the issuer's statement does not hold: {what}; nothing of it was used"),
            ),
            Error::Damaged(what) => {
                tracing::error!(what, "a row is damaged");
                Self::internal()
            }
            Error::Members(error) => error.into(),
            Error::Link(error) => error.into(),
            Error::Partner(fault) => *fault,
            Error::Vault(error) => error.into(),
            Error::Tenancy(error) => error.into(),
            Error::Sql(error) => hansa_tenancy::Error::from(error).into(),
        }
    }
}
