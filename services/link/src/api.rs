//! The wire of links: strangers who join, partners, our own people.

mod join;
mod partner;
mod staff;

pub use join::LinkJoin;
pub use partner::LinkPartner;
pub use staff::LinkStaff;
