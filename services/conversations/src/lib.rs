//! Threads: what people of two and more enterprises say to each other on a link, or about a document.
//!
//! What always holds:
//! - One enterprise counts: of a link's thread whoever has the smaller id, of a document's its issuer. An entry that has a place has it for
//!   ever, and at all the same; places have no gap, and each names the one before by its hash.
//! - What somebody says is signed by their enterprise, and nobody else can put it into their mouth.
//! - An entry is said once, however often it is sent. An edit and a withdrawal are entries of their own: nothing that was said is gone.
//! - What was said lies sealed in its thread. The signed batches that carry it between nodes are kept as evidence, as of every message, in clear.
//! - A file goes along with what is said, and to nobody else; what was withdrawn names none any more.
//!
//! Deliberately absent: threads that are about nothing, a second order.

mod api;
mod error;
mod events;
mod model;
mod ops;
mod store;

pub use api::{ConversationsPartner, ConversationsStaff};
pub use error::Error;
pub use events::{NOT_PLACED, NotPlacedCame, PLACED, PlacedCame, READ, ReadCame, SAID, SaidCame};
pub use ops::{Conversations, THREAD_PAGE, ThreadPages};
