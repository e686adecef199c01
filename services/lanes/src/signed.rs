//! Scalars that are no secrets, cut into bytes.

use crate::Bytes;

/// The bytes of a scalar, from -128 to 127 each, the lowest first.
#[derive(Clone, Copy, Debug)]
pub struct SignedBytes(pub(crate) [i8; 32]);

impl From<&Bytes> for SignedBytes {
    /// Of a scalar below 2^253.
    fn from(scalar: &Bytes) -> Self {
        let mut carry = 0;
        Self(scalar.map(|byte| {
            let byte = i16::from(byte) + carry;
            carry = i16::from(byte >= 128);
            i8::try_from(byte - 256 * carry).unwrap_or_default()
        }))
    }
}
