//! Coupons and points of members: used once, wherever they are used; and who pays for them.
//!
//! What always holds:
//! - A coupon is redeemed once, and points are spent once, whoever asks and how often: it is decided at the issuer, in one transaction,
//!   and nowhere else. An issuer that can't be reached redeems nothing.
//! - A booking is held, then confirmed or given back; whoever lost the answer asks what became of it, and an id that never came is voided.
//! - Points of an account are what its entries sum up to; entries never change.
//! - A partner learns what a coupon is worth, never whose it is; points it books by a name that no other partner has.
//! - The code of a coupon lies nowhere in clear.
//! - What is settled with a partner follows from entries that never change; both sides have the same, or see where they differ.

mod api;
mod error;
mod model;
mod ops;
mod store;

pub use api::{LoyaltyPartner, LoyaltyStaff};
pub use error::Error;
pub use ops::Loyalty;
