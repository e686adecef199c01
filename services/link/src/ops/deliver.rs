//! Messages to and from partners on PostgreSQL: each step is one transaction of the tenant, around the rules of
//! `model/outbox.rs` and `model/inbox.rs`.

use std::collections::BTreeSet;

use hansa_edge::{caused_by, trace_parent};
use hansa_proto::{
    link::v1::{
        Batch, ExchangeRequest, ExchangeResponse, Message, Parcel, ReceiptHeader, Refusal, TrafficClass,
        exchange_response::Answer,
    },
    types::v1::Signed,
};
use hansa_tenancy::{Caller as _, Errand, Mark, TenantTx};
use hansa_vocab::{EnterpriseId, Fault, LinkId, NodeId};
use prost::Message as _;
use tonic::transport::Channel;
use tracing::{Instrument as _, info_span};

use super::{Links, peer_of};
use crate::{
    Error, Permit,
    effect::{EffectError, Heard, Incoming, Outcome},
    exchange::try_later,
    mailbox::{End, Mailbox},
    model::{
        inbox::{self, BadBatch, Decisions, Next, claimed},
        outbox::{self, AfterRefusal, BadReceipt, Lane, Receipted},
    },
    store::{
        delivery::{self, NewBatch, NewMessage},
        inbox::{self as came, Entries},
        links,
    },
};

/// Why a batch is not applied.
enum Trouble {
    Bad(BadBatch),
    Effect(EffectError),
    Other(Error),
}

impl<E: Into<Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

fn errand(end: End) -> Errand {
    Errand::new("link.courier", end.tenant)
}

/// A batch of ours, as we have sealed it.
fn read_again(parcel: &Parcel) -> Result<Batch, Error> {
    let body = parcel.batch.as_ref().map(|batch| batch.body.clone());
    let mut batch = Batch::decode(body.unwrap_or_default()).map_err(|_| Error::Damaged("batch"))?;
    if let Some(said) = &parcel.payloads {
        inbox::fill(&mut batch, said).map_err(|_| Error::Damaged("payloads"))?;
    }
    Ok(batch)
}

fn decoded(bytes: &[u8]) -> Result<Signed, Error> {
    Signed::decode(bytes).map_err(|_| Error::Damaged("batch"))
}

impl Mailbox for Links {
    fn channel(&self, node: NodeId) -> Result<Channel, Error> {
        Self::channel(self, node)
    }

    fn redial(&self, node: NodeId) {
        self.forget_channel(node);
    }

    async fn next(&self, end: End, class: TrafficClass) -> Result<Option<ExchangeRequest>, Error> {
        let Some(fence) = self.fence_of(end.link) else {
            return Ok(None);
        };
        let mut tx = self.tenancy().begin("link.seal", &errand(end)).await?;
        let Some(epoch) = delivery::fence(&mut tx, end.link, fence).await? else {
            return Ok(None);
        };
        let row = links::find(&mut tx, end.link).await?;
        let to = row.peer.ok_or(Error::Damaged("link row"))?;
        let open = delivery::open(&*self.0.vault.seal(&mut tx).await?, &mut tx, end.link, class).await?;
        let open = match open {
            Some(open) => Some(open),
            None => self.seal(&mut tx, end.link, epoch, class).await?,
        };
        tx.commit().await?;
        Ok(open.map(|parcel| ExchangeRequest {
            link_id: end.link.to_string(),
            to: to.as_bytes().to_vec().into(),
            parcel: Some(parcel),
        }))
    }

    async fn receipted(&self, end: End, class: TrafficClass, receipt: Signed) -> Result<(), Error> {
        let mut tx = self.tenancy().begin("link.receipted", &errand(end)).await?;
        let row = links::find(&mut tx, end.link).await?;
        let mut cursor = delivery::cursor(&mut tx, end.link, class).await?;
        let seal = self.0.vault.seal(&mut tx).await?;
        let Some(open) = delivery::open(&seal, &mut tx, end.link, class).await? else {
            return Ok(());
        };
        let batch = read_again(&open)?;
        let lane = Lane {
            link: end.link,
            epoch: u64::try_from(row.epoch).unwrap_or(0),
            sender: self.0.vault.identity(&mut tx).await?.enterprise,
            class,
        };
        let peer = peer_of(&mut tx, end.link)
            .await?
            .ok_or(Error::Damaged("introduction"))?;
        match cursor.sent.receipt(&lane, &batch, &receipt, &peer) {
            Ok(Receipted::Advanced(header)) => {
                self.heard(&mut tx, end.link, &batch, &header).await?;
                delivery::answered(&mut tx, end.link, class, batch.first, &receipt.encode_to_vec()).await?;
                delivery::advance(&mut tx, end.link, class, &cursor.sent, &cursor.received).await?;
            }
            Ok(Receipted::Known) => {}
            Err(bad @ (BadReceipt::Fork | BadReceipt::OtherMessages)) => {
                self.stop_lane(&mut tx, end.link, class, &bad.to_string()).await?;
            }
            Err(bad) => links::set_refusal(&mut tx, end.link, &bad.to_string()).await?,
        }
        Ok(tx.commit().await?)
    }

