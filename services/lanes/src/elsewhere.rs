//! Processors that never have the instructions.

use crate::{Bytes, Halves, SignedBytes};

/// There is none here.
#[derive(Clone, Copy, Debug)]
pub enum Lanes {}

/// There is none here.
#[derive(Debug)]
pub enum Base {}

/// There is none here.
#[derive(Clone, Copy, Debug)]
pub enum Addend {}

impl Lanes {
    /// None.
    #[must_use]
    pub fn here() -> Option<Self> {
        None
    }

    /// Never called.
    #[must_use]
    pub fn map_and_multiply(self, _: &[[u8; 64]], _: Halves<'_>) -> Vec<Bytes> {
        match self {}
    }

    /// Never called.
    ///
    /// # Errors
    ///
    /// None.
    pub fn multiply(self, _: &[Bytes], _: Halves<'_>) -> Result<Vec<Bytes>, usize> {
        match self {}
    }

    /// Never called.
    #[must_use]
    pub fn base(self, _: &Bytes) -> Option<Base> {
        match self {}
    }

    /// Never called.
    #[must_use]
    pub fn map_and_add(self, _: &[[u8; 64]], _: &Base, _: &[Bytes]) -> Vec<Bytes> {
        match self {}
    }

    /// Never called.
    ///
    /// # Errors
    ///
    /// None.
    pub fn add(self, _: &[Bytes], _: &Base, _: &[Bytes]) -> Result<Vec<Bytes>, usize> {
        match self {}
    }

    /// Never called.
    ///
    /// # Errors
    ///
    /// None.
    pub fn addends(self, _: &[Bytes]) -> Result<Vec<Addend>, usize> {
        match self {}
    }

    /// Never called.
    #[must_use]
    pub fn sums_of_bytes(self, _: &[Addend], _: &[SignedBytes], _: usize) -> [Bytes; 8] {
        match self {}
    }

    /// Never called.
    #[must_use]
    pub fn sha512(self, _: &[Vec<u8>]) -> Vec<[u8; 64]> {
        match self {}
    }

    /// Never called.
    pub fn floor(self, _: usize) {
        match self {}
    }
}
