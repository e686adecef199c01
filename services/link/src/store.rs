//! SQL of links, nothing else: `links`, `delivery` and `inbox` in the tenant's schema, `routes` in the node's.

pub mod delivery;
pub mod groups;
pub mod history;
pub mod inbox;
pub mod links;
pub mod routes;