    async fn refused(&self, end: End, class: TrafficClass, refusal: Refusal) -> Result<(), Error> {
        let mut tx = self.tenancy().begin("link.refused", &errand(end)).await?;
        let cursor = delivery::cursor(&mut tx, end.link, class).await?;
        match outbox::after_refusal(&cursor.sent, &refusal.reason, refusal.expected) {
            AfterRefusal::Fork => {
                let text = format!("the partner refused a batch: {}", refusal.reason);
                self.stop_lane(&mut tx, end.link, class, &text).await?;
            }
            AfterRefusal::Stopped => links::set_refusal(&mut tx, end.link, &refusal.reason).await?,
            AfterRefusal::Rewind(_) | AfterRefusal::Wait => {}
        }
        Ok(tx.commit().await?)
    }

    async fn answer(&self, node: NodeId, asked: ExchangeRequest) -> ExchangeResponse {
        let answer = match self.judge(node, &asked).await {
            Ok(receipt) => Answer::Receipt(receipt),
            Err(refusal) => Answer::Refusal(refusal),
        };
        self.heard_of(node);
        ExchangeResponse {
            link_id: asked.link_id,
            from: asked.to,
            answer: Some(answer),
        }
    }

    fn chance(&self) -> u64 {
        self.any_number()
    }
}

impl Links {
    /// Writes a message to the partner down, in the transaction of what it tells of. Messages of one key arrive in the order of their
    /// version, which is that of the row whose lock orders them. The link has been roused before.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn post(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        key: (&str, i64),
        message: (&str, &impl prost::Message),
    ) -> Result<(), Error> {
        self.post_in(tx, (link, TrafficClass::Event), key, message).await
    }

    /// The same of a message that waits for no other one: nothing that is posted by [`Links::post`] stands in its way.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn post_first(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        key: (&str, i64),
        message: (&str, &impl prost::Message),
    ) -> Result<(), Error> {
        self.post_in(tx, (link, TrafficClass::Control), key, message).await
    }

    async fn post_in(
        &self,
        tx: &mut TenantTx,
        (link, class): (LinkId, TrafficClass),
        (ordering_key, key_version): (&str, i64),
        (kind, message): (&str, &impl prost::Message),
    ) -> Result<(), Error> {
        let new = NewMessage {
            id: self.tenancy().ids().uuid(),
            link,
            class,
            ordering_key,
            key_version,
            kind,
            payload: &message.encode_to_vec(),
            trace_parent: &trace_parent(),
        };
        delivery::post(&*self.0.vault.seal(tx).await?, tx, &new).await
    }
}

impl Links {
    /// Numbers and seals what waits, and keeps the batches; the first of them is sent first.
    async fn seal(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        epoch: i64,
        class: TrafficClass,
    ) -> Result<Option<Parcel>, Error> {
        let mut cursor = delivery::cursor(tx, link, class).await?;
        if !cursor.fork.is_empty() {
            return Ok(None);
        }
        let seal = self.0.vault.seal(tx).await?;
        let drafts = delivery::drafts(&seal, tx, link, class).await?;
        if drafts.is_empty() {
            return Ok(None);
        }
        let ids: Vec<_> = drafts.iter().map(|draft| draft.id).collect();
        let us = self.0.vault.identity(tx).await?;
        let lane = Lane {
            link,
            epoch: u64::try_from(epoch).unwrap_or(0),
            sender: us.enterprise,
            class,
        };
        let mut first = None;
        for batch in outbox::seal(&lane, cursor.sent.numbered, drafts) {
            let parcel = outbox::sign(&us.signing, &batch);
            let last = batch.messages.last().map_or(0, |message| message.number);
            let new = NewBatch {
                sent: true,
                class,
                first: batch.first,
                last,
                parcel: &parcel,
                header: None,
            };
            delivery::keep(&seal, tx, link, &new).await?;
            cursor.sent.numbered = last;
            first.get_or_insert(parcel);
        }
        delivery::numbered(tx, &ids).await?;
        delivery::advance(tx, link, class, &cursor.sent, &cursor.received).await?;
        Ok(first)
    }

    async fn stop_lane(&self, tx: &mut TenantTx, link: LinkId, class: TrafficClass, why: &str) -> Result<(), Error> {
        tracing::error!(link.id = %link, why, "the two sides disagree about what was sent: the lane has stopped");
        delivery::stop(tx, link, class, why).await?;
        links::set_refusal(tx, link, why).await
    }

