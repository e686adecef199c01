//! The console: what a browser needs besides the staff API, which its page speaks like everybody else.
//!
//! What always holds:
//! - No token reaches the page: a session is a `__Host-` cookie that no script reads; each call of the page shows besides
//!   what only a page of ours can know.
//! - Nothing is loaded from elsewhere, nothing inline runs, and nobody frames us; WebAssembly runs on the scan page alone.
//! - What opens nothing looks the same whether it exists or not.
//!
//! Deliberately absent: business data; whatever a screen shows or does goes through the staff API.

mod api;
mod company;
mod model;
mod page;

pub use api::Console;
