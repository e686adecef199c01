//! RFC 9497, ristretto255-SHA512 in mode VOPRF: hashing to the group and to scalars, and what is done with many points together.

use std::sync::OnceLock;

use curve25519_dalek::{
    RistrettoPoint, Scalar,
    constants::{RISTRETTO_BASEPOINT_POINT, RISTRETTO_BASEPOINT_TABLE},
    ristretto::{CompressedRistretto, RistrettoBasepointTable},
    traits::{Identity as _, IsIdentity as _, VartimeMultiscalarMul as _},
};
use hansa_lanes::{Base, Halves, Lanes, SignedBytes, TOGETHER};
use rayon::prelude::*;
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use crate::{BadPoint, Point};

/// `"OPRFV1-" || I2OSP(1, 1) || "-ristretto255-SHA512"`.
pub const CONTEXT_STRING: &[u8] = b"OPRFV1-\x01-ristretto255-SHA512";
/// Bytes of a block of SHA-512.
const BLOCK: usize = 128;
/// From so many points on, sums are made in lanes: below, the buckets cost more than they save.
const MANY: usize = 512;
const TO_GROUP: &[u8] = b"HashToGroup-";
const TO_SCALAR: &[u8] = b"HashToScalar-";

/// How points are worked on: eight at a time where the processor can, else one by one. Both give the same bytes.
#[derive(Clone, Copy, Debug)]
pub enum Backend {
    Lanes(Lanes),
    OneByOne,
}

/// What is hashed in the two rounds of `expand_message_xmd` of RFC 9380 with SHA-512, for 64 bytes.
struct Expand {
    end: Vec<u8>,
}

impl Expand {
    fn new(tag: &[u8]) -> Self {
        let mut end = [tag, CONTEXT_STRING].concat();
        end.push(u8::try_from(end.len()).unwrap_or(u8::MAX));
        Self { end }
    }

    fn first(&self, message: &[u8]) -> Vec<u8> {
        [&[0; BLOCK], message, &[0, 64, 0], &self.end].concat()
    }

    fn second(&self, first: &[u8; 64]) -> Vec<u8> {
        [first.as_slice(), &[1], &self.end].concat()
    }
}

/// `HashToGroup`.
pub fn hash_to_group(message: &[u8]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&Backend::OneByOne.expand(&[message], TO_GROUP)[0])
}

/// `HashToScalar`.
pub fn hash_to_scalar(message: &[u8]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Backend::OneByOne.expand(&[message], TO_SCALAR)[0])
}

/// `DeserializeElement`: only the canonical form of a point, and never the identity.
pub fn read(bytes: &Point) -> Option<RistrettoPoint> {
    let point = CompressedRistretto(*bytes).decompress()?;
    (!point.is_identity()).then_some(point)
}

fn read_all(points: &[Point]) -> Result<Vec<RistrettoPoint>, usize> {
    let read = |(place, bytes)| read(bytes).ok_or(place);
    points.iter().enumerate().map(read).collect()
}

/// So many at a time, on all processors; in their order, and the first that is none named, whoever came upon one first.
fn together<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(usize, &[T]) -> Result<Vec<R>, usize> + Sync,
) -> Result<Vec<R>, BadPoint> {
    let some = |(chunk, some): (usize, &[T])| {
        let first = chunk * TOGETHER;
        work(first, some).map_err(|place| BadPoint(first + place))
    };
    let done: Vec<_> = all.par_chunks(TOGETHER).enumerate().map(some).collect();
    let done: Result<Vec<_>, _> = done.into_iter().collect();
    Ok(done?.into_iter().flatten().collect())
}

/// The same, of what can't be none.
fn surely<T: Sync, R: Send>(all: &[T], work: impl Fn(usize, &[T]) -> Vec<R> + Sync) -> Vec<R> {
    together(all, |first, some| Ok(work(first, some))).unwrap_or_default()
}

fn compressed(points: impl Iterator<Item = RistrettoPoint>) -> Vec<Point> {
    points.map(|point| point.compress().to_bytes()).collect()
}

/// One inversion serves all, which is why scalars are halved.
fn doubled(points: impl Iterator<Item = RistrettoPoint>) -> Vec<Point> {
    let points: Vec<_> = points.collect();
    let encoded = RistrettoPoint::double_and_compress_batch(&points).into_iter();
    encoded.map(|point| point.to_bytes()).collect()
}

fn bytes(scalars: &[Scalar]) -> Zeroizing<Vec<[u8; 32]>> {
    Zeroizing::new(scalars.iter().map(Scalar::to_bytes).collect())
}

/// The generator's multiples.
fn generator(lanes: Lanes) -> Option<&'static Base> {
    static GENERATOR: OnceLock<Option<Base>> = OnceLock::new();
    let made = || lanes.base(RISTRETTO_BASEPOINT_POINT.compress().as_bytes());
    GENERATOR.get_or_init(made).as_ref()
}

impl Backend {
    /// The faster one that there is here.
    pub fn here() -> Self {
        Lanes::here().map_or(Self::OneByOne, Self::Lanes)
    }

