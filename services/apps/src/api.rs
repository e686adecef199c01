//! The wire.

mod partner;
mod staff;

pub use partner::AppsPartner;
pub use staff::AppsStaff;
