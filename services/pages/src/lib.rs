//! Pages for people who have no key here: an address that opens one thing, for a while.
//!
//! What always holds:
//! - An address is sealed by the node's master key: one that was made up is refused before anything is looked up.
//! - What it opens is asked each time: the row behind it, then the link if there is one. A revoked link closes its pages with it.
//! - Looking changes nothing (but a count of looks, where a room keeps one); only a form that a person sends does. Scanners of mail follow every address.
//! - No script, nothing from elsewhere, no cookie; nothing is stored by browsers, and no address leaks by a referrer.
//!
//! Deliberately absent: what a page shows. Rooms above fill in [`Page`].

mod api;
mod error;
mod model;
mod ops;
mod store;

pub use error::Error;
pub use model::{Answer, Brought, Fields, Page, PageFuture, Stay, Visit, Visitor};
pub use ops::Pages;