    fn expand<M: AsRef<[u8]>>(self, messages: &[M], tag: &[u8]) -> Vec<[u8; 64]> {
        let expand = Expand::new(tag);
        match self {
            Self::Lanes(lanes) => {
                let first = messages.iter().map(|message| expand.first(message.as_ref()));
                let hashes = lanes.sha512(&first.collect::<Vec<_>>());
                let second = hashes.iter().map(|hash| expand.second(hash));
                lanes.sha512(&second.collect::<Vec<_>>())
            }
            Self::OneByOne => {
                let hash = |message: &M| {
                    let first: [u8; 64] = Sha512::digest(expand.first(message.as_ref())).into();
                    Sha512::digest(expand.second(&first)).into()
                };
                messages.iter().map(hash).collect()
            }
        }
    }

    /// `HashToScalar` of each.
    pub fn hash_to_scalars(self, messages: &[Vec<u8>]) -> Vec<Scalar> {
        surely(messages, |_, some| {
            let wide = self.expand(some, TO_SCALAR);
            wide.iter().map(Scalar::from_bytes_mod_order_wide).collect()
        })
    }

    /// `HashToGroup` of each, times twice this scalar.
    pub fn hash_and_multiply(self, messages: &[Vec<u8>], half: &Scalar) -> Vec<Point> {
        surely(messages, |_, some| {
            let uniform = self.expand(some, TO_GROUP);
            match self {
                Self::Lanes(lanes) => lanes.map_and_multiply(&uniform, Halves::One(&Zeroizing::new(half.to_bytes()))),
                Self::OneByOne => doubled(
                    uniform
                        .iter()
                        .map(|uniform| RistrettoPoint::from_uniform_bytes(uniform) * half),
                ),
            }
        })
    }

    /// Each point times twice this scalar.
    pub fn multiply(self, points: &[Point], half: &Scalar) -> Result<Vec<Point>, BadPoint> {
        together(points, |_, some| match self {
            Self::Lanes(lanes) => lanes.multiply(some, Halves::One(&Zeroizing::new(half.to_bytes()))),
            Self::OneByOne => Ok(doubled(read_all(some)?.into_iter().map(|point| point * half))),
        })
    }

    /// `HashToGroup` of each, plus the generator times the scalar of its place.
    pub fn hash_and_add(self, messages: &[Vec<u8>], scalar: impl Fn(usize) -> Scalar + Sync) -> Vec<Point> {
        surely(messages, |first, some| {
            let uniform = self.expand(some, TO_GROUP);
            let scalars: Zeroizing<Vec<_>> = Zeroizing::new((first..first + some.len()).map(&scalar).collect());
            if let Self::Lanes(lanes) = self
                && let Some(generator) = generator(lanes)
            {
                return lanes.map_and_add(&uniform, generator, &bytes(&scalars));
            }
            let moved = |(uniform, scalar): (&[u8; 64], &Scalar)| {
                RistrettoPoint::from_uniform_bytes(uniform) + RISTRETTO_BASEPOINT_TABLE * scalar
            };
            compressed(uniform.iter().zip(scalars.iter()).map(moved))
        })
    }

    /// Each point minus `base` times the scalar of its place. Nothing when the base is no point.
    pub fn subtract(
        self,
        points: &[Point],
        base: &Point,
        scalar: impl Fn(usize) -> Scalar + Sync,
    ) -> Result<Vec<Point>, BadPoint> {
        let multiples = Multiples::of(self, base).ok_or(BadPoint(0))?;
        together(points, |first, some| {
            let scalars = (first..first + some.len()).map(|place| -scalar(place));
            let scalars: Zeroizing<Vec<_>> = Zeroizing::new(scalars.collect());
            match &multiples {
                Multiples::Lanes(lanes, base) => lanes.add(some, base, &bytes(&scalars)),
                Multiples::OneByOne(base) => {
                    let points = read_all(some)?;
                    let moved = points.iter().zip(scalars.iter());
                    Ok(compressed(moved.map(|(point, scalar)| point + &**base * scalar)))
                }
            }
        })
    }

    /// The sum of the points, each times its scalar, which is no secret.
    pub fn sum(self, points: &[Point], scalars: &[Scalar]) -> Result<RistrettoPoint, BadPoint> {
        match self {
            Self::Lanes(lanes) if points.len() >= MANY => {
                let addends = together(points, |_, some| lanes.addends(some))?;
                let signed = |scalar: &Scalar| SignedBytes::from(scalar.as_bytes());
                let signed: Vec<_> = scalars.iter().map(signed).collect();
                let firsts = [0, 8, 16, 24].par_iter();
                let sums: Vec<_> = firsts
                    .flat_map_iter(|first| lanes.sums_of_bytes(&addends, &signed, *first))
                    .collect();
                // They are points, and may be the identity.
                let sum = |sum: RistrettoPoint, byte: &Point| {
                    let byte = CompressedRistretto(*byte).decompress().unwrap_or_default();
                    (0..8).fold(sum, |sum, _| sum + sum) + byte
                };
                Ok(sums.iter().rev().fold(RistrettoPoint::identity(), sum))
            }
            _ => {
                let points = together(points, |_, some| read_all(some))?;
                Ok(RistrettoPoint::vartime_multiscalar_mul(scalars, &points))
            }
        }
    }
}

/// What makes the multiples of a point quick.
enum Multiples {
    Lanes(Lanes, Base),
    OneByOne(Box<RistrettoBasepointTable>),
}

impl Multiples {
    fn of(backend: Backend, base: &Point) -> Option<Self> {
        Some(match backend {
            Backend::Lanes(lanes) => Self::Lanes(lanes, lanes.base(base)?),
            Backend::OneByOne => Self::OneByOne(Box::new(RistrettoBasepointTable::create(&read(base)?))),
        })
    }
}
