//! Private set intersection: two lists meet, and neither side learns what only the other has.
//!
//! The owner of a pool masks each member once with a key of its own ([`Key::mask`]) and hands out a filter of the results
//! ([`Segment`]). A partner blinds its own list ([`Blinds::blind`]), the owner evaluates what it can't read ([`Key::evaluate`]), and the
//! partner takes its blinds off again ([`Blinds::unblind`]): what it then holds for a person is what the owner's masking gave for the
//! same person, and nothing for anybody else. The group and its arithmetic are those of RFC 9497, mode VOPRF, ristretto255-SHA512.
//!
//! What always holds:
//! - A blinded point says nothing of what is in it: each has a blind of its own ([`Blinds`]); or, where answers are only counted, all of
//!   a list have one ([`ListBlind`]), and a person who stands in it twice is seen to be the same.
//! - Blinds of their own come off answers alone that are [`Proven`].
//! - An answer that was not made with the key that the owner has published is found ([`verify`]).
//! - Points that are none, or that are written in another way than the only one, are refused; so is the one that all keys leave alone.
//! - A [`Context`] goes into every point: what was asked for one link, pool, purpose, epoch or kind of identifier answers no other.
//!
//! Deliberately absent: IO, clocks, randomness of its own. Budgets and consents are kept where the data lies.

mod filter;
mod group;
mod proof;
mod protocol;

pub use filter::{BadFilter, FALSE_POSITIVE_BITS, SEGMENT_TARGET, Segment, segment_bits};
pub use proof::{BadProof, PROOF_LENGTH, Proof, Proven, verify};
pub use protocol::{Blinds, Context, Key, Kind, ListBlind, Secret, Token, opens};

/// Bytes of a point on the wire.
pub const POINT_LENGTH: usize = 32;
/// Most points that are evaluated, and proven, together.
pub const CHUNK_MAX: usize = 4_096;

/// A point on the wire, in its only form.
pub type Point = [u8; POINT_LENGTH];

/// Bytes that are no point of the group, or the one that all keys leave alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("point {0} of the chunk is none")]
pub struct BadPoint(pub usize);
