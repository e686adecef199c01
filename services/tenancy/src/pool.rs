//! The pools: one for the control role, one for each lane of tenants, all of them cleaned on every return.

use std::{
    collections::HashMap,
    str::FromStr as _,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use hansa_vocab::{
    TenantId,
    clock::{SharedClock, SharedIds},
};
use sqlx::{
    Connection as _, Executor as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::{broadcast, watch};

use crate::{
    Caller, Error, TenantRow, TenantState, TenantTx,
    changes::{self, Changes},
    lane::{ACQUIRE_TIMEOUT, Lane},
    prelude::{self, NodeName},
    registry,
    timers::Timers,
};

/// How a process reaches the database.
#[derive(Clone)]
pub struct Options {
    /// Where the database is; user and password in it are not used.
    pub database_url: String,
    /// Prefix of this node's login roles.
    pub node: String,
    /// What the passwords of the login roles are derived from.
    pub secret: [u8; 32],
    /// Connections of this process to tenants, divided among the lanes.
    pub connections: u32,
    /// No statement of a tenant's transaction takes longer.
    pub statement_timeout: Duration,
    /// Serve from a database that may lose acknowledged writes, or is not hardened. Tests only.
    pub unsafe_dev: bool,
}

impl Options {
    /// The usual settings for this database.
    #[must_use]
    pub fn new(database_url: impl Into<String>, node: impl Into<String>, secret: [u8; 32]) -> Self {
        Self {
            database_url: database_url.into(),
            node: node.into(),
            secret,
            connections: 64,
            statement_timeout: Duration::from_secs(10),
            unsafe_dev: false,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Options({}, {} connections)", self.node, self.connections)
    }
}

/// All tenants of a node, as one process reaches them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tenancy(Arc<Inner>);

struct Inner {
    options: Options,
    node: NodeName,
    control: PgPool,
    lanes: RwLock<HashMap<i16, Lane>>,
    tenants: RwLock<HashMap<TenantId, TenantRow>>,
    committed: RwLock<HashMap<TenantId, watch::Sender<u64>>>,
    wakes: broadcast::Sender<TenantId>,
    changes: Changes,
    timers: Timers,
    clock: SharedClock,
    ids: SharedIds,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Tenancy({})", self.node)
    }
}

/// Commits of one tenant.
#[derive(Debug)]
pub struct Commits(watch::Receiver<u64>);

/// Commits of this process are heard of at once; those of other processes are seen by then.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Commits that come in one after the other are read together.
const GATHER: Duration = Duration::from_millis(10);

impl Commits {
    /// Until something may have been committed, here or by another process.
    pub async fn next(&mut self) {
        match tokio::time::timeout(LOOK_EVERY, self.0.changed()).await {
            Ok(Ok(())) => tokio::time::sleep(GATHER).await,
            // Nobody here commits any more.
            Ok(Err(_)) => tokio::time::sleep(LOOK_EVERY).await,
            Err(_) => {}
        }
    }
}

/// Wake-ups that a slow listener may lag behind before it has to look at everything.
const WAKES_KEPT: usize = 1_024;
/// Connections of the control role: one of them listens.
const CONTROL_CONNECTIONS: u32 = 4;
/// A connection older than this, and up to five minutes more, is opened anew: a backend's memory only grows.
const LIFETIME: Duration = Duration::from_secs(1_050);

impl Tenancy {
    /// Connects as the control role, checks that the database is safe, reads the registry.
    ///
    /// # Errors
    ///
    /// [`Error::Unsafe`] when the database may lose or leak data; [`Error::Unavailable`] when it does not answer.
    pub async fn connect(options: Options, clock: SharedClock, ids: SharedIds) -> Result<Self, Error> {
        let node = NodeName::from_str(&options.node)?;
        let control = pool(&options, &node.control(), CONTROL_CONNECTIONS)?;
        check_safety(&control, options.unsafe_dev).await?;
        let tenancy = Self(Arc::new(Inner {
            node,
            control: control.clone(),
            lanes: RwLock::default(),
            tenants: RwLock::default(),
            committed: RwLock::default(),
            wakes: broadcast::channel(WAKES_KEPT).0,
            changes: Changes::default(),
            timers: Timers::default(),
            options,
            clock,
            ids,
        }));
        tenancy.reload().await?;
        let weak = Arc::downgrade(&tenancy.0);
        let watcher = tenancy.clone();
        let mut tenants = tenancy.changes("tenant");
        tokio::spawn(async move { watcher.0.changes.run(watcher.0.control.clone()).await });
        tokio::spawn(async move {
            while tenants.changed().await.is_ok() {
                let Some(inner) = weak.upgrade().filter(|inner| !inner.control.is_closed()) else {
                    return;
                };
                if let Err(error) = Self(inner).reload().await {
                    tracing::warn!(%error, "can't read the registry again");
                }
            }
        });
        Ok(tenancy)
    }

    /// Opens a transaction in the caller's tenant.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTenant`], [`Error::NotServed`] or [`Error::Unavailable`].
    pub async fn begin(&self, name: &'static str, caller: &impl Caller) -> Result<TenantTx, Error> {
        let mut tenant = self.tenant(caller.tenant()).await?;
        if matches!(tenant.state, TenantState::Creating | TenantState::Failed) {
            // It was seen while it was being made, or before it was mended.
            self.reload().await?;
            tenant = self.tenant(tenant.id).await?;
        }
        if tenant.state != TenantState::Active {
            return Err(Error::NotServed {
                tenant: tenant.id,
                state: tenant.state.as_str(),
            });
        }
        let lane = self.lane(tenant.lane)?;
        let message = prelude::begin(tenant.id, self.0.options.statement_timeout);
        let borrowed = lane.begin(message).await?;
        Ok(TenantTx::new(borrowed, tenant.id, name, self.clone()))
    }

    /// The control role's pool, for statements on schema `hansa`.
    #[must_use]
    pub fn control(&self) -> &PgPool {
        &self.0.control
    }

    /// What the registry says of a tenant.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTenant`] when it is not there, also after looking again.
    pub async fn tenant(&self, id: TenantId) -> Result<TenantRow, Error> {
        let known = || {
            self.0
                .tenants
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&id)
                .cloned()
        };
        if let Some(row) = known() {
            return Ok(row);
        }
        self.reload().await?;
        known().ok_or(Error::NoSuchTenant)
    }

    /// All tenants, by id.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn tenants(&self) -> Result<Vec<TenantRow>, Error> {
        registry::all(&self.0.control).await
    }

    /// Stops or serves a tenant, in every process.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchTenant`] when it is not there.
    pub async fn set_state(&self, tenant: TenantId, state: TenantState) -> Result<(), Error> {
        if !registry::set_state(&self.0.control, tenant, state).await? {
            return Err(Error::NoSuchTenant);
        }
        self.reload().await?;
        self.change("tenant").await
    }

    /// The clock of this process.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    /// The id source of this process.
    #[must_use]
    pub fn ids(&self) -> &SharedIds {
        &self.0.ids
    }

    /// The commits of this tenant that asked for it with [`TenantTx::wake`], for whoever follows its changes.
    #[must_use]
    pub fn commits(&self, tenant: TenantId) -> Commits {
        let mut committed = self.0.committed.write().unwrap_or_else(PoisonError::into_inner);
        let sender = committed.entry(tenant).or_insert_with(|| watch::channel(0).0);
        Commits(sender.subscribe())
    }

    /// The tenant of each such commit.
    #[must_use]
    pub fn wakes(&self) -> broadcast::Receiver<TenantId> {
        self.0.wakes.subscribe()
    }

    pub(crate) fn timers(&self) -> &Timers {
        &self.0.timers
    }

    pub(crate) fn woken(&self, tenant: TenantId) {
        // Nobody need listen.
        drop(self.0.wakes.send(tenant));
        let committed = self.0.committed.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = committed.get(&tenant) {
            sender.send_modify(|count| *count += 1);
        }
    }

    /// Tells every process that something of this topic has changed.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn change(&self, topic: &'static str) -> Result<(), Error> {
        changes::announce(&self.0.control, topic).await
    }

    /// The topic's version, within 250 ms of its change in any process.
    #[must_use]
    pub fn changes(&self, topic: &str) -> watch::Receiver<i64> {
        self.0.changes.watch(topic)
    }

    /// Connections of this process: in use, idle.
    #[must_use]
    pub fn connections(&self) -> (u32, u32) {
        let lanes = self.0.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let resting = u32::try_from(self.0.control.num_idle()).unwrap_or(u32::MAX);
        let control = (self.0.control.size().saturating_sub(resting), resting);
        lanes
            .values()
            .map(Lane::connections)
            .fold(control, |(in_use, idle), lane| (in_use + lane.0, idle + lane.1))
    }

    /// Closes all pools; open transactions end first.
    pub async fn close(&self) {
        self.0.control.close().await;
        let lanes: Vec<_> = self
            .0
            .lanes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        for lane in lanes {
            lane.close().await;
        }
    }

    async fn reload(&self) -> Result<(), Error> {
        let rows = registry::all(&self.0.control).await?;
        *self.0.tenants.write().unwrap_or_else(PoisonError::into_inner) =
            rows.into_iter().map(|row| (row.id, row)).collect();
        Ok(())
    }

    fn lane(&self, lane: i16) -> Result<Lane, Error> {
        if let Some(pool) = self.0.lanes.read().unwrap_or_else(PoisonError::into_inner).get(&lane) {
            return Ok(pool.clone());
        }
        let known = self
            .0
            .tenants
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(|row| row.lane)
            .max();
        let lanes = u32::try_from(known.unwrap_or(0)).unwrap_or(0) + 1;
        let share = (self.0.options.connections / lanes).max(2);
        let mut open = self.0.lanes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = open.get(&lane) {
            return Ok(pool.clone());
        }
        let pool = pool(&self.0.options, &self.0.node.lane(lane), share)?;
        let made = Lane::new(pool, share, LIFETIME);
        open.insert(lane, made.clone());
        Ok(made)
    }
}

