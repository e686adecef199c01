//! SQL of stock, nothing else.

pub mod catalogue;
pub mod documents;
pub mod feed;
pub mod items;
pub mod partners;
pub mod reservations;
pub mod take;
