//! The wire of documents. Partners speak of documents by messages, see `events.rs`; they call for the bytes of files alone.

mod partner;
mod staff;

use futures_util::{Stream, stream::try_unfold};
use hansa_edge::status;
pub use partner::DocumentsPartner;
pub use staff::DocumentsStaff;
use tonic::Status;

use crate::Error;

/// The parts of a file one after the other, each read when the one before has been taken.
fn parts<F, R>(part: F) -> impl Stream<Item = Result<Vec<u8>, Status>> + Send
where
    F: Fn(i16) -> R + Clone + Send + 'static,
    R: Future<Output = Result<Option<Vec<u8>>, Error>> + Send,
{
    try_unfold((part, 0), |(part, place)| async move {
        let read = part(place).await.map_err(status)?;
        Ok(read.map(|bytes| (bytes, (part, place + 1))))
    })
}
