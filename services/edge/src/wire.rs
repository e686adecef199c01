//! What all faces write and read in the same way.

use hansa_vocab::Fault;
use time::{Duration, OffsetDateTime};
use tonic::Status;
use uuid::Uuid;

use crate::status;

/// A length of time as the wire has it.
#[must_use]
pub fn duration(length: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: length.whole_seconds(),
        nanos: length.subsec_nanoseconds(),
    }
}

/// An instant as the wire has it.
#[must_use]
pub fn timestamp(at: OffsetDateTime) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.unix_timestamp(),
        nanos: i32::try_from(at.nanosecond()).unwrap_or_default(),
    }
}

/// Reads an id.
///
/// # Errors
///
/// INVALID_ARGUMENT, which names the field.
pub fn id(field: &'static str, text: &str) -> Result<Uuid, Status> {
    text.parse().map_err(|_| status(Fault::invalid(field, "not an id")))
}

/// Reads an id that may be missing.
///
/// # Errors
///
/// INVALID_ARGUMENT, which names the field.
pub fn maybe_id(field: &'static str, text: &str) -> Result<Option<Uuid>, Status> {
    if text.is_empty() {
        Ok(None)
    } else {
        id(field, text).map(Some)
    }
}
