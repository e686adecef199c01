//! RFC 9497, ristretto255-SHA512 in mode VOPRF: hashing to the group and to scalars, reading points.

use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto, traits::IsIdentity as _};
use rayon::prelude::*;
use sha2::{Digest as _, Sha512};

use crate::{BadPoint, Point};

/// `"OPRFV1-" || I2OSP(1, 1) || "-ristretto255-SHA512"`.
pub const CONTEXT_STRING: &[u8] = b"OPRFV1-\x01-ristretto255-SHA512";
/// Bytes of a block of SHA-512.
const BLOCK: usize = 128;
/// Points that one processor takes at a time.
pub const TOGETHER: usize = 256;

/// `expand_message_xmd` of RFC 9380 with SHA-512, for 64 bytes: one round.
fn expand(message: &[&[u8]], tag: &[u8]) -> [u8; 64] {
    let length = [0, 64];
    let tag_length = [u8::try_from(tag.len() + CONTEXT_STRING.len()).unwrap_or(u8::MAX)];
    let mut first = Sha512::new();
    first.update([0; BLOCK]);
    for part in message {
        first.update(part);
    }
    first.update(length);
    first.update([0]);
    first.update(tag);
    first.update(CONTEXT_STRING);
    first.update(tag_length);
    let mut second = Sha512::new();
    second.update(first.finalize());
    second.update([1]);
    second.update(tag);
    second.update(CONTEXT_STRING);
    second.update(tag_length);
    second.finalize().into()
}

/// `HashToGroup`.
pub fn hash_to_group(message: &[&[u8]]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&expand(message, b"HashToGroup-"))
}

/// `HashToScalar`.
pub fn hash_to_scalar(message: &[&[u8]]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&expand(message, b"HashToScalar-"))
}

/// `DeserializeElement`: only the canonical form of a point, and never the identity.
pub fn read(points: &[Point]) -> Result<Vec<RistrettoPoint>, BadPoint> {
    let read = |(place, bytes): (usize, &Point)| {
        let point = CompressedRistretto(*bytes).decompress().ok_or(BadPoint(place))?;
        if point.is_identity() {
            Err(BadPoint(place))
        } else {
            Ok(point)
        }
    };
    let all: Vec<_> = points.par_iter().with_min_len(TOGETHER).enumerate().map(read).collect();
    // The first that is none, whoever came upon one first.
    all.into_iter().collect()
}

/// Each point times twice its scalar, in the form of the wire. One inversion serves many of them, which is why the scalars are halves.
pub fn multiply(points: &[RistrettoPoint], half: impl Fn(usize) -> Scalar + Sync) -> Vec<Point> {
    let some = |(chunk, points): (usize, &[RistrettoPoint])| {
        let first = chunk * TOGETHER;
        let products: Vec<_> = (first..)
            .zip(points)
            .map(|(place, point)| point * half(place))
            .collect();
        let compressed = RistrettoPoint::double_and_compress_batch(&products);
        compressed.into_iter().map(|point| point.to_bytes()).collect::<Vec<_>>()
    };
    points.par_chunks(TOGETHER).enumerate().flat_map_iter(some).collect()
}
