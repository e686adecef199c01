//! A database for each World, on the one PostgreSQL of the run.

use std::{
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use hansa_tenancy::{
    Module, Options, Tenancy,
    setup::{self, Owner},
};
use hansa_vault::MasterKey;
use hansa_vocab::{
    TenantId,
    clock::{SharedClock, SharedIds, SystemClock, SystemIds},
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

/// Set by `with-postgres`: URL of the superuser's database.
pub const DATABASE_VARIABLE: &str = "HANSA_TEST_DATABASE_URL";

/// The master key of every test node.
pub const MASTER: [u8; 32] = [42; 32];

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// URL of the run's server, in its database `postgres`.
///
/// # Panics
///
/// When there is none: a test without its database has failed.
#[must_use]
pub fn server_url() -> String {
    std::env::var(DATABASE_VARIABLE)
        .unwrap_or_else(|_| panic!("{DATABASE_VARIABLE} is not set: run the tests with `make test`"))
}

/// A connection of the superuser to one database of the server.
pub async fn superuser(database: &str) -> PgConnection {
    let options = PgConnectOptions::from_str(&server_url()).unwrap().database(database);
    PgConnection::connect_with(&options).await.unwrap()
}

/// Runs text of ours as it is; the attacks are made of such text.
pub async fn run(connection: &mut PgConnection, text: impl Into<String>) -> Result<(), sqlx::Error> {
    connection.execute(AssertSqlSafe(text.into())).await.map(|_| ())
}

/// One node's database, prepared and hardened, with a node name of its own since roles are cluster-wide.
#[derive(Clone)]
pub struct World {
    /// Name of the database.
    pub database: String,
    /// Prefix of its login roles.
    pub node: String,
    /// What their passwords come from.
    pub secret: [u8; 32],
    /// Makes and migrates tenants.
    pub owner: Owner,
    /// The clock of the World.
    pub clock: SharedClock,
    /// The id source of the World.
    pub ids: SharedIds,
}

impl World {
    /// A new database, hardened.
    pub async fn new() -> Self {
        let database = Self::empty_database().await;
        let secret = hansa::node::database_secret(&MasterKey::from_bytes(MASTER)).unwrap();
        setup::prepare(&Self::url(&database), &database, secret).await.unwrap();
        let owner = Owner::connect(&Self::url(&database), &database, secret).await.unwrap();
        Self {
            node: database.clone(),
            database,
            secret,
            owner,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        }
    }

    /// A new database with nothing in it; its name is unique among all test processes.
    pub async fn empty_database() -> String {
        let name = format!("w{}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let mut server = superuser("postgres").await;
        run(&mut server, format!("drop database if exists {name} with (force)"))
            .await
            .unwrap();
        run(&mut server, format!("create database {name} template template0"))
            .await
            .unwrap();
        name
    }

    /// URL of the superuser in a database.
    #[must_use]
    pub fn url(database: &str) -> String {
        let server = server_url();
        let (before, options) = server.split_once('?').unwrap_or((&server, ""));
        let base = before.rsplit_once('/').map_or(before, |(base, _)| base);
        format!("{base}/{database}?{options}")
    }

    /// How a process of this node connects.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            unsafe_dev: true,
            ..Options::new(Self::url(&self.database), &self.node, self.secret)
        }
    }

    /// A process of this node, as far as its database goes.
    pub async fn tenancy(&self) -> Tenancy {
        self.tenancy_with(self.options()).await
    }

    /// The same with other options.
    pub async fn tenancy_with(&self, options: Options) -> Tenancy {
        Tenancy::connect(options, self.clock.clone(), self.ids.clone())
            .await
            .unwrap()
    }

    /// A new enterprise with every module.
    pub async fn tenant(&self, name: &str) -> TenantId {
        self.owner.create(&self.ids, name, &Module::ALL).await.unwrap()
    }

    /// The superuser, in this World's database.
    pub async fn superuser(&self) -> PgConnection {
        superuser(&self.database).await
    }

    /// The pins under which this node admits another: now and next.
    pub async fn pins_of(&self, node: hansa_vocab::NodeId) -> (String, Option<String>) {
        let mut connection = self.superuser().await;
        sqlx::query_as("select pin_now, pin_next from hansa.peer_node where node_id = $1")
            .bind(node.to_string())
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    /// Runs statements as the superuser in a tenant's schema: what only a fault, or a hostile operator, could do.
    pub async fn in_tenant(&self, tenant: TenantId, statements: &str) {
        let mut connection = self.superuser().await;
        let schema = tenant.schema();
        run(&mut connection, format!("set search_path = {schema}; {statements}"))
            .await
            .unwrap();
    }

    /// A connection of one of this World's login roles, outside any pool.
    pub async fn login(&self, role: &str) -> PgConnection {
        let options = PgConnectOptions::from_str(&Self::url(&self.database))
            .unwrap()
            .username(role);
        PgConnection::connect_with(&options).await.unwrap()
    }
}
