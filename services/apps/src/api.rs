//! The wire.

mod staff;

pub use staff::AppsStaff;
