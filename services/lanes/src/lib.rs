//! ristretto255 (RFC 9496) for eight points at a time, on processors with AVX-512 IFMA; the same bytes as `curve25519-dalek` gives, which
//! is for one point at a time and for every processor.
//!
//! A pool of millions is masked with it. Each function takes as many points as share one inversion ([`TOGETHER`] of them is enough); who
//! has more of them divides them among processors.
//!
//! What always holds:
//! - [`Lanes`] exists only where the processor has the instructions: nothing here can be called without it.
//! - Scalars and what is masked reach neither a branch nor an address: digits are chosen from tables that are read whole. Copies that
//!   the processor's registers leave on the stack are not wiped; digits are.
//! - Points that are none, or that are written in another way than the only one, are refused, and so is the identity. A zero among
//!   what is inverted together spoils nobody.
//!
//! This is the only crate with `unsafe` in it: for calling what the processor has been asked for, and for loads and stores of 64 bytes.
//! Deliberately absent: threads, IO, hashing, randomness, and scalars mod the order of the group, which `curve25519-dalek` has.

#[cfg(target_arch = "x86_64")]
#[path = "here.rs"]
mod backend;
#[cfg(not(target_arch = "x86_64"))]
#[path = "elsewhere.rs"]
mod backend;
#[cfg(target_arch = "x86_64")]
mod base;
#[cfg(target_arch = "x86_64")]
mod field;
#[cfg(target_arch = "x86_64")]
mod hash;
#[cfg(target_arch = "x86_64")]
mod point;
#[cfg(target_arch = "x86_64")]
mod scalar;
mod signed;
#[cfg(target_arch = "x86_64")]
mod sum;

pub use backend::{Addend, Base, Lanes};
pub use signed::SignedBytes;

/// A point or a scalar, little-endian, in its only form.
pub type Bytes = [u8; 32];
/// How many points share an inversion well: its cost is a sixtieth of theirs, and they stay in the processor's cache.
pub const TOGETHER: usize = 256;

/// What points are multiplied by, which is twice what stands here: each below 2^253.
#[derive(Clone, Copy)]
pub enum Halves<'a> {
    /// The same for all.
    One(&'a Bytes),
    /// Each by its own; as many as there are points.
    Each(&'a [Bytes]),
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
