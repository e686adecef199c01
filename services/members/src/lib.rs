//! Members of pools: what they have agreed to, and what partners may know of them.
//!
//! What always holds:
//! - Nothing of a member reaches a partner without a consent of that member to that enterprise for that purpose, looked at in the
//!   transaction that releases it. Nothing is shared by default.
//! - Matching shows each side those members alone that both hold with consent: what is asked is blinded, what is handed out is masked under
//!   a key of that one link, and each question is taken from a budget before it is answered.
//! - A consent that ends is told to every partner who may hold something, before anything else, in the transaction that ends it; who has
//!   not acknowledged it is listed.
//! - Telephone numbers, addresses and names lie sealed; by what they are found never leaves the tenant; numbers of members neither.
//! - Every change of a consent is a line that the audit's checkpoints sign.
//!
//! Deliberately absent: lists that the owner could read, one key for all partners, releases by filter.

mod api;
mod audited;
mod belongings;
mod error;
mod events;
mod model;
mod ops;
mod store;

pub use api::{MembersPartner, MembersStaff};
pub use audited::ConsentLines;
pub use belongings::{Belongings, BelongingsFuture, Holder};
pub use error::Error;
pub use events::{CONSENT_ENDED, CORRECTED, ConsentEndedCame, CorrectedCame};
pub use model::{
    fields::{Field, Type},
    recipient as recipient_key,
};
pub use ops::{Admitted, Agreed, Contact, Holding, Members, NewMember, NoticeText};
