//! Apps without IO: what a manifest says, whether it holds, and the kind of documents that it compiles to.

pub mod lint;
pub mod manifest;

pub use lint::{Finding, lint};
pub use manifest::{Manifest, Running, Scope};
