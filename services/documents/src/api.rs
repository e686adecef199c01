//! The wire of documents. Partners speak of documents by messages, see `events.rs`; they call for the bytes of files alone.

mod papers;
mod partner;
mod staff;

pub use papers::PapersStaff;
pub use partner::DocumentsPartner;
pub use staff::DocumentsStaff;
