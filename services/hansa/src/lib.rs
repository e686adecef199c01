//! The node as a whole: its settings, how its rooms are wired together, and the commands that speak to it.

pub mod bench;
pub mod client;
pub mod config;
pub mod demo;
mod hands;
pub mod metrics;
pub mod node;
pub mod phones;
pub mod processes;
pub mod rotation;
pub mod telemetry;

pub use config::Settings;
pub use node::Node;
pub use telemetry::Telemetry;
