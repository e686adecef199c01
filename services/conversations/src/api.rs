//! The wire.

mod staff;

pub use staff::ConversationsStaff;
