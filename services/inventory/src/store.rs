//! SQL of stock, nothing else.

pub mod catalogue;
pub mod feed;
pub mod partners;
pub mod reservations;
pub mod take;
