//! The worker's part: which links have something to tell or to send, found in one table, again and again until both sides hold
//! the same. An outage never ends anything.

use std::{
    collections::{HashMap, HashSet},
    sync::PoisonError,
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use hansa_proto::link::v1::TrafficClass;
use hansa_tenancy::{Caller, Errand};
use hansa_vocab::{LinkId, NodeId, TenantId};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Links;
use crate::{
    Error,
    courier::{self, Poke, Pokes},
    mailbox::End,
    model::{LinkState, outbox::Backoff},
    store::{
        delivery, links,
        routes::{self, Active},
    },
};

/// How often all links with work are looked at; a commit in this process wakes its tenant's links at once.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Commits that come in one after the other are looked at together.
const GATHER: Duration = Duration::from_millis(25);
/// Links that are looked at one time.
const LOOKS_AT_ONCE: usize = 16;
/// How often we ask whether the other side has approved.
const ASK_PENDING_EVERY: Duration = Duration::from_secs(1);
/// Links are divided into so many shares of work.
const SHARDS: i16 = 64;
/// How long a lease lasts, and when it is renewed.
const LEASE: Duration = Duration::from_secs(3);
const LEASE_RENEW: Duration = Duration::from_secs(1);
/// A row of `link_activity` lasts a minute; it is renewed before a transaction that began under it could outlive it.
const ROUSED: Duration = Duration::from_secs(30);
/// Links remembered as roused, at most.
const ROUSED_MAX: usize = 50_000;

/// What the looks and routes of this process share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Shards that this process works for: fence, and until when.
    fences: std::sync::Mutex<HashMap<i16, (i64, Instant)>>,
    routes: std::sync::Mutex<HashMap<(NodeId, TrafficClass), Pokes>>,
    roused: std::sync::Mutex<HashMap<End, Instant>>,
    heard: std::sync::Mutex<HashSet<NodeId>>,
    pub(super) queues: super::quota::Queues,
    /// Something has happened that the next look can't wait for.
    news: tokio::sync::Notify,
}

fn shard(link: LinkId) -> i16 {
    i16::from(link.0.as_bytes()[15]) % SHARDS
}

/// What one look at a link has found.
struct Look {
    tell: bool,
    pending: bool,
    classes: Vec<TrafficClass>,
}

/// The worker's memory.
struct Work {
    links: Links,
    holder: Uuid,
    active: Vec<Active>,
    telling: JoinSet<(End, Result<bool, Error>)>,
    told: HashMap<End, (Backoff, Option<Instant>)>,
    shutdown: CancellationToken,
}

impl Links {
    /// Says, before something is posted for a link, that it may have work: a restart finds all work by this alone.
    ///
    /// # Errors
    ///
    /// When the database does not answer; then nothing may be posted.
    pub async fn rouse(&self, caller: &impl Caller, link: LinkId) -> Result<(), Error> {
        let tenant = caller.tenant();
        self.rouse_end(End { tenant, link }).await
    }