/// A pool whose connections come back clean, whatever was cancelled on them.
fn pool(options: &Options, role: &str, connections: u32) -> Result<PgPool, Error> {
    let connect = PgConnectOptions::from_str(&options.database_url)?
        .username(role)
        .password(&prelude::password(&options.secret, role))
        .application_name(role)
        .statement_cache_capacity(150)
        .options([
            ("client_min_messages", "error"),
            // Planning the statement of a reservation anew took twice as long as running it.
            ("plan_cache_mode", "force_generic_plan"),
            // What is asked for is in memory, or on a disk without a head: a small table is not read whole for one row of it.
            ("random_page_cost", "1.1"),
            ("idle_in_transaction_session_timeout", "10s"),
        ]);
    let spread = u64::from(role.bytes().map(u32::from).sum::<u32>() % 300);
    Ok(PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(LIFETIME + Duration::from_secs(spread))
        .test_before_acquire(false)
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.execute(prelude::CLEAN).await?;
                Ok(true)
            })
        })
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                // The database may have gone away while the connection lay idle.
                if meta.idle_for > Duration::from_secs(1) {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(connect))
}

async fn check_safety(control: &PgPool, unsafe_dev: bool) -> Result<(), Error> {
    let settings = sqlx::query!(
        r#"select name as "name!", setting as "setting!" from pg_settings
           where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'recovery_init_sync_method') order by name"#,
    )
    .fetch_all(control)
    .await?;
    let mut trouble: Vec<String> = settings
        .iter()
        .filter(|row| row.name != "recovery_init_sync_method" && row.setting == "off")
        .map(|row| format!("{} is off", row.name))
        .collect();
    let open = sqlx::query_scalar!(
        r#"select has_function_privilege('public', 'pg_catalog.set_config(text, text, boolean)', 'execute')
            or has_language_privilege('public', 'plpgsql', 'usage')
            or has_database_privilege('public', current_database(), 'temporary') as "open!""#,
    )
    .fetch_one(control)
    .await?;
    if open {
        trouble.push("it is not hardened: run `hansa migrate --harden` with a superuser's URL".to_owned());
    }
    if !trouble.is_empty() && !unsafe_dev {
        return Err(Error::Unsafe(trouble.join("; ")));
    }
    if !settings
        .iter()
        .any(|row| row.name == "recovery_init_sync_method" && row.setting == "syncfs")
    {
        tracing::warn!(
            "recovery_init_sync_method is not syncfs: a restart after a crash may take minutes with many tenants"
        );
    }
    Ok(())
}
