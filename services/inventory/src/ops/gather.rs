//! Requests of one link that come at the same moment share a transaction: a commit costs the same for one as for many.
//!
//! Nobody waits for company. Whoever finds a free clerk takes along all who wait by then; the more callers there are, the more
//! of them share.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use hansa_link::Permit;
use hansa_tenancy::Caller as _;
use hansa_vocab::{LinkId, TenantId};
use tokio::sync::{Semaphore, oneshot};

use super::Inventory;
use crate::store::take::{Ask, Took};

/// Shared transactions of a link under way in this process, at most: one is written while the next one's callers are heard.
const CLERKS: usize = 2;
/// Requests in one transaction, at most.
const TOGETHER_MAX: usize = 64;
/// Lines of all of them, at most, unless it is one request.
const LINES_MAX: usize = 500;

/// Where the requests of each link wait.
#[derive(Debug, Default)]
pub(crate) struct Gathering(Mutex<HashMap<Key, Arc<Desk>>>);

/// Requests go together when their permits say the same.
type Key = (TenantId, LinkId, i64, i64);

#[derive(Debug)]
struct Desk {
    clerks: Semaphore,
    waiting: Mutex<VecDeque<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    ask: Arc<Ask>,
    answer: oneshot::Sender<Took>,
}

impl Inventory {
    /// Gets this request into a transaction with those that wait beside it; `None` when that transaction did not come about, and
    /// then each of them has to ask alone.
    pub(super) async fn take_together(&self, permit: &Permit, ask: &Arc<Ask>) -> Option<Took> {
        let key = (permit.tenant(), permit.link(), permit.epoch(), permit.grant_version());
        let desk = self.gathering.desk(key);
        let (answer, mut answered) = oneshot::channel();
        let ask = ask.clone();
        desk.lock().push_back(Waiting { ask, answer });
        let took = loop {
            let clerk = tokio::select! {
                biased;
                took = &mut answered => break took.ok(),
                clerk = desk.clerks.acquire() => clerk,
            };
            let batch = desk.next();
            let asks: Vec<_> = batch.iter().map(|one| one.ask.clone()).collect();
            if !asks.is_empty()
                && let Ok(all) = self.take(permit, &asks).await
            {
                for (one, took) in batch.into_iter().zip(all) {
                    // A caller that has gone meanwhile finds its reservation by its id.
                    let _ = one.answer.send(took);
                }
            }
            drop(clerk);
        };
        self.gathering.leave(key, desk);
        took
    }
}

impl Gathering {
    fn desk(&self, key: Key) -> Arc<Desk> {
        let mut desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let desk = desks.entry(key).or_insert_with(|| {
            Arc::new(Desk {
                clerks: Semaphore::new(CLERKS),
                waiting: Mutex::default(),
            })
        });
        desk.clone()
    }

    /// The last one to leave clears the desk away.
    fn leave(&self, key: Key, desk: Arc<Desk>) {
        let mut desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(desk);
        if desks.get(&key).is_some_and(|desk| Arc::strong_count(desk) == 1) {
            desks.remove(&key);
        }
    }
}

impl Desk {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that have waited longest, each id once.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.lock();
        let (mut batch, mut ids, mut lines) = (Vec::<Waiting>::new(), HashSet::new(), 0);
        while let Some(first) = waiting.front() {
            let room = batch.len() < TOGETHER_MAX && lines + first.ask.lines.len() <= LINES_MAX;
            if !ids.insert(first.ask.id) || !(room || batch.is_empty()) {
                break;
            }
            lines += first.ask.lines.len();
            batch.extend(waiting.pop_front().filter(|first| !first.answer.is_closed()));
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::take::AskLine;

    fn desk(asks: &[(u128, usize)]) -> (Desk, Vec<oneshot::Receiver<Took>>) {
        let mut answers = Vec::new();
        let waiting = asks.iter().map(|&(id, lines)| {
            let (answer, answered) = oneshot::channel();
            answers.push(answered);
            let line = || AskLine {
                gtin: String::new(),
                sku: "TEA-1".into(),
                location: String::new(),
                lot: String::new(),
                value: 1,
                scale: 0,
                unit: "C62".into(),
            };
            let ask = Arc::new(Ask {
                id: Uuid::from_u128(id),
                body_hash: String::new(),
                order_ref: String::new(),
                ttl_millis: 1_000,
                event_id: Uuid::from_u128(id),
                event: Vec::new(),
                trace_parent: String::new(),
                lines: std::iter::repeat_with(line).take(lines).collect(),
            });
            Waiting { ask, answer }
        });
        let desk = Desk {
            clerks: Semaphore::new(1),
            waiting: Mutex::new(waiting.collect()),
        };
        (desk, answers)
    }

    fn ids(batch: &[Waiting]) -> Vec<u128> {
        batch.iter().map(|one| one.ask.id.as_u128()).collect()
    }

    #[test]
    fn those_that_wait_go_together_in_their_order_up_to_the_limit() {
        let many: Vec<_> = (0..100).map(|id| (id, 1)).collect();
        let (desk, _answers) = desk(&many);
        assert_eq!(ids(&desk.next()), (0..64).collect::<Vec<_>>());
        assert_eq!(ids(&desk.next()), (64..100).collect::<Vec<_>>());
        assert!(desk.next().is_empty());
    }

    #[test]
    fn an_id_goes_once_into_a_transaction() {
        let (desk, _answers) = desk(&[(1, 1), (2, 1), (1, 1), (3, 1)]);
        assert_eq!(ids(&desk.next()), [1, 2]);
        assert_eq!(ids(&desk.next()), [1, 3]);
    }

    #[test]
    fn long_requests_share_only_as_far_as_their_lines_have_room() {
        let (desk, _answers) = desk(&[(1, LINES_MAX + 1), (2, 300), (3, 200), (4, 1)]);
        assert_eq!(ids(&desk.next()), [1], "one alone may be longer");
        assert_eq!(ids(&desk.next()), [2, 3]);
        assert_eq!(ids(&desk.next()), [4]);
    }

    #[test]
    fn nobody_asks_for_a_caller_that_has_gone() {
        let (desk, mut answers) = desk(&[(1, 1), (2, 1)]);
        answers.remove(0);
        assert_eq!(ids(&desk.next()), [2]);
    }
}
