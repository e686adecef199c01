//! Approvals: whether something may be done, and by whom that was said. What is approved, other rooms know.
//!
//! What always holds:
//! - The steps of a request are those of the flow's version when it was submitted; a flow that changes leaves them alone.
//! - Nobody decides on a request of their own, also not in somebody's place.
//! - A request is never stuck: what no step applies to passes, and the reason is kept.
//! - A decision is kept once per id, with who took it and on whose behalf.
//! - What was approved is what is done: another content of weight begins anew.
//!
//! Deliberately absent: states of documents, forms that know what they are about.

mod api;
mod error;
mod events;
mod model;
mod ops;
mod store;
mod subject;

pub use api::WorkflowStaff;
pub use error::Error;
pub use events::{ASKED, AskedCame, DECIDED, DecidedCame, OVER, OverCame};
pub use model::condition::{Facts, Judged, LineFacts, check as check_condition, judge as judge_condition};
pub use ops::{APPROVALS, Gate, Preview, Workflow};
pub use subject::{Ask, Request, Subject, SubjectFuture};
