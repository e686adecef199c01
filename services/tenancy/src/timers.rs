//! Time passes for all tenants: who has something due is looked at, nobody else is.
//!
//! What is due, and when, stands in the rows of each room, in its tenant's schema. `hansa.timer_wake` says which tenants have such
//! rows. Whoever writes one says so first ([`crate::TenantTx::set_timer`]); as long as its transaction may still commit, the tenant is
//! looked at every half second, afterwards when its next row is due.

use std::{
    collections::{HashMap, HashSet},
    error::Error as StdError,
    fmt::Debug,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hansa_vocab::TenantId;
use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{Error, Module, Tenancy, TenantState};

/// What other processes have written down is seen after this time at the latest.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Commits of this process that come close together are looked at together.
const GATHER: Duration = Duration::from_millis(5);
/// A tenant that was roused lives for a minute; it is roused again before a transaction that began under it could outlive it.
const ROUSED: Duration = Duration::from_secs(30);
/// How long a tenant rests after a room has failed, and when it is not served.
const REST: time::Duration = time::Duration::seconds(5);
/// Tenants seen to at one time by a process.
const TOGETHER_MAX: usize = 8;
/// Tenants remembered as roused, at most.
const ROUSED_MAX: usize = 50_000;

/// A round of a room, under way: when something is due next, none = at no time.
pub type Round<'a> =
    Pin<Box<dyn Future<Output = Result<Option<OffsetDateTime>, Box<dyn StdError + Send + Sync>>> + Send + 'a>>;

/// A room in which things are due at some time.
pub trait Timed: Debug + Send + Sync {
    /// A tenant that has not turned it on has nothing due.
    fn module(&self) -> Module;
    /// Does what is due. Several processes may at the same time. What may take long is begun here, with a place of [`Places`], and goes
    /// on beside it: the other rooms of this tenant wait for the round.
    fn round(&self, tenant: TenantId) -> Round<'_>;
}

/// So many tasks of a kind at one time for each tenant: what takes long goes on beside the rounds, and never holds them up.
#[derive(Debug)]
pub struct Places {
    most: usize,
    taken: Mutex<HashMap<TenantId, usize>>,
}

/// A task's place; free again when it is dropped.
#[derive(Debug)]
pub struct Taken {
    places: Arc<Places>,
    tenant: TenantId,
}

impl Places {
    /// So many for each tenant.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// How many are free for this tenant.
    #[must_use]
    pub fn free(&self, tenant: TenantId) -> usize {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        self.most.saturating_sub(taken.get(&tenant).copied().unwrap_or(0))
    }

    /// Takes one, also beyond what is free: whoever asks has looked.
    #[must_use]
    pub fn take(self: &Arc<Self>, tenant: TenantId) -> Taken {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken.entry(tenant).or_default() += 1;
        Taken {
            places: self.clone(),
            tenant,
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

/// What this process knows of tenants that have something due.
#[derive(Debug, Default)]
pub struct Timers {
    roused: Mutex<HashMap<TenantId, Instant>>,
    /// Committed here, and not looked at yet.
    committed: Mutex<HashSet<TenantId>>,
    news: Notify,
}

impl Timers {
    /// Makes sure that somebody looks at this tenant for as long as a transaction that begins now can live.
    pub async fn rouse(&self, control: &PgPool, tenant: TenantId) -> Result<(), Error> {
        let now = Instant::now();
        let live = |at: &Instant| now < *at + ROUSED;
        if self.lock_roused().get(&tenant).is_some_and(live) {
            return Ok(());
        }
        sqlx::query!(
            "insert into hansa.timer_wake (tenant_id, due_at, until)
             values ($1, clock_timestamp(), clock_timestamp() + interval '60 seconds')
             on conflict (tenant_id) do update set due_at = least(timer_wake.due_at, excluded.due_at),
                 until = greatest(timer_wake.until, excluded.until), version = timer_wake.version + 1",
            tenant.as_str(),
        )
        .execute(control)
        .await?;
        let mut roused = self.lock_roused();
        if roused.len() >= ROUSED_MAX {
            roused.retain(|_, at| live(at));
        }
        roused.insert(tenant, now);
        Ok(())
    }

    fn lock_roused(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Instant>> {
        self.roused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction has committed that wrote what is due now.
    pub fn committed(&self, tenant: TenantId) {
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        committed.insert(tenant);
        self.news.notify_one();
    }

    fn news(&self) -> Vec<String> {
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        committed.drain().map(|tenant| tenant.to_string()).collect()
    }
}

/// A tenant that is due, taken by this process.
struct Due {
    tenant: TenantId,
    version: i64,
    modules: Vec<String>,
}

impl Tenancy {
    /// Does what is due for all tenants until `shutdown`: the worker's part. Several processes may.
    pub async fn keep_time(&self, rooms: Vec<Box<dyn Timed>>, shutdown: CancellationToken) {
        let rooms = Arc::<[_]>::from(rooms);
        let mut rounds = JoinSet::new();
        let mut under_way = HashMap::new();
        while !shutdown.is_cancelled() {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(done) = rounds.join_next_with_id() => {
                    let id = done.map_or_else(|broken| broken.id(), |(id, ())| id);
                    under_way.remove(&id);
                }
                () = self.timers().news.notified() => sleep(GATHER).await,
                () = sleep(LOOK_EVERY) => {}
            }
            if under_way.len() >= TOGETHER_MAX {
                continue;
            }
            let busy = under_way.values().cloned().collect::<Vec<String>>();
            let due = match self.take_due(&busy).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(%error, "can't see which tenants have something due");
                    continue;
                }
            };
            for due in due {
                let (tenant, this, rooms) = (due.tenant.to_string(), self.clone(), rooms.clone());
                let round = rounds.spawn(async move { this.see_to(&rooms, due).await });
                under_way.insert(round.id(), tenant);
            }
        }
        // What has begun runs to its end.
        while rounds.join_next().await.is_some() {}
    }

    /// Tenants that are due, and none that is busy: nobody else takes them for half a minute.
    async fn take_due(&self, busy: &[String]) -> Result<Vec<Due>, Error> {
        let news = self.timers().news();
        if !news.is_empty() {
            sqlx::query!(
                "update hansa.timer_wake set due_at = least(due_at, clock_timestamp()), version = version + 1
                 where tenant_id = any($1::varchar[])",
                &news,
            )
            .execute(self.control())
            .await?;
        }
        let room = TOGETHER_MAX.saturating_sub(busy.len());
        let rows = sqlx::query!(
            r#"update hansa.timer_wake w set due_at = clock_timestamp() + interval '30 seconds', version = w.version + 1
               where tenant_id in (
                   select tenant_id from hansa.timer_wake where due_at <= clock_timestamp() and tenant_id <> all($1::varchar[])
                   order by due_at limit $2 for update skip locked)
               returning tenant_id, version,
                   array(select module from hansa.tenant_module m where m.tenant_id = w.tenant_id)::varchar[] as "modules!""#,
            busy,
            i64::try_from(room).unwrap_or(0),
        )
        .fetch_all(self.control())
        .await?;
        let read = rows.into_iter().filter_map(|row| {
            Some(Due {
                tenant: row.tenant_id.parse().ok()?,
                version: row.version,
                modules: row.modules,
            })
        });
        Ok(read.collect())
    }

    /// One round of every room that this tenant has; then it rests until something is due again.
    async fn see_to(&self, rooms: &[Box<dyn Timed>], due: Due) {
        let now = self.clock().now();
        let mut next: Option<OffsetDateTime> = None;
        let served = self
            .tenant(due.tenant)
            .await
            .is_ok_and(|row| row.state == TenantState::Active);
        if !served {
            next = Some(now + REST);
        }
        for room in rooms {
            let module = room.module().as_str();
            if !served || !due.modules.iter().any(|one| one == module) {
                continue;
            }
            let at = room.round(due.tenant).await.unwrap_or_else(|error| {
                tracing::warn!(tenant.id = %due.tenant, module, %error, "what is due could not be seen to");
                Some(now + REST)
            });
            next = [next, at].into_iter().flatten().min();
        }
        // Whoever has roused it meanwhile has changed the version, and is looked after at once.
        let rested = sqlx::query!(
            "update hansa.timer_wake set due_at = case when clock_timestamp() < until
                 then least($3::timestamptz, clock_timestamp() + interval '500 milliseconds') else $3 end
             where tenant_id = $1 and version = $2",
            due.tenant.as_str(),
            due.version,
            next,
        );
        if let Err(error) = rested.execute(self.control()).await {
            tracing::warn!(tenant.id = %due.tenant, %error, "when something is due next could not be written down");
        }
    }
}
