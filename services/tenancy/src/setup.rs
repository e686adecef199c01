//! What an operator does to a database: prepare it once, make tenants, migrate them. Never on the request path.

use std::{str::FromStr as _, sync::Arc};

use hansa_vocab::{TenantId, clock::SharedIds};
use sqlx::{
    Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Mutex;

pub use crate::migrate::Report;
use crate::{
    Error, Module, TenantRow,
    migrate::{self, File, HARDEN},
    prelude::{self, NodeName},
    registry,
};

/// Tenants of one lane, at most: a login that is a member of more roles is slow to switch.
const LANE_TENANTS_MAX: i64 = 500;
/// One migration run at a time: the key of the advisory lock, "hansa" in ASCII.
const MIGRATION_LOCK: i64 = 0x0068_616e_7361;
/// Tenants migrated side by side.
const WORKERS: usize = 4;
/// A run stops when this many tenants have failed.
const FAILED_MAX: usize = 20;

/// As a superuser, once per database: makes the node's login roles, hardens the database, makes schema `hansa`.
///
/// Running it again changes nothing but what is new.
///
/// # Errors
///
/// [`Error::Setup`] with what the database said.
pub async fn prepare(superuser_url: &str, node: &str, secret: [u8; 32]) -> Result<(), Error> {
    let node = NodeName::from_str(node)?;
    let mut connection = PgConnection::connect_with(&PgConnectOptions::from_str(superuser_url)?).await?;
    let (owner, control) = (node.owner(), node.control());
    for (role, attributes) in [
        (&owner, "login createrole"),
        (&control, "login noinherit"),
        (&node.lane(0), "login noinherit"),
    ] {
        make_login(&mut connection, role, attributes, &secret).await?;
    }
    migrate::send(&mut connection, HARDEN.to_owned()).await?;
    let database = quoted_database(&mut connection).await?;
    let grants = format!(
        "begin; grant create on database {database} to {owner};
         grant execute on function pg_catalog.pg_try_advisory_lock(bigint) to {owner}; commit"
    );
    migrate::send(&mut connection, grants).await?;
    connection.close().await?;
    let owner = Owner::connect(superuser_url, &node.to_string(), secret).await?;
    owner.migrate_node().await
}

async fn quoted_database(connection: &mut PgConnection) -> Result<String, Error> {
    Ok(
        sqlx::query_scalar!(r#"select quote_ident(current_database()) as "name!""#)
            .fetch_one(connection)
            .await?,
    )
}

/// Makes a login role, or renews its password when it is there.
async fn make_login(
    connection: &mut PgConnection,
    role: &str,
    attributes: &str,
    secret: &[u8; 32],
) -> Result<(), Error> {
    let there = sqlx::query_scalar!(
        r#"select exists (select from pg_roles where rolname = $1) as "there!""#,
        role
    )
    .fetch_one(&mut *connection)
    .await?;
    let verb = if there { "alter" } else { "create" };
    let password = prelude::password(secret, role);
    migrate::send(
        connection,
        format!("{verb} role {role} {attributes} password '{password}'"),
    )
    .await
}

/// The role that owns schemas and runs DDL; its credential stays out of processes that serve requests.
#[derive(Clone)]
pub struct Owner {
    options: PgConnectOptions,
    node: NodeName,
    secret: [u8; 32],
}

impl Owner {
    /// Checks that the database answers.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when it does not, or was never prepared.
    pub async fn connect(database_url: &str, node: &str, secret: [u8; 32]) -> Result<Self, Error> {
        let node = NodeName::from_str(node)?;
        let role = node.owner();
        let options = PgConnectOptions::from_str(database_url)?
            .username(&role)
            .password(&prelude::password(&secret, &role))
            .application_name(&role);
        let owner = Self { options, node, secret };
        owner.connection().await?.close().await?;
        Ok(owner)
    }

    async fn connection(&self) -> Result<PgConnection, Error> {
        Ok(PgConnection::connect_with(&self.options).await?)
    }

    /// Brings schema `hansa` to the newest version.
    pub(crate) async fn migrate_node(&self) -> Result<(), Error> {
        let mut connection = self.connection().await?;
        let control = self.node.control();
        for file in migrate::files("node")? {
            if !applied(&mut connection, "node", &file).await? {
                let (sql, grants) = (&file.sql, file.grants(&control));
                let log = log_row("node", &file);
                migrate::send(
                    &mut connection,
                    format!("begin;\n{sql}\ngrant usage on schema hansa to {control};\n{grants}\n{log};\ncommit"),
                )
                .await?;
            }
        }
        connection.close().await?;
        Ok(())
    }

    /// Makes a tenant with these modules; the core comes with every one.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] with what the database said; then there is no such tenant.
    pub async fn create(&self, ids: &SharedIds, name: &str, modules: &[Module]) -> Result<TenantId, Error> {
        let length = name.trim().chars().count();
        if !(1..=120).contains(&length) {
            return Err(Error::Setup("an enterprise's name has 1 to 120 characters".to_owned()));
        }
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Setup("no randomness".to_owned()))?;
        // Half of it from the id source, so that a test can tell tenants apart; half random, so that ids can't be guessed.
        bytes[..8].copy_from_slice(&ids.uuid().as_bytes()[..8]);
        let tenant = TenantId::from_bytes(bytes);
        let mut connection = self.connection().await?;
        let lane = self.lane_for_one_more(&mut connection).await?;
        sqlx::query!(
            "insert into hansa.tenant (id, name, lane, state) values ($1, $2, $3, 'creating')",
            tenant.as_str(),
            name.trim(),
            lane,
        )
        .execute(&mut connection)
        .await?;
        let mut wanted: Vec<Module> = modules.to_vec();
        wanted.push(Module::Core);
        wanted.sort();
        wanted.dedup();
        migrate::send(&mut connection, self.provision(tenant, lane, &wanted)?).await?;
        connection.close().await?;
        Ok(tenant)
    }

    /// One transaction, one message: role, schema, all files, grants, registry.
    fn provision(&self, tenant: TenantId, lane: i16, modules: &[Module]) -> Result<String, Error> {
        let (schema, role, lane) = (tenant.schema(), tenant.role(), self.node.lane(lane));
        let mut message =
            format!("begin; create role {role} nologin; create schema {schema}; set local search_path = {schema};\n");
        for module in modules {
            let mut version = 0;
            for file in migrate::module_files(*module)? {
                message.push_str(&file.sql);
                message.push_str(&file.grants(&role));
                version = file.version;
            }
            let module = module.as_str();
            message.push_str(&format!(
                "insert into hansa.tenant_module (tenant_id, module, version) values ('{tenant}', '{module}', {version});\n"
            ));
        }
        message.push_str(&format!(
            "grant usage on schema {schema} to {role}; grant {role} to {lane};
             with moved as (update hansa.tenant set state = 'active' where id = '{tenant}' and state = 'creating' returning 1)
             select 1 / count(*) from moved;
             commit"
        ));
        Ok(message)
    }

    async fn lane_for_one_more(&self, connection: &mut PgConnection) -> Result<i16, Error> {
        let tenants = sqlx::query_scalar!(r#"select count(*) as "count!" from hansa.tenant"#)
            .fetch_one(&mut *connection)
            .await?;
        let lane =
            i16::try_from(tenants / LANE_TENANTS_MAX).map_err(|_| Error::Setup("too many tenants".to_owned()))?;
        let role = self.node.lane(lane);
        let there = sqlx::query_scalar!(
            r#"select exists (select from pg_roles where rolname = $1) as "there!""#,
            role
        )
        .fetch_one(&mut *connection)
        .await?;
        if !there {
            make_login(connection, &role, "login noinherit", &self.secret).await?;
        }
        Ok(lane)
    }

    /// All tenants, by id.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn list(&self) -> Result<Vec<TenantRow>, Error> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(self.options.clone())
            .await?;
        registry::all(&pool).await
    }

    /// Brings the node's schema and every tenant to the newest version: canaries first, then four at a time.
    ///
    /// A tenant that fails is named in the report and marked in the registry; the others go on. Running again does what is
    /// left.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] when another run is under way or a file was changed after it had run.
    pub async fn migrate(&self) -> Result<Report, Error> {
        let mut guard = self.connection().await?;
        let free = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1::bigint) as "free!""#, MIGRATION_LOCK)
            .fetch_one(&mut guard)
            .await?;
        if !free {
            return Err(Error::Setup(
                "another migration of this database is under way".to_owned(),
            ));
        }
        self.migrate_node().await?;
        let mut report = Report::default();
        for module in Module::ALL {
            self.migrate_module(&mut guard, module, &mut report).await?;
        }
        guard.close().await?;
        report.migrated.sort();
        report.migrated.dedup();
        Ok(report)
    }

    async fn migrate_module(&self, guard: &mut PgConnection, module: Module, report: &mut Report) -> Result<(), Error> {
        let files: Arc<[File]> = migrate::module_files(module)?.into();
        let Some(newest) = files.last().map(|file| file.version) else {
            return Ok(());
        };
        for file in &*files {
            if !applied(guard, module.as_str(), file).await? {
                migrate::send(guard, log_row(module.as_str(), file)).await?;
            }
        }
        if let Some(base) = module.comes_with() {
            sqlx::query!(
                "insert into hansa.tenant_module (tenant_id, module, version)
                 select tenant_id, $1, 0 from hansa.tenant_module where module = $2 on conflict do nothing",
                module.as_str(),
                base.as_str(),
            )
            .execute(&mut *guard)
            .await?;
        }
        let behind = sqlx::query!(
            "select tenant_id, version from hansa.tenant_module where module = $1 and version < $2 order by tenant_id",
            module.as_str(),
            newest,
        )
        .fetch_all(&mut *guard)
        .await?;
        let queue: Vec<(TenantId, i32)> = behind
            .into_iter()
            .map(|row| {
                Ok((
                    row.tenant_id
                        .parse()
                        .map_err(|_| Error::Damaged(row.tenant_id.clone()))?,
                    row.version,
                ))
            })
            .collect::<Result<_, Error>>()?;
        // The first is the canary: alone, before the others start.
        let (canary, rest) = queue.split_at(queue.len().min(1));
        let shared = Arc::new(Mutex::new(Work {
            queue: canary.to_vec(),
            report: std::mem::take(report),
        }));
        self.work(module, files.clone(), shared.clone()).await?;
        shared.lock().await.queue = rest.iter().rev().copied().collect();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..WORKERS {
            let (owner, files, shared) = (self.clone(), files.clone(), shared.clone());
            workers.spawn(async move { owner.work(module, files, shared).await });
        }
        while let Some(worker) = workers.join_next().await {
            worker.map_err(|error| Error::Setup(error.to_string()))??;
        }
        let mut work = shared.lock().await;
        *report = std::mem::take(&mut work.report);
        report.left += work.queue.len();
        Ok(())
    }

    async fn work(&self, module: Module, files: Arc<[File]>, shared: Arc<Mutex<Work>>) -> Result<(), Error> {
        let mut connection = self.connection().await?;
        loop {
            let Some((tenant, version)) = shared.lock().await.next() else {
                return Ok(connection.close().await?);
            };
            let mut reached = version;
            let mut outcome = Ok(());
            for file in files.iter().filter(|file| file.version > version) {
                outcome =
                    migrate::step_with_retry(&mut connection, &migrate::step(tenant, module, reached, file)).await;
                if outcome.is_err() {
                    break;
                }
                reached = file.version;
            }
            let trouble = outcome.as_ref().err().map(ToString::to_string);
            mark(&mut connection, tenant, trouble.as_deref()).await?;
            let mut work = shared.lock().await;
            match trouble {
                None => work.report.migrated.push(tenant),
                Some(text) => work.report.failed.push((tenant, text)),
            }
        }
    }
}

