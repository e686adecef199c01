//! Links between enterprises: handshake, states, grants, [`Permit`]; and the delivery of messages.
//!
//! What always holds:
//! - A link is ACTIVE only when both sides have signed the same terms; the stricter of both sides' declarations counts.
//! - Nobody reaches a tenant's rows over a link without a [`Permit`], and every statement under it compares the link's state,
//!   epoch and grant version, so that the tenant's own commit decides, in every process.
//! - What was signed is stored and passed on byte for byte.
//! - A message that was accepted has one effect at the partner, in order of its key, and both sides hold the signed receipt.
//! - A step that is repeated returns its first answer.
//!
//! Deliberately absent: trust on first use, a central directory, any state that an outage could change.

mod api;
pub mod courier;
mod effect;
mod error;
pub mod exchange;
mod gate;
pub mod mailbox;
pub mod model;
mod ops;
mod store;

pub use api::{LinkJoin, LinkPartner, LinkStaff};
pub use effect::{Effect, EffectError, EffectFuture, Effects, Heard, HeardFuture, Incoming, Outcome};
pub use error::{Error, InviteTrouble};
pub use gate::{Gate, Permit};
pub use ops::{Contact, Guest, LinkView, Links, NodeSelf, OtherEnd, Partner, Say, unaware};
