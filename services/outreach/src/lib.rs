//! How people become members, are asked and are written to.
//!
//! What always holds:
//! - One form, and each box on it is a choice of its own: to become a member of ours, of a partner's, and whether one tells the other.
//!   Declining one keeps the others. No box is ticked beforehand.
//! - Whoever was a member already and has not shown who they are changes nothing by a form: they are asked by mail. Neither the form nor a
//!   partner's call says whether somebody was one.
//! - A partner writes to members without learning where they are reached, and no more than its grant, our own courtesy and they allow: it is
//!   looked at when each mail goes out.
//! - Every mail leads to the member's own page: who holds what of them, and one button to take it back or to get no more messages.
//! - What a partner is to be told of somebody lies sealed until it is told, and goes then.
//! - Of counts, another enterprise learns no small ones.

mod api;
mod error;
mod model;
mod ops;
mod store;

pub use api::{OutreachPartner, OutreachStaff};
pub use error::Error;
pub use ops::{ENROL_PAGE, MEMBER_PAGE, Outreach, OutreachPage};
