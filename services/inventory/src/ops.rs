//! What one can do with stock. `ops/reservations.rs` is what partners do, `ops/partners.rs` what we do at partners.

mod catalogue;
mod partners;
mod reservations;
mod sweep;

pub(crate) use catalogue::{Import, Totals, shared_gtin};
pub(crate) use partners::PartnerAnswer;
pub(crate) use reservations::{Reserve, Whole};

use hansa_link::Links;
use hansa_tenancy::Tenancy;

/// The stock of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inventory {
    pub(crate) tenancy: Tenancy,
    pub(crate) links: Links,
}

impl Inventory {
    /// The stock of this node.
    #[must_use]
    pub fn new(tenancy: Tenancy, links: Links) -> Self {
        Self { tenancy, links }
    }
}
