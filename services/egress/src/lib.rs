//! What leaves the house to systems that are no nodes.
//!
//! What always holds:
//! - Nothing is sent to an address that was not looked at: private ranges only when the operator allows them, no redirects, and the
//!   connection goes to the very address that was checked.
//! - What is to be told is written down in the transaction of what it tells of, and told at least once.
//! - A system that answers is heard as long, and as much, as its caller says.
//! - Secrets lie wrapped, and are shown once; so does a mail, until it is sent.
//! - Whom an issuer vouches for is known here alone, and only for the enterprise whose issuer it is.
//!
//! Deliberately absent: order between deliveries, contents of documents.

mod api;
mod error;
mod model;
mod ops;
mod send;
mod store;

pub use api::EgressStaff;
pub use error::Error;
pub use model::{
    APP_NOTICE, DOCUMENT_CHANGED, DOCUMENT_OVERDUE, DOCUMENT_PROPOSED, DOCUMENT_REMINDED, THREAD_CHANGED, wait,
};
pub use ops::{CameBack, Egress, Issuer, Returned};
pub use send::smtp::{Mail, Mailer};
