//! The wire of threads. What is said travels by messages, see `events.rs`; partners call for the bytes of files alone.

mod partner;
mod staff;

pub use partner::ConversationsPartner;
pub use staff::ConversationsStaff;
