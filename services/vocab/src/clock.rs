//! Time and ids as arguments, so that a test or a simulation can own them.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

/// Tells the time. Business code never asks the system.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// Makes ids that nobody has made before.
pub trait IdSource: Send + Sync + 'static {
    /// A new UUIDv7.
    fn uuid(&self) -> Uuid;
}

/// A clock that several rooms hold.
pub type SharedClock = Arc<dyn Clock>;
/// An id source that several rooms hold.
pub type SharedIds = Arc<dyn IdSource>;

/// The machine's own clock; `main` hands it out.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// Ids from the machine's clock and random numbers; `main` hands it out.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids from the system")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}