    pub(super) async fn rouse_end(&self, end: End) -> Result<(), Error> {
        let now = Instant::now();
        let live = |roused: &HashMap<End, Instant>| roused.get(&end).is_some_and(|at| now < *at + ROUSED);
        if live(&self.shared().roused.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        self.rouse_again(end).await?;
        let mut roused = self.shared().roused.lock().unwrap_or_else(PoisonError::into_inner);
        if roused.len() >= ROUSED_MAX {
            roused.retain(|_, at| now < *at + ROUSED);
        }
        roused.insert(end, now);
        Ok(())
    }

    /// The same, whatever was said before.
    pub(super) async fn rouse_again(&self, End { tenant, link }: End) -> Result<(), Error> {
        routes::rouse(self.tenancy().control(), tenant, link, shard(link)).await?;
        self.shared().news.notify_one();
        Ok(())
    }

    /// The fence under which this process may number messages of a link; none when another process works for it.
    pub(super) fn fence_of(&self, link: LinkId) -> Option<i64> {
        let fences = self.shared().fences.lock().unwrap_or_else(PoisonError::into_inner);
        fences
            .get(&shard(link))
            .filter(|(_, until)| Instant::now() < *until)
            .map(|(fence, _)| *fence)
    }

    /// A partner's node has called: what waits for it need not wait longer.
    pub(super) fn heard_of(&self, node: NodeId) {
        for class in [TrafficClass::Control, TrafficClass::Event] {
            let routes = self.shared().routes.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(pokes) = routes.get(&(node, class)) {
                pokes.poke(Poke::Contact);
            }
        }
        // The next look at all begins anew with what could not be told.
        let mut heard = self.shared().heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert(node);
    }

    /// Tells partners what they lack and delivers messages, for ever, until `shutdown`.
    pub async fn work(&self, shutdown: CancellationToken) {
        let work = Work {
            links: self.clone(),
            holder: self.tenancy().ids().uuid(),
            active: Vec::new(),
            telling: JoinSet::new(),
            told: HashMap::new(),
            shutdown,
        };
        work.run().await;
    }

    async fn look(&self, active: &Active) -> Result<Look, Error> {
        let errand = Errand::new("link.courier", active.tenant);
        let mut tx = self.tenancy().begin("link.look", &errand).await?;
        let row = match links::find(&mut tx, active.link).await {
            Ok(row) => row,
            // An orphan.
            Err(Error::NoSuchLink) => {
                return Ok(Look {
                    tell: false,
                    pending: false,
                    classes: Vec::new(),
                });
            }
            Err(error) => return Err(error),
        };
        let classes = if row.state == LinkState::Active {
            delivery::waiting(&mut tx, active.link).await?
        } else {
            Vec::new()
        };
        let pending = row.state == LinkState::Pending;
        let tell = pending || self.lacks_something(&mut tx, &row).await?;
        let look = Look { tell, pending, classes };
        if !look.tell && look.classes.is_empty() && active.over {
            drop(tx);
            routes::rest(self.tenancy().control(), active.tenant, active.link).await?;
        }
        Ok(look)
    }
}

impl Work {
    async fn run(mut self) {
        let mut wakes = self.links.tenancy().wakes();
        self.look_at_all().await;
        let mut next = Instant::now() + LOOK_EVERY;
        while !self.shutdown.is_cancelled() {
            let links = self.links.clone();
            tokio::select! {
                () = self.shutdown.cancelled() => break,
                woken = wakes.recv() => match woken {
                    Ok(tenant) => {
                        sleep(GATHER).await;
                        let tenants = gathered(tenant, &mut wakes);
                        self.look_at(|active| tenants.contains(&active.tenant)).await;
                    }
                    Err(RecvError::Lagged(_)) => self.look_at(|_| true).await,
                    Err(RecvError::Closed) => break,
                },
                () = links.shared().news.notified() => {
                    self.look_at_all().await;
                    next = Instant::now() + LOOK_EVERY;
                }
                Some(told) = self.telling.join_next() => {
                    if let Ok((end, told)) = told {
                        self.was_told(end, told).await;
                    }
                }
                () = tokio::time::sleep_until(next) => {
                    self.look_at_all().await;
                    next = Instant::now() + LOOK_EVERY;
                }
            }
        }
        self.telling.shutdown().await;
        if let Err(error) = routes::release(self.links.tenancy().control(), self.holder).await {
            tracing::debug!(%error, "the shards could not be given back; they are free in three seconds");
        }
    }

    async fn look_at_all(&mut self) {
        let refreshed = async {
            self.active = routes::active(self.links.tenancy().control()).await?;
            self.lease().await
        };
        if let Err(error) = refreshed.await {
            tracing::warn!(%error, "can't see which links have something to tell");
            return;
        }
        let heard = std::mem::take(&mut *self.links.shared().heard.lock().unwrap_or_else(PoisonError::into_inner));
        let known: HashMap<End, Option<NodeId>> = self.active.iter().map(|one| (end(one), one.node)).collect();
        self.told.retain(|end, _| match known.get(end) {
            Some(node) => !node.is_some_and(|node| heard.contains(&node)),
            None => false,
        });
        self.look_at(|_| true).await;
    }

