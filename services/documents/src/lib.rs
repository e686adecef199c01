//! Documents that enterprises hold in common: orders first, and whatever else is a kind with data alone.
//!
//! What always holds:
//! - The issuer's tenant alone gives versions their numbers; a version exists when it has committed there, and not before.
//! - Every party holds the same signed bytes of every version, and computes the same root from its own rows.
//! - What builds on an old version does not count, and who sent it is told so.
//! - A section reaches those who see it, and nobody else; the others hold its hash.
//! - Nobody issues us a document of a kind that our grant does not name.
//!
//! Deliberately absent: names of kinds, a state machine beside the kind's, a second sequencer.

mod admission;
mod api;
mod error;
mod events;
mod keeper;
mod model;
mod ops;
mod store;

pub use admission::{Admission, Doing, Fate, Need, Standing};
pub use api::{DocumentsPartner, DocumentsStaff, PapersStaff};
pub use error::Error;
pub use events::{ACT, ActCame, PROPOSAL, ProposalCame, RULING, RulingCame, VERSION, VersionCame};
pub use keeper::{
    AddressBook, Agreed, Bound, Came, Deed, Due, Entry, Figures, Hand, KeeperError, KeeperFuture, Ledger, Matcher,
    PriceBook, Purse, Results, StockKeeper, ToMatch, ToPrice,
};
pub use model::account::Account;
pub use model::customer::CustomerKind;
pub use model::effect::{Effect, EffectKind, With};
pub use model::form::{Shown, amount, check_json, check_schema, minor};
pub use model::kind::{ActKind, BadKind, Holds, SectionKind, StateKind, To};
pub use model::upgrade::{UPGRADE, Upgrade};
pub use model::{Answered, BadContent, Contents, Document, Kind, Proposal, Refusal, Step, Stock, stock::DueLine};
pub use ops::{
    CUSTOMER_PAGE, Circle, CustomerPages, Documents, Erasure, GUEST_PAGE, Listed, Look, Outlook, Paper, Signer,
    SystemWish, Told, Wish, forms,
};
