//! SQL of members, nothing else.

pub mod consents;
pub mod history;
pub mod matches;
pub mod offers;
pub mod people;
