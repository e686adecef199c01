//! Words every room shares: ids, quantities, money, GTINs, clocks, faults, decisions.
//!
//! Nothing here does IO or reads the system clock, [`clock::SystemClock`] and [`clock::SystemIds`] apart, which `main` hands
//! out. A word belongs here when two rooms must mean the same by it; what one room alone needs lives there.

pub mod clock;
pub mod decide;
pub mod fault;
pub mod gs1;
pub mod gtin;
pub mod id;
pub mod money;
pub mod quantity;

pub use clock::{Clock, IdSource};
pub use decide::{Action, Role};
pub use fault::{Fault, Kind};
pub use gtin::Gtin;
pub use id::{EnterpriseId, LinkId, NodeId, Pin, StaffId, TenantId};
pub use quantity::{Quantity, Unit};
