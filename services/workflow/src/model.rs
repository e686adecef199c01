//! Approvals without IO: what a flow says, which of its steps apply, and what the decisions on a step come to.

pub mod condition;
pub mod flow;
pub mod step;

pub use condition::Facts;
pub use flow::Flow;
