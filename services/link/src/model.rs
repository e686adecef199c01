//! What links are: rules that need no database, no clock and no socket, so that a simulation can run millions of steps.

pub mod bundle;
pub mod chain;
pub mod evidence;
pub mod inbox;
pub mod invite;
pub mod merkle;
pub mod outbox;
pub mod people;
pub mod terms;

use std::{fmt, str::FromStr};

use hansa_proto::link::v1 as wire;

pub use bundle::Introduced;
pub use chain::{Chains, Standing};
pub use terms::{Grant, Visibility};

/// A link's state. Health is something else: an outage never changes a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// We have made an invite; nobody has accepted it.
    Invited,
    /// Both know each other; not both have approved the terms.
    Pending,
    /// Both have signed the same terms.
    Active,
    /// One side, or both, has stopped it for a while.
    Suspended,
    /// Over, for good.
    Revoked,
    /// The invite's time ran out.
    Expired,
    /// A side did not agree to the terms.
    Declined,
}

impl LinkState {
    /// The word that stands in the database and on screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Declined => "declined",
        }
    }

    /// The wire's name for it.
    #[must_use]
    pub fn wire(self) -> wire::LinkState {
        match self {
            Self::Invited => wire::LinkState::Invited,
            Self::Pending => wire::LinkState::Pending,
            Self::Active => wire::LinkState::Active,
            Self::Suspended => wire::LinkState::Suspended,
            Self::Revoked => wire::LinkState::Revoked,
            Self::Expired => wire::LinkState::Expired,
            Self::Declined => wire::LinkState::Declined,
        }
    }

    /// Nothing leads out of it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Revoked | Self::Expired | Self::Declined)
    }
}

impl fmt::Display for LinkState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for LinkState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [
            Self::Invited,
            Self::Pending,
            Self::Active,
            Self::Suspended,
            Self::Revoked,
            Self::Expired,
            Self::Declined,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or(())
    }
}
