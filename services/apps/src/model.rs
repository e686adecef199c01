//! Apps without IO: what a manifest says, whether it holds, and the kind of documents that it compiles to.

pub mod call;
pub mod lint;
pub mod manifest;
pub mod review;
mod switch;
pub mod view;

#[cfg(test)]
mod oracle_tests;

pub use lint::{Finding, after, findings, lint};
pub use manifest::{Manifest, Operation, Running, Scope};
pub use switch::{Busy, Switch};
