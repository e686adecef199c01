//! Apps: one enterprise publishes, its partners' people use it, each under its own control.
//!
//! What always holds:
//! - An app is data: a manifest compiles to a kind of documents, and can name no code, no SQL, no file and no address.
//! - The system behind an app is its publisher's: where it is only the publisher's node knows, and what it says is heard as far as the
//!   manifest declares it.
//! - Nothing of a partner's app starts here before an admin of ours has accepted it; it gets what they have given, and no more.
//! - A version that asks for more than was given waits for an answer of its own; the one that is in use stays.
//! - Either side ends a share alone: its next call is refused on both sides, and says by which rule.
//! - What a publisher says is signed by it, and lies here as it was signed.
//! - What the operator of the node has blocked nobody here accepts, begins, acts in or calls; what partners send of it still comes.
//!
//! Deliberately absent: a state machine beside that of documents, a store of instances, grants that name single apps.

mod api;
mod error;
mod events;
mod model;
mod ops;
mod store;

pub use api::{AppsPartner, AppsStaff};
pub use error::Error;
pub use events::{ANSWER, AnswerCame, ENDED, EndedCame, OFFER, OfferCame};
pub use model::{
    Finding, findings,
    manifest::shipped,
    review::{BadSubject, Review, Subject},
};
pub use ops::{Apps, Reviews};
