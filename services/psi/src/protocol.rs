//! Who does what: the owner's key and masks, the partner's blinds, and the tokens that both come to.

use std::fmt;

use curve25519_dalek::{RistrettoPoint, Scalar};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::{BadPoint, Point, group};

const CONTEXT_TAG: &str = "hansa/v1/psi/context";
const TOKEN_TAG: &str = "hansa/v1/psi/token";
const RELEASE_TAG: &str = "hansa/v1/psi/release";
const BLIND_TAG: &str = "hansa/v1/psi/blind";

/// What a person is known by. A telephone number never answers to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Digits of E.164.
    Phone,
    /// A mail address.
    Email,
}

/// What points and tokens are for; it goes into every one of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Context([u8; 32]);

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Context")
    }
}

impl Context {
    /// Of an owner (enterprise id), a scope (link id), one of its pools, a purpose and an epoch.
    #[must_use]
    pub fn new(owner: &[u8; 32], scope: &[u8; 16], pool: &str, purpose: &str, epoch: u32) -> Self {
        let mut hash = blake3::Hasher::new_derive_key(CONTEXT_TAG);
        hash.update(owner);
        hash.update(scope);
        for word in [pool, purpose] {
            hash.update(&u32::try_from(word.len()).unwrap_or(u32::MAX).to_be_bytes());
            hash.update(word.as_bytes());
        }
        hash.update(&epoch.to_be_bytes());
        Self(*hash.finalize().as_bytes())
    }

    fn points<'a>(&self, people: impl IntoIterator<Item = (Kind, &'a [u8])>) -> Vec<RistrettoPoint> {
        let people: Vec<_> = people.into_iter().collect();
        let points = people.par_iter().with_min_len(group::TOGETHER);
        points.map(|(kind, identifier)| self.point(*kind, identifier)).collect()
    }

    fn point(&self, kind: Kind, identifier: &[u8]) -> RistrettoPoint {
        let kind: &[u8] = match kind {
            Kind::Phone => b"phone\0",
            Kind::Email => b"email\0",
        };
        group::hash_to_group(&[&self.0, kind, identifier])
    }
}

/// What stands in a filter for a person, and is compared at a release.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub [u8; 16]);

impl Token {
    /// Its first eight bytes as a number: the order of numbers is that of tokens.
    #[must_use]
    pub fn prefix(&self) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|place| self.0[place]))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token")
    }
}

/// What only those hold who have masked or asked for the same person: token and key of a release follow from it.
pub struct Secret(Zeroizing<Point>);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

impl Secret {
    fn derive(&self, tag: &str, context: &Context, out: &mut [u8]) {
        let mut hash = blake3::Hasher::new_derive_key(tag);
        hash.update(&context.0);
        hash.update(&*self.0);
        hash.finalize_xof().fill(out);
    }

    /// The person's token.
    #[must_use]
    pub fn token(&self, context: &Context) -> Token {
        let mut token = [0; 16];
        self.derive(TOKEN_TAG, context, &mut token);
        Token(token)
    }

    /// The key under which what is released of the person goes over the link.
    #[must_use]
    pub fn release_key(&self, context: &Context) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.derive(RELEASE_TAG, context, &mut *key);
        key
    }
}

/// The owner's key of an epoch.
pub struct Key {
    scalar: Zeroizing<Scalar>,
    half: Zeroizing<Scalar>,
    public: Point,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key")
    }
}

impl Key {
    /// The key that follows from these random bytes.
    #[must_use]
    pub fn from_random(random: &[u8; 64]) -> Self {
        Self::from_scalar(Scalar::from_bytes_mod_order_wide(random))
    }

