//! The wire of members: what partners ask, and what our own people do.

mod partner;
mod shown;
mod staff;

pub use partner::MembersPartner;
pub use staff::MembersStaff;
