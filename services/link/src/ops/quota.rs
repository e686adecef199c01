//! How much may wait for a partner: an outage never ends anything, but it must not fill the disk either.
//!
//! What begins something new asks for room first. What ends something does not: units are given back however full the queue
//! is, and there is no more of that than was begun.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hansa_tenancy::{Caller, TenantTx};
use hansa_vocab::LinkId;
use tokio::time::Instant;

use super::Links;
use crate::{
    Error,
    mailbox::End,
    store::{delivery, links},
};

/// A queue is counted at most once in this time by a process: by so much can it grow beyond its quota.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// An operator is told of a queue that fills up once in this time.
const WARN_EVERY: Duration = Duration::from_secs(60);
/// Queues remembered, at most.
const KNOWN_MAX: usize = 50_000;

/// Queues as they were when they were last counted.
#[derive(Debug, Default)]
pub(crate) struct Queues(Mutex<HashMap<End, Queue>>);

#[derive(Clone, Copy, Debug)]
struct Queue {
    counted: Instant,
    warned: Option<Instant>,
    messages: u64,
}

/// A queue from which on a person should look, of one that may have so many messages.
fn nearly_full(messages: u64, most: u64) -> bool {
    messages >= most.saturating_mul(4) / 5
}

impl Links {
    /// Is there room for something new that will be told to the partner of this link.
    ///
    /// # Errors
    ///
    /// [`Error::QueueFull`] when as many messages wait as may.
    pub async fn room(&self, caller: &impl Caller, link: LinkId) -> Result<(), Error> {
        let tenant = caller.tenant();
        match self.shared().queues.fresh(End { tenant, link }) {
            Some(messages) => self.fits(messages),
            None => {
                self.count(&mut self.tenancy().begin("link.room", caller).await?, link)
                    .await
            }
        }
    }

    /// Something new will be posted on this link in this transaction: it is ACTIVE, its queue has room, and its worker looks.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLink`], [`Error::State`] or [`Error::QueueFull`].
    pub async fn make_way(&self, tx: &mut TenantTx, link: LinkId) -> Result<(), Error> {
        let tenant = tx.tenant();
        let row = links::find(tx, link).await?;
        let our_name = self.tenancy().tenant(tenant).await?.name;
        self.active_row(tx, row, &our_name).await?;
        match self.shared().queues.fresh(End { tenant, link }) {
            Some(messages) => self.fits(messages)?,
            None => self.count(tx, link).await?,
        }
        self.rouse_end(End { tenant, link }).await
    }

    async fn count(&self, tx: &mut TenantTx, link: LinkId) -> Result<(), Error> {
        let (tenant, most) = (tx.tenant(), self.0.node.queue_max);
        let messages = delivery::queued(tx, link, most).await?;
        if self.shared().queues.counted(End { tenant, link }, messages, most) {
            tracing::warn!(tenant.id = %tenant, link.id = %link, messages, most, "a queue is nearly full");
        }
        self.fits(messages)
    }

    fn fits(&self, messages: u64) -> Result<(), Error> {
        if messages >= self.0.node.queue_max {
            return Err(Error::QueueFull(messages));
        }
        Ok(())
    }
}

impl Queues {
    /// What was counted just now, or is being counted; `None` when it is the caller's turn.
    fn fresh(&self, end: End) -> Option<u64> {
        let now = Instant::now();
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= KNOWN_MAX {
            queues.retain(|_, queue| now < queue.counted + COUNT_EVERY);
        }
        let queue = queues.get_mut(&end)?;
        if now < queue.counted + COUNT_EVERY {
            return Some(queue.messages);
        }
        // The others go by the old figure meanwhile.
        queue.counted = now;
        None
    }

    /// Keeps the figure; should it be said that the queue is nearly full.
    fn counted(&self, end: End, messages: u64, most: u64) -> bool {
        let now = Instant::now();
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let warned = queues.get(&end).and_then(|queue| queue.warned);
        let warn = nearly_full(messages, most) && warned.is_none_or(|at| now >= at + WARN_EVERY);
        let queue = Queue {
            counted: now,
            warned: if warn { Some(now) } else { warned },
            messages,
        };
        queues.insert(end, queue);
        warn
    }
}

#[cfg(test)]
mod tests {
    use hansa_vocab::TenantId;
    use uuid::Uuid;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_queue_is_counted_once_a_second_and_warned_of_once_a_minute() {
        let end = End {
            tenant: TenantId::from_bytes([1; 16]),
            link: LinkId(Uuid::from_u128(2)),
        };
        let queues = Queues::default();
        assert_eq!(queues.fresh(end), None);
        assert!(!queues.counted(end, 79, 100));
        assert_eq!(queues.fresh(end), Some(79));
        tokio::time::advance(COUNT_EVERY).await;
        assert_eq!(queues.fresh(end), None, "one caller counts");
        assert_eq!(queues.fresh(end), Some(79), "and the others do not wait for it");
        assert!(queues.counted(end, 80, 100));
        assert!(!queues.counted(end, 100, 100));
        tokio::time::advance(WARN_EVERY).await;
        assert!(queues.counted(end, 100, 100));
    }
}
