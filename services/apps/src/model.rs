//! Apps without IO: what a manifest says, whether it holds, and the kind of documents that it compiles to.

pub mod lint;
pub mod manifest;

#[cfg(test)]
mod oracle_tests;

pub use lint::{Finding, lint};
pub use manifest::{Manifest, Running, Scope};
