//! What delivery asks of whoever keeps the messages: PostgreSQL in production, memory in the simulation.

use std::future::Future;

use hansa_proto::{
    link::v1::{ExchangeRequest, ExchangeResponse, Refusal, TrafficClass},
    types::v1::Signed,
};
use hansa_vocab::{LinkId, NodeId, TenantId};
use tonic::transport::Channel;

use crate::Error;

/// One end of a link that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct End {
    /// Whose.
    pub tenant: TenantId,
    /// Which link.
    pub link: LinkId,
}

/// Keeps what is to be sent and what has come. Each step is durable when it returns.
pub trait Mailbox: Clone + Send + Sync + 'static {
    /// The way to a partner's node.
    ///
    /// # Errors
    ///
    /// When its card is missing.
    fn channel(&self, node: NodeId) -> Result<Channel, Error>;

    /// The way to this node leads nowhere, although nothing has said so: the next one is dialled anew.
    fn redial(&self, node: NodeId);

    /// The oldest batch that the peer has not receipted; the messages that are waiting are numbered and sealed first when there
    /// is none. The same batch again, byte for byte, until it is receipted.
    fn next(
        &self,
        end: End,
        class: TrafficClass,
    ) -> impl Future<Output = Result<Option<ExchangeRequest>, Error>> + Send;

    /// The peer has answered with this receipt.
    fn receipted(
        &self,
        end: End,
        class: TrafficClass,
        receipt: Signed,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// The peer has refused the batch. The oldest one without a receipt is sent again after a wait, whatever the reason.
    fn refused(
        &self,
        end: End,
        class: TrafficClass,
        refusal: Refusal,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// A partner's node sends a batch: applies it once, or says why not.
    fn answer(&self, node: NodeId, asked: ExchangeRequest) -> impl Future<Output = ExchangeResponse> + Send;

    /// Any number, all of them equally likely.
    fn chance(&self) -> u64;
}
