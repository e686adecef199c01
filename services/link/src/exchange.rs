//! The receiving side of an exchange: batches of many links come in on one stream, each is answered when it has been applied.

use futures_util::{Stream, StreamExt as _};
use hansa_proto::link::v1::{ExchangeRequest, ExchangeResponse, Refusal, exchange_response::Answer};
use hansa_vocab::NodeId;
use tonic::Status;

use crate::mailbox::Mailbox;

/// Batches of one stream that are applied at one time; more wait in the sender.
const ANSWERS_AT_ONCE: usize = 16;

/// Answers each frame. A batch runs to its end even when the stream is dropped: its receipt is found when it comes again.
pub fn answers<M: Mailbox>(
    mailbox: M,
    node: NodeId,
    frames: impl Stream<Item = Result<ExchangeRequest, Status>> + Send + 'static,
) -> impl Stream<Item = Result<ExchangeResponse, Status>> + Send + 'static {
    frames
        .map(move |frame| {
            let mailbox = mailbox.clone();
            async move {
                let frame = frame?;
                let (link_id, to) = (frame.link_id.clone(), frame.to.clone());
                let applied = tokio::spawn(async move { mailbox.answer(node, frame).await }).await;
                Ok(applied.unwrap_or_else(|error| {
                    tracing::error!(%error, "a batch broke");
                    ExchangeResponse {
                        link_id,
                        from: to,
                        answer: Some(Answer::Refusal(try_later())),
                    }
                }))
            }
        })
        .buffer_unordered(ANSWERS_AT_ONCE)
}

/// Nothing is wrong with the batch, but it can't be applied now.
#[must_use]
pub fn try_later() -> Refusal {
    Refusal {
        reason: "UNAVAILABLE".to_owned(),
        expected: 0,
    }
}
