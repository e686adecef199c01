//! Tenants and the only road to their rows: registry, pool lanes, [`TenantTx`], migrations, dev database.
//!
//! What always holds:
//! - A tenant's rows are reached through [`Tenancy::begin`] alone. It switches to the tenant's role and schema in the one
//!   message that opens the transaction; a query with no tenant set reads nothing.
//! - Nobody begins without a [`Caller`]: a `Permit`, a `Session` or an [`Errand`].
//! - A connection that is borrowed is outside any transaction, with its own role and search path, whatever was cancelled before
//!   (sqlx 0.9.0 alone does not promise that): a commit cleans in the same message, anything else in the pool's hook. That hook,
//!   not a task of its own, makes it safe to drop a begin half way.
//! - What a frozen process wakes up with is too late: a transaction older than [`TX_DEADLINE`] does not commit.
//!
//! Deliberately absent: session-level SET, LISTEN or NOTIFY on tenant connections, SQL across tenants.

mod changes;
pub mod dev;
mod error;
mod lane;
mod migrate;
mod pool;
mod prelude;
mod registry;
pub mod setup;
mod timers;
mod tx;

pub use error::Error;
pub use migrate::Module;
pub use pool::{Commits, Options, Tenancy};
pub use registry::{TenantRow, TenantState};
pub use timers::{Places, Round, Taken, Timed};
pub use tx::{Caller, Errand, Mark, TX_DEADLINE, TenantTx};
