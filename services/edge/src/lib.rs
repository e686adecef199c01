//! Sockets: mutual TLS accept and connect, peer identity, deadlines, limits, status mapping, JSON gateway.
//!
//! What always holds:
//! - On the link port nobody speaks who has not shown a key: on ALPN `h2` one whose pin we know, checked again on every call;
//!   on `hansa-join/1` any, but only the join service answers there.
//! - TLS 1.3 only, no resumption (a resumed session skips the check of the client's certificate), no CA hints.
//! - Every wait on a stranger has an end, every message a size, every peer a number of connections.
//! - A refusal leaves here as a [`hansa_vocab::Fault`]: kind, reason, rule, who can change it. Nothing else leaves.
//!
//! Deliberately absent: CAs, CRLs, OCSP, public trust of any kind.

mod accept;
mod dial;
mod files;
mod https;
mod identity;
mod json;
mod openapi;
mod pins;
mod prompt;
mod rate;
mod rules;
mod staff;
mod status;
mod trace;
mod verify;
mod wire;

pub use accept::{ALPN_JOIN, ALPN_LINK, LinkLimits, Peer, serve_link};
pub use dial::{DialError, Dialled, Expect, dial};
pub use files::parts;
pub use https::{BadFile, Https};
pub use identity::Identity;
pub use json::refuse as refuse_json;
pub use openapi::openapi;
pub use pins::Pins;
pub use rules::{Audience, Rule, Rules, RulesError};
pub use staff::{StaffOptions, serve_http, staff_router};
pub use status::{fault_of, finish, refuse, status};
pub use trace::{call_span, carry, caused_by, trace_parent};
pub use verify::{Refused, check_leaf};
pub use wire::{duration, id, maybe_id, timestamp};

/// Metadata: which link a partner's call is on.
pub const METADATA_LINK: &str = "hansa-link";
/// Metadata: which enterprise is called, base32.
pub const METADATA_TO: &str = "hansa-to";
/// Largest message from a partner.
pub const PARTNER_MESSAGE_MAX: usize = 256 * 1024;
/// Largest message from staff.
pub const STAFF_MESSAGE_MAX: usize = 1024 * 1024;
