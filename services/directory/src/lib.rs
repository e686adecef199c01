//! Our own side: staff, roles, API keys, and the [`Session`] that a checked staff call holds.
//!
//! What always holds: the tenant of a call comes from its credential, never from the request; every staff RPC passes the
//! [`Door`], which asks [`hansa_vocab::decide::decide`] before the handler sees the call; a withdrawn key ends its calls and
//! streams within a second, in every process; a key's secret is shown once and kept as a keyed hash.

mod api;
mod audited;
mod door;
mod error;
mod model;
mod ops;
mod store;

pub use api::{DirectoryStaff, invited_at};
pub use audited::{AllAudited, Audited, Notice, SectionFuture, WrittenFuture};
pub use door::{COOKIE, CSRF, Door, Session, cookie};
pub use error::Error;
pub use model::Section;
pub use ops::{Directory, NewKey, SignedIn, Staff, Vouched, colleagues, is_path, units_of, witness};
pub use store::audit;
