//! The kit that every suite builds its world from.
//!
//! A test acts through people: it makes a [`World`], asks it for tenants, and looks at what they see. Each World has a database
//! of its own on the run's one server, so that tests run side by side. A missing server fails a test; it never skips it.

pub mod apps;
pub mod backend;
pub mod browser;
pub mod database;
pub mod documents;
pub mod house;
pub mod loyalty;
pub mod mail;
pub mod members;
pub mod outreach;
pub mod tls;

pub use database::World;
pub use house::{Enterprise, House};
pub use mail::{MailServer, Postbox};
