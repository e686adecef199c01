//! The wire of documents. Partners speak of documents by messages, see `events.rs`; they call for the bytes of files alone.

mod partner;
mod staff;

pub use partner::DocumentsPartner;
pub use staff::DocumentsStaff;
