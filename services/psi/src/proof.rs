//! The proof that all points of a chunk were evaluated with one key, the one that was published: `GenerateProof` and `VerifyProof` of
//! RFC 9497, batched.

use curve25519_dalek::{
    RistrettoPoint, Scalar, constants::RISTRETTO_BASEPOINT_POINT as BASE, traits::VartimeMultiscalarMul as _,
};
use sha2::{Digest as _, Sha512};

use crate::{
    Key, Point,
    group::{self, Backend, CONTEXT_STRING, hash_to_scalar},
};

/// Bytes of a proof on the wire.
pub const PROOF_LENGTH: usize = 64;
const ELEMENT_LENGTH: [u8; 2] = [0, 32];

/// A proof, as it goes over the wire: challenge and response.
pub type Proof = [u8; PROOF_LENGTH];

/// The answer was not made with the published key, or is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer was not made with the key that the owner has published")]
pub struct BadProof;

/// `d_i` of `ComputeComposites`: as many scalars as points, which nobody can choose.
fn weights(public: &Point, blinded: &[Point], evaluated: &[Point]) -> Vec<Scalar> {
    let tag_length = u16::try_from(b"Seed-".len() + CONTEXT_STRING.len()).unwrap_or(u16::MAX);
    let mut seed = Sha512::new();
    seed.update(ELEMENT_LENGTH);
    seed.update(public);
    seed.update(tag_length.to_be_bytes());
    seed.update(b"Seed-");
    seed.update(CONTEXT_STRING);
    let seed: [u8; 64] = seed.finalize().into();
    let message = |(place, (one, other)): (usize, (&Point, &Point))| {
        let place = u16::try_from(place).unwrap_or(u16::MAX).to_be_bytes();
        let length = &ELEMENT_LENGTH;
        [&[0, 64], &seed[..], &place, length, one, length, other, b"Composite"].concat()
    };
    let messages: Vec<_> = blinded.iter().zip(evaluated).enumerate().map(message).collect();
    Backend::here().hash_to_scalars(&messages)
}

fn challenge(public: &Point, [composite, product, first, second]: [&RistrettoPoint; 4]) -> Scalar {
    let length = &ELEMENT_LENGTH;
    let [a0, a1, a2, a3] = [composite, product, first, second].map(|point| point.compress().to_bytes());
    let parts: [&[u8]; 11] = [
        length,
        public,
        length,
        &a0,
        length,
        &a1,
        length,
        &a2,
        length,
        &a3,
        b"Challenge",
    ];
    hash_to_scalar(&parts.concat())
}

impl Key {
    /// Proves that `evaluated` is what this key makes of `blinded`, in this order. `random` is used once.
    ///
    /// # Errors
    ///
    /// [`BadProof`] when a point of `blinded` is none.
    pub fn prove(&self, blinded: &[Point], evaluated: &[Point], random: &[u8; 64]) -> Result<Proof, BadProof> {
        self.prove_with(blinded, evaluated, Scalar::from_bytes_mod_order_wide(random))
    }

    pub(crate) fn prove_with(&self, blinded: &[Point], evaluated: &[Point], random: Scalar) -> Result<Proof, BadProof> {
        let public = self.public();
        let weights = weights(&public, blinded, evaluated);
        let composite = Backend::here().sum(blinded, &weights).map_err(|_| BadProof)?;
        let product = composite * self.scalar();
        let challenge = challenge(
            &public,
            [
                &composite,
                &product,
                &RistrettoPoint::mul_base(&random),
                &(composite * random),
            ],
        );
        let response = random - challenge * self.scalar();
        let mut proof = [0; PROOF_LENGTH];
        proof[..32].copy_from_slice(challenge.as_bytes());
        proof[32..].copy_from_slice(response.as_bytes());
        Ok(proof)
    }
}

/// Points of which it is proven that the key with this public half made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub(crate) public: Point,
    pub(crate) evaluated: Vec<Point>,
}

/// Was `evaluated` made of `blinded`, point by point, with the key whose public half is this: then it can be unblinded.
///
/// # Errors
///
/// [`BadProof`] when it was not, when there are not as many of one as of the other, or when something is no point.
pub fn verify(public: &Point, blinded: &[Point], evaluated: &[Point], proof: &Proof) -> Result<Proven, BadProof> {
    if blinded.len() != evaluated.len() || blinded.is_empty() {
        return Err(BadProof);
    }
    let key = group::read(public).ok_or(BadProof)?;
    let scalar = |bytes: &[u8]| {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| BadProof)?;
        Option::<Scalar>::from(Scalar::from_canonical_bytes(bytes)).ok_or(BadProof)
    };
    let (claimed, response) = (scalar(&proof[..32])?, scalar(&proof[32..])?);
    let weights = weights(public, blinded, evaluated);
    let sum = |points| Backend::here().sum(points, &weights).map_err(|_| BadProof);
    let (composite, product) = (sum(blinded)?, sum(evaluated)?);
    let first = RistrettoPoint::vartime_multiscalar_mul([response, claimed], [BASE, key]);
    let second = RistrettoPoint::vartime_multiscalar_mul([response, claimed], [composite, product]);
    if challenge(public, [&composite, &product, &first, &second]) == claimed {
        Ok(Proven {
            public: *public,
            evaluated: evaluated.to_vec(),
        })
    } else {
        Err(BadProof)
    }
}