    /// From a frame to a receipt: who calls is checked for each frame.
    async fn judge(&self, node: NodeId, asked: &ExchangeRequest) -> Result<Signed, Refusal> {
        let refusal = |reason: &str| Refusal {
            reason: reason.to_owned(),
            expected: 0,
        };
        let named = asked.link_id.parse().ok().zip(EnterpriseId::try_from(&*asked.to).ok());
        let (link, to) = named.ok_or_else(|| refusal("NOT_FOUND"))?;
        let parcel = asked.parcel.as_ref().ok_or_else(|| refusal("BAD_BATCH"))?;
        let permit = self
            .admit(node, link, to)
            .await
            .map_err(|fault| refusal(&fault.reason))?;
        let span = info_span!(
            "batch",
            tenant.id = %permit.tenant(),
            link.id = %link,
            partner.id = %permit.peer()
        );
        let applied = async {
            match self.apply(&permit, parcel, false).await {
                // One message spoils the batch: find out which, and park it.
                Err(Trouble::Effect(EffectError::Broken(_))) => self.apply(&permit, parcel, true).await,
                other => other,
            }
        };
        let applied = applied.instrument(span).await;
        match applied {
            Ok(receipt) => Ok(receipt),
            Err(Trouble::Bad(bad)) => {
                tracing::warn!(link.id = %link, %bad, "a batch was refused");
                if let Err(error) = self.note_refusal(permit.tenant(), link, &bad.to_string()).await {
                    tracing::warn!(%error, "a refusal could not be written down");
                }
                Err(bad.refusal())
            }
            Err(Trouble::Effect(error)) => {
                tracing::warn!(link.id = %link, %error, "a batch can't be applied now");
                Err(try_later())
            }
            Err(Trouble::Other(error)) => {
                tracing::warn!(link.id = %link, %error, "a batch can't be applied now");
                let fault = Fault::from(error);
                Err(if fault.kind == hansa_vocab::Kind::Precondition {
                    refusal(&fault.reason)
                } else {
                    try_later()
                })
            }
        }
    }

    /// One batch, one transaction: effects, what became of each message, the receipt, the cursor.
    async fn apply(&self, permit: &Permit, parcel: &Parcel, careful: bool) -> Result<Signed, Trouble> {
        let link = permit.link();
        let nothing = Signed::default();
        let batch = parcel.batch.as_ref().unwrap_or(&nothing);
        let lane = Lane {
            link,
            epoch: u64::try_from(permit.epoch()).unwrap_or(0),
            sender: permit.peer(),
            class: claimed(batch).map_or(TrafficClass::Unspecified, |lane| lane.class),
        };
        let class = lane.class;
        if class == TrafficClass::Unspecified {
            return Err(Trouble::Bad(BadBatch::Malformed("class")));
        }
        let mut tx = self.tenancy().begin("link.apply", permit).await?;
        let peer = peer_of(&mut tx, link).await?.ok_or(Error::Damaged("introduction"))?;
        let body = inbox::open(&lane, parcel, &peer).map_err(Trouble::Bad)?;
        let mut cursor = delivery::cursor(&mut tx, link, class).await?;
        if !permit.still_holds(&links::find(&mut tx, link).await?) {
            return Err(Trouble::Other(Error::Stale));
        }
        if cursor.received.next(&body).map_err(Trouble::Bad)? == Next::Repeat {
            let kept = delivery::came(&mut tx, link, class, body.first).await?;
            let (came, header) = kept.ok_or(Trouble::Bad(BadBatch::Fork))?;
            inbox::repeated(Some(&decoded(&came)?), batch).map_err(Trouble::Bad)?;
            return Ok(decoded(&header)?);
        }
        let mut decisions = Decisions::new(BTreeSet::from_iter(came::stuck(&mut tx, link, class).await?));
        let mut entries = Entries::default();
        for message in &body.messages {
            if decisions.waits(message) {
                decisions.wait();
                entries.push(message, "waiting", "");
                continue;
            }
            let outcome = self.effect(&mut tx, link, message, careful).await?;
            let (state, reason) = told(&outcome);
            entries.push(message, state, &reason);
            decisions.tried(message, outcome);
        }
        let seal = self.0.vault.seal(&mut tx).await?;
        came::enter(&seal, &mut tx, (link, class), &entries).await?;
        let witness = hansa_directory::witness(&mut tx).await;
        decisions.witnessed(witness.map_err(|error| Trouble::Other(Error::Unavailable(error.to_string())))?);
        let us = self.0.vault.identity(&mut tx).await?;
        let (receipt, header) = decisions.receipt(&mut cursor.received, &body, &us.signing, self.now());
        let new = NewBatch {
            sent: false,
            class,
            first: header.first,
            last: header.last,
            parcel,
            header: Some(&receipt.encode_to_vec()),
        };
        delivery::keep(&seal, &mut tx, link, &new).await?;
        delivery::advance(&mut tx, link, class, &cursor.sent, &cursor.received).await?;
        tx.wake();
        tx.commit().await?;
        Ok(receipt)
    }