    /// The key that was written down with [`Key::to_bytes`]; none when these bytes are no key.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        let scalar = Option::<Scalar>::from(Scalar::from_canonical_bytes(bytes))?;
        (scalar != Scalar::ZERO).then(|| Self::from_scalar(scalar))
    }

    fn from_scalar(scalar: Scalar) -> Self {
        Self {
            half: Zeroizing::new(scalar.div_by_2()),
            public: RistrettoPoint::mul_base(&scalar).compress().to_bytes(),
            scalar: Zeroizing::new(scalar),
        }
    }

    /// To be written down, sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.scalar.to_bytes())
    }

    /// The half that is published: with it, answers are verified.
    #[must_use]
    pub fn public(&self) -> Point {
        self.public
    }

    pub(crate) fn scalar(&self) -> Scalar {
        *self.scalar
    }

    /// What these people are under this key, in their order.
    #[must_use]
    pub fn mask<'a>(&self, context: &Context, people: impl IntoIterator<Item = (Kind, &'a [u8])>) -> Vec<Secret> {
        let points = people
            .into_iter()
            .map(|(kind, identifier)| context.point(kind, identifier));
        let points: Vec<_> = points.collect();
        let masked = group::multiply(&points, |_| *self.half);
        masked.into_iter().map(|point| Secret(Zeroizing::new(point))).collect()
    }

    /// What this key makes of points that nobody here can read.
    ///
    /// # Errors
    ///
    /// [`BadPoint`] naming the first that is none; nothing is evaluated then.
    pub fn evaluate(&self, blinded: &[Point]) -> Result<Vec<Point>, BadPoint> {
        let points = group::read(blinded)?;
        Ok(group::multiply(&points, |_| *self.half))
    }
}

/// The partner's blinds of one list: one for each place in it, all of one seed, so that a single one can be shown to an auditor.
pub struct Blinds(Zeroizing<[u8; 32]>);

impl fmt::Debug for Blinds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Blinds")
    }
}

impl Blinds {
    /// The blinds of this seed, which is used for one list.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(Zeroizing::new(seed))
    }

    fn scalar(&self, place: u64) -> Scalar {
        let key = blake3::derive_key(BLIND_TAG, &*self.0);
        let mut wide = Zeroizing::new([0; 64]);
        let mut hash = blake3::Hasher::new_keyed(&key);
        hash.update(&place.to_be_bytes());
        hash.finalize_xof().fill(&mut *wide);
        let scalar = Scalar::from_bytes_mod_order_wide(&wide);
        // One seed in 2^252 gives it; it would blind nothing, and has no inverse.
        if scalar == Scalar::ZERO { Scalar::ONE } else { scalar }
    }

    /// The blind of one place, to be shown.
    #[must_use]
    pub fn open(&self, place: u64) -> [u8; 32] {
        self.scalar(place).to_bytes()
    }

    /// Blinds these people, who stand in the list from `first` on.
    #[must_use]
    pub fn blind<'a>(
        &self,
        context: &Context,
        first: u64,
        people: impl IntoIterator<Item = (Kind, &'a [u8])>,
    ) -> Vec<Point> {
        let half = |place: usize| self.scalar(first + place as u64).div_by_2();
        group::multiply(&context.points(people), half)
    }

    /// Takes the blinds off an answer to [`Blinds::blind`] with the same `first`.
    ///
    /// # Errors
    ///
    /// [`BadPoint`] naming the first that is none.
    pub fn unblind(&self, first: u64, evaluated: &[Point]) -> Result<Vec<Secret>, BadPoint> {
        let points = group::read(evaluated)?;
        let mut inverses: Zeroizing<Vec<_>> =
            Zeroizing::new((first..).take(points.len()).map(|place| self.scalar(place)).collect());
        Scalar::invert_batch_alloc(&mut inverses);
        let unblinded = group::multiply(&points, |place| inverses[place].div_by_2());
        Ok(unblinded
            .into_iter()
            .map(|point| Secret(Zeroizing::new(point)))
            .collect())
    }
}

/// Was this point made of this person with this blind: what an auditor asks.
#[must_use]
pub fn opens(context: &Context, person: (Kind, &[u8]), blind: [u8; 32], blinded: &Point) -> bool {
    let Some(blind) = Option::<Scalar>::from(Scalar::from_canonical_bytes(blind)) else {
        return false;
    };
    (context.point(person.0, person.1) * blind).compress().as_bytes() == blinded
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
