//! SQL of links, nothing else: `links` and `delivery` in the tenant's schema, `routes` in the node's.

pub mod delivery;
pub mod groups;
pub mod history;
pub mod links;
pub mod routes;
