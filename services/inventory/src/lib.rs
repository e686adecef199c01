//! Stock: items, locations, levels, ledger, reservations.
//!
//! What always holds, in the database's own constraints as well as here:
//! - Never oversold: `reserved <= on_hand + short` at each commit, `short` comes from counts alone.
//! - The level equals the sum of its ledger; a movement is one positive quantity from one account to another, never changed.
//! - One effect per (link, id): the same id gives the same answer, with another body it is refused.
//! - A reservation ends once; a confirm after its time is refused, by the owner's database clock alone.
//!
//! Deliberately absent: locks outside the data, counters computed by the application, valuation.

mod api;
mod audited;
mod error;
mod events;
mod model;
mod ops;
mod store;

pub use api::{InventoryPartner, InventoryStaff};
pub use audited::LedgerLines;
pub use error::Error;
pub use events::{RESERVATION_CHANGED, ReservationNoted};
pub use ops::Inventory;
