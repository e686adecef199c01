//! Buying: from what our people ask for to orders at suppliers.
//!
//! What always holds:
//! - A line of a requisition is ordered once; again only when its order has come to nothing.
//! - An order is made with ids that follow from the request, so that the same request again changes nothing.
//! - A supplier sees the order, and nothing of who asked for which part of it.
//!
//! Deliberately absent: states of orders, approvals, stock; other rooms have them.

mod api;
mod error;
mod model;
mod ops;
mod store;

pub use api::{AccountsPartner, AccountsStaff, PricesStaff, ProcurementStaff};
pub use error::Error;
pub use ops::Procurement;