    /// Tells those whom it interests what the partner has made of our messages.
    async fn heard(&self, tx: &mut TenantTx, link: LinkId, batch: &Batch, header: &ReceiptHeader) -> Result<(), Error> {
        for message in &batch.messages {
            let Some(effect) = self.effects().of(&message.r#type) else {
                continue;
            };
            let trouble = header.troubles.iter().find(|trouble| trouble.number == message.number);
            let trouble = trouble.map_or("", |trouble| &trouble.reason);
            if let Some(noted) = effect.heard(tx, Heard { link, message, trouble }) {
                noted.await?;
            }
        }
        Ok(())
    }

    /// What a message does here. Carefully = so that one that breaks leaves the others standing.
    async fn effect(
        &self,
        tx: &mut TenantTx,
        link: LinkId,
        message: &Message,
        careful: bool,
    ) -> Result<Outcome, Trouble> {
        let Some(effect) = self.effects().of(&message.r#type) else {
            return Ok(Outcome::Refused("UNKNOWN_TYPE".to_owned()));
        };
        let incoming = Incoming { link, message };
        let span = info_span!("event", otel.kind = "consumer", event.kind = message.r#type, link.id = %link);
        caused_by(&span, &message.trace_parent);
        if !careful {
            return effect
                .apply(tx, incoming)
                .instrument(span)
                .await
                .map_err(Trouble::Effect);
        }
        tx.savepoint(Mark::Message).await?;
        match effect.apply(tx, incoming).instrument(span).await {
            Err(EffectError::Broken(error)) => {
                tx.undo_to(Mark::Message).await?;
                tracing::error!(link.id = %link, message.id, %error, "a message broke its effect and is parked");
                Ok(Outcome::Parked("EFFECT_FAILED".to_owned()))
            }
            other => other.map_err(Trouble::Effect),
        }
    }

    /// Tries a parked message again, or gives it up, and then those that waited behind it; how many were processed, and what
    /// still stands in the way.
    ///
    /// # Errors
    ///
    /// [`Error::NotParked`] when there is no such message.
    pub async fn replay(
        &self,
        session: &hansa_directory::Session,
        link: LinkId,
        class: TrafficClass,
        number: u64,
        skip: bool,
    ) -> Result<(u64, String), Error> {
        let mut tx = self.tenancy().begin("link.replay", session).await?;
        links::find(&mut tx, link).await?;
        delivery::cursor(&mut tx, link, class).await?;
        let seal = self.0.vault.seal(&mut tx).await?;
        let all = came::parked(&seal, &mut tx, link, None).await?;
        let found = all
            .iter()
            .find(|row| row.class == class && row.number == number && !row.waiting);
        let key = found.ok_or(Error::NotParked(number))?.ordering_key.clone();
        let behind = came::parked(&seal, &mut tx, link, Some(&key)).await?;
        let (mut processed, mut in_the_way) = (0, String::new());
        for row in behind.iter().filter(|row| row.class == class && row.number >= number) {
            if row.number != number && (!row.waiting || key.is_empty()) {
                break;
            }
            let message = Message::decode(row.message.as_slice()).map_err(|_| Error::Damaged("message"))?;
            let outcome = if skip && row.number == number {
                Outcome::Refused("SKIPPED".to_owned())
            } else {
                match self.effect(&mut tx, link, &message, true).await {
                    Ok(outcome) => outcome,
                    Err(Trouble::Other(error)) => return Err(error),
                    Err(Trouble::Effect(error)) => return Err(Error::Unavailable(error.to_string())),
                    Err(Trouble::Bad(_)) => return Err(Error::Damaged("message")),
                }
            };
            let (state, reason) = told(&outcome);
            came::settled(&mut tx, link, class, row.number, state, &reason).await?;
            processed += u64::from(outcome == Outcome::Processed);
            if let Outcome::Parked(reason) = outcome {
                in_the_way = reason;
                break;
            }
        }
        let action = if skip { "link.skip" } else { "link.replay" };
        self.log(&mut tx, session, action, link).await?;
        tx.wake();
        tx.commit().await?;
        Ok((processed, in_the_way))
    }
}

/// As the inbox writes it down.
fn told(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Processed => ("processed", String::new()),
        Outcome::Refused(reason) => ("refused", reason.clone()),
        Outcome::Parked(reason) => ("parked", reason.clone()),
    }
}
