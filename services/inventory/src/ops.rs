//! What one can do with stock. `ops/reservations.rs` is what partners do, `ops/partners.rs` what we do at partners.

mod catalogue;
mod documents;
mod feed;
mod gather;
mod handled;
mod lookup;
mod partners;
mod reservations;
mod reserve;
mod sweep;

pub(crate) use catalogue::{Import, Place, Totals, page_after, page_size, shared_gtin};
pub(crate) use feed::{Told, Update};
pub(crate) use lookup::Found;
pub(crate) use partners::PartnerAnswer;
pub(crate) use reservations::Whole;
pub(crate) use reserve::Reserve;

use std::sync::Arc;

use hansa_link::Links;
use hansa_tenancy::Tenancy;

/// The stock of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inventory {
    pub(crate) tenancy: Tenancy,
    pub(crate) links: Links,
    /// Seals the tokens of feeds.
    feed_key: [u8; 32],
    gathering: Arc<gather::Gathering>,
}

impl Inventory {
    /// The stock of this node.
    #[must_use]
    pub fn new(tenancy: Tenancy, links: Links, feed_key: [u8; 32]) -> Self {
        Self {
            tenancy,
            links,
            feed_key,
            gathering: Arc::default(),
        }
    }
}