/// What the workers of a run share.
struct Work {
    queue: Vec<(TenantId, i32)>,
    report: Report,
}

impl Work {
    fn next(&mut self) -> Option<(TenantId, i32)> {
        if self.report.failed.len() >= FAILED_MAX {
            None
        } else {
            self.queue.pop()
        }
    }
}

async fn mark(connection: &mut PgConnection, tenant: TenantId, trouble: Option<&str>) -> Result<(), Error> {
    match trouble {
        Some(text) => {
            sqlx::query!(
                "update hansa.tenant set state = 'failed', trouble = left($2, 1000) where id = $1 and state in ('active', 'failed')",
                tenant.as_str(),
                text,
            )
            .execute(connection)
            .await?
        }
        None => {
            sqlx::query!(
                "update hansa.tenant set state = 'active', trouble = '' where id = $1 and state = 'failed'",
                tenant.as_str(),
            )
            .execute(connection)
            .await?
        }
    };
    Ok(())
}

fn log_row(module: &str, file: &File) -> String {
    let (version, name, checksum) = (file.version, &file.name, file.checksum());
    format!(
        "insert into hansa.migration (module, version, name, checksum) values ('{module}', {version}, '{name}', '{checksum}')"
    )
}

/// Has this file run here; an error when it ran with another text.
async fn applied(connection: &mut PgConnection, module: &str, file: &File) -> Result<bool, Error> {
    let there = sqlx::query_scalar!(r#"select to_regclass('hansa.migration') is not null as "there!""#)
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        return Ok(false);
    }
    let known = sqlx::query_scalar!(
        "select checksum from hansa.migration where module = $1 and version = $2",
        module,
        file.version
    )
    .fetch_optional(&mut *connection)
    .await?;
    match known {
        None => Ok(false),
        Some(checksum) if checksum == file.checksum() => Ok(true),
        Some(_) => Err(Error::Setup(format!(
            "{}/{} was changed after it had run here",
            module, file.name
        ))),
    }
}
