//! Who does what: the owner's key and masks, the partner's blinds, and the tokens that both come to.

use std::fmt;

use curve25519_dalek::{RistrettoPoint, Scalar};
use zeroize::Zeroizing;

use crate::{
    BadPoint, BadProof, Point, Proven,
    group::{self, Backend},
};

const CONTEXT_TAG: &str = "hansa/v1/psi/context";
const TOKEN_TAG: &str = "hansa/v1/psi/token";
const RELEASE_TAG: &str = "hansa/v1/psi/release";
const LIST_BLIND_TAG: &str = "hansa/v1/psi/list-blind";
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

    fn messages<'a>(&self, people: impl IntoIterator<Item = (Kind, &'a [u8])>) -> Vec<Vec<u8>> {
        let message = |(kind, identifier)| self.message(kind, identifier);
        people.into_iter().map(message).collect()
    }

    fn message(&self, kind: Kind, identifier: &[u8]) -> Vec<u8> {
        let kind: &[u8] = match kind {
            Kind::Phone => b"phone\0",
            Kind::Email => b"email\0",
        };
        [&self.0, kind, identifier].concat()
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
        let masked = Backend::here().hash_and_multiply(&context.messages(people), &self.half);
        masked.into_iter().map(|point| Secret(Zeroizing::new(point))).collect()
    }

    /// What this key makes of points that nobody here can read.
    ///
    /// # Errors
    ///
    /// [`BadPoint`] naming the first that is none; nothing is evaluated then.
    pub fn evaluate(&self, blinded: &[Point]) -> Result<Vec<Point>, BadPoint> {
        Backend::here().multiply(blinded, &self.half)
    }
}

/// The partner's blinds of one list: one for each place in it, all of one seed, so that a single one can be shown to an auditor.
///
/// A blind is added (the generator times it), where RFC 9497 multiplies by it. What goes over the wire is uniform either way; the owner
/// can't tell one from the other. Added blinds come from tables, at a third of the cost, and need the owner's public key to come off:
/// that the answer was made with it has to be proven first. Jarecki, Krawczyk and Xu (PKC 2021) compare the two, in favour of this one.
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
        Scalar::from_bytes_mod_order_wide(&wide)
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
        let messages = context.messages(people);
        Backend::here().hash_and_add(&messages, |place| self.scalar(first + place as u64))
    }

    /// Takes the blinds off an answer to [`Blinds::blind`] with the same `first`.
    ///
    /// # Errors
    ///
    /// [`BadProof`] when something is no point, which [`verify`](crate::verify) rules out.
    pub fn unblind(&self, first: u64, proven: &Proven) -> Result<Vec<Secret>, BadProof> {
        let scalar = |place: usize| self.scalar(first + place as u64);
        let unblinded = Backend::here().subtract(&proven.evaluated, &proven.public, scalar);
        let unblinded = unblinded.map_err(|_| BadProof)?.into_iter();
        Ok(unblinded.map(|point| Secret(Zeroizing::new(point))).collect())
    }
}

/// One blind for a whole list, multiplied by as RFC 9497 has it: of answers that come shuffled nobody could take off one of each.
///
/// The same person twice in a list gives the same point twice; in another list, another.
pub struct ListBlind(Zeroizing<Scalar>);

impl fmt::Debug for ListBlind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ListBlind")
    }
}

impl ListBlind {
    /// The blind of this seed, which is used for one list.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Self {
        let mut wide = Zeroizing::new([0; 64]);
        let mut hash = blake3::Hasher::new_derive_key(LIST_BLIND_TAG);
        hash.update(seed);
        hash.finalize_xof().fill(&mut *wide);
        let scalar = Scalar::from_bytes_mod_order_wide(&wide);
        // One seed in 2^252 gives zero; it would blind nothing, and has no inverse.
        Self(Zeroizing::new(if scalar == Scalar::ZERO {
            Scalar::ONE
        } else {
            scalar
        }))
    }

    /// Blinds these people.
    #[must_use]
    pub fn blind<'a>(&self, context: &Context, people: impl IntoIterator<Item = (Kind, &'a [u8])>) -> Vec<Point> {
        Backend::here().hash_and_multiply(&context.messages(people), &self.0.div_by_2())
    }

    /// Takes the blind off answers, in whatever order they come.
    ///
    /// # Errors
    ///
    /// [`BadPoint`] naming the first that is none.
    pub fn unblind(&self, evaluated: &[Point]) -> Result<Vec<Secret>, BadPoint> {
        let half = Zeroizing::new(self.0.invert().div_by_2());
        let unblinded = Backend::here().multiply(evaluated, &half)?;
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
    let point = group::hash_to_group(&context.message(person.0, person.1));
    (point + RistrettoPoint::mul_base(&blind)).compress().as_bytes() == blinded
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