    /// Keeps the shards that have work, as far as no other process holds them.
    async fn lease(&self) -> Result<(), Error> {
        let before = Instant::now();
        let wanted: Vec<i16> = {
            let fences = self
                .links
                .shared()
                .fences
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let fresh = |shard: &i16| {
                fences
                    .get(shard)
                    .is_some_and(|(_, until)| before + LEASE < *until + LEASE_RENEW)
            };
            let shards: HashSet<i16> = self.active.iter().map(|one| one.shard).collect();
            shards.into_iter().filter(|shard| !fresh(shard)).collect()
        };
        if wanted.is_empty() {
            return Ok(());
        }
        let held = routes::lease(self.links.tenancy().control(), self.holder, &wanted).await?;
        let mut fences = self
            .links
            .shared()
            .fences
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        fences.retain(|_, (_, until)| before < *until);
        fences.extend(held.into_iter().map(|(shard, fence)| (shard, (fence, before + LEASE))));
        Ok(())
    }

    async fn look_at(&mut self, which: impl Fn(&Active) -> bool) {
        let links = &self.links;
        let ours = self
            .active
            .iter()
            .filter(|one| which(one) && links.fence_of(one.link).is_some());
        let looks: Vec<_> = stream::iter(ours.copied().collect::<Vec<_>>())
            .map(|active| async move { (active, links.look(&active).await) })
            .buffer_unordered(LOOKS_AT_ONCE)
            .collect()
            .await;
        for (active, look) in looks {
            match look {
                Ok(look) => self.saw(&active, &look),
                Err(error) => tracing::warn!(link.id = %active.link, %error, "a link could not be looked at"),
            }
        }
    }

    fn saw(&mut self, active: &Active, look: &Look) {
        let (end, now) = (end(active), Instant::now());
        let Some(node) = active.node else {
            return;
        };
        for class in &look.classes {
            self.route(node, *class).poke(Poke::Work(end));
        }
        let waits = self
            .told
            .get(&end)
            .is_some_and(|(_, until)| until.is_none_or(|until| now < until));
        if !look.tell || waits {
            return;
        }
        let (backoff, until) = self.told.entry(end).or_default();
        *until = None;
        if look.pending {
            backoff.contact();
        }
        let links = self.links.clone();
        self.telling.spawn(async move {
            let errand = Errand::new("link.courier", end.tenant);
            (end, links.reconcile(&errand, end.link).await)
        });
    }

    async fn was_told(&mut self, end: End, told: Result<bool, Error>) {
        let (backoff, until) = self.told.entry(end).or_default();
        let wait = match &told {
            Ok(_) => {
                backoff.contact();
                ASK_PENDING_EVERY
            }
            Err(_) => backoff.failed(self.links.any_number()),
        };
        *until = Some(Instant::now() + wait);
        if let Ok(false) = told {
            // There is more to tell than one message holds.
            self.told.remove(&end);
            self.links.shared().news.notify_one();
        }
        if let Err(error) = told {
            tracing::debug!(link.id = %end.link, %error, ?wait, "the partner could not be told yet");
            let Error::Refused(fault) = error else { return };
            if let Err(error) = self.links.note_refusal(end.tenant, end.link, &fault.to_string()).await {
                tracing::warn!(%error, "a refusal could not be written down");
            }
        }
    }

    fn route(&self, node: NodeId, class: TrafficClass) -> Pokes {
        let mut routes = self
            .links
            .shared()
            .routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        routes
            .entry((node, class))
            .or_insert_with(|| courier::route(self.links.clone(), node, class, self.shutdown.clone()))
            .clone()
    }
}

fn end(active: &Active) -> End {
    End {
        tenant: active.tenant,
        link: active.link,
    }
}

fn gathered(first: TenantId, wakes: &mut broadcast::Receiver<TenantId>) -> HashSet<TenantId> {
    let mut tenants = HashSet::from([first]);
    while let Ok(tenant) = wakes.try_recv() {
        tenants.insert(tenant);
    }
    tenants
}
