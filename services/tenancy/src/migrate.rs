//! Migration files and the runner: one message and one transaction a tenant, resumable, a failed tenant named.

use std::time::Duration;

use data_encoding::HEXLOWER;
use hansa_vocab::TenantId;
use include_dir::{Dir, include_dir};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use crate::Error;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../migrations");

/// What closes the roads that a role switch leaves open; a superuser runs it once in each database.
pub const HARDEN: &str = include_str!("../../../migrations/harden.sql");

/// A set of tables that a tenant turns on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Module {
    /// Staff, keys, links: every tenant has it.
    Core,
    /// Stock.
    Inventory,
    /// Documents held in common with partners.
    Documents,
    /// Approvals.
    Workflow,
    /// Buying.
    Procurement,
    /// What leaves the house to systems that are no nodes.
    Egress,
    /// Files that documents name.
    Files,
    /// Pages for people who have no key here.
    Pages,
    /// Members of pools.
    Members,
    /// Their coupons and points.
    Loyalty,
    /// Ways to become a member, and mails.
    Outreach,
    /// Apps of ours and of partners.
    Apps,
    /// Threads.
    Conversations,
}

impl Module {
    /// All modules, in the order in which they are made.
    pub const ALL: [Self; 13] = [
        Self::Core,
        Self::Inventory,
        Self::Documents,
        Self::Workflow,
        Self::Procurement,
        Self::Egress,
        Self::Files,
        Self::Pages,
        Self::Members,
        Self::Loyalty,
        Self::Outreach,
        Self::Apps,
        Self::Conversations,
    ];

    /// The word that stands in the registry and in `migrations/tenant/`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Inventory => "inventory",
            Self::Documents => "documents",
            Self::Workflow => "workflow",
            Self::Procurement => "procurement",
            Self::Egress => "egress",
            Self::Files => "files",
            Self::Pages => "pages",
            Self::Members => "members",
            Self::Loyalty => "loyalty",
            Self::Outreach => "outreach",
            Self::Apps => "apps",
            Self::Conversations => "conversations",
        }
    }

    /// The module that brings this one with it: a migration gives it to every tenant that has that.
    #[must_use]
    pub fn comes_with(self) -> Option<Self> {
        match self {
            Self::Apps | Self::Conversations => Some(Self::Documents),
            Self::Loyalty | Self::Outreach => Some(Self::Members),
            _ => None,
        }
    }
}

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    pub version: i32,
    pub name: String,
    pub sql: String,
}

impl File {
    /// Hex SHA-256 of the text.
    pub fn checksum(&self) -> String {
        HEXLOWER.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.sql.as_bytes()).as_ref())
    }

    /// `grant … on <table> to <role>` for each table the file makes: all four verbs, or what a line `-- grant: …` above it says. A line
    /// `-- grant on <table>: …` gives more on a table of an earlier file.
    pub fn grants(&self, role: &str) -> String {
        let mut verbs = None;
        let mut grants = String::new();
        for line in self.sql.lines() {
            if let Some(given) = line.strip_prefix("-- grant: ") {
                verbs = Some(given);
            } else if let Some((table, more)) = line.strip_prefix("-- grant on ").and_then(|line| line.split_once(": "))
            {
                grants.push_str(&format!("grant {more} on {table} to {role};\n"));
            } else if let Some(rest) = line.strip_prefix("create table ") {
                let table = rest.split(['(', ' ']).next().unwrap_or_default();
                let verbs = verbs.take().unwrap_or("select, insert, update, delete");
                grants.push_str(&format!("grant {verbs} on {table} to {role};\n"));
            }
        }
        grants
    }
}

/// The files of a folder under `migrations/`, by version.
pub fn files(folder: &str) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    for file in FILES.get_dir(folder).map(Dir::files).into_iter().flatten() {
        let name = file
            .path()
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
            .to_owned();
        let wrong = || Error::Setup(format!("migrations/{folder}/{name}: names begin with four digits"));
        let version = name.get(..4).and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
        let sql = file.contents_utf8().ok_or_else(wrong)?.to_owned();
        files.push(File { version, name, sql });
    }
    files.sort_by_key(|file| file.version);
    Ok(files)
}

/// The files of a module, by version.
pub fn module_files(module: Module) -> Result<Vec<File>, Error> {
    files(&format!("tenant/{}", module.as_str()))
}

/// One message that brings a tenant's module from `from` to the file's version, or changes nothing at all.
///
/// The bookkeeping divides by the number of rows it hits, so that a message without its row fails whole.
pub fn step(tenant: TenantId, module: Module, from: i32, file: &File) -> String {
    let (schema, role, module, to) = (tenant.schema(), tenant.role(), module.as_str(), file.version);
    let sql = &file.sql;
    let grants = file.grants(&role);
    format!(
        "begin; set local lock_timeout = '2s'; set local search_path = {schema};\n{sql}\n{grants}
         with moved as (update hansa.tenant_module set version = {to}
             where tenant_id = '{tenant}' and module = '{module}' and version = {from} returning 1)
         select 1 / count(*) from moved;
         commit"
    )
}

/// Sends a message of ours by the simple protocol, and cleans the connection when it fails.
pub async fn send(connection: &mut PgConnection, message: String) -> Result<(), Error> {
    let sent = connection.execute(AssertSqlSafe(message)).await;
    if let Err(error) = sent {
        let _ = connection.execute("rollback").await;
        return Err(Error::Setup(error.to_string()));
    }
    Ok(())
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Tenants brought to the newest version.
    pub migrated: Vec<TenantId>,
    /// Tenants that failed, with the reason; they are named, and the rest are done.
    pub failed: Vec<(TenantId, String)>,
    /// Tenants not tried, because too many before them had failed.
    pub left: usize,
}

/// Tries a step again when a lock was not to be had in time.
pub async fn step_with_retry(connection: &mut PgConnection, message: &str) -> Result<(), Error> {
    const TRIES: u32 = 5;
    let mut tried = 1;
    loop {
        match send(connection, message.to_owned()).await {
            Err(Error::Setup(text)) if text.contains("lock timeout") && tried < TRIES => {
                tokio::time::sleep(Duration::from_millis(100 << tried)).await;
                tried += 1;
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_of_a_file_is_granted_by_name() {
        let file = File {
            version: 1,
            name: "0001_x".into(),
            sql: "-- grant: select, insert\ncreate table audit (\n id int);\ncreate table item(id int);\n-- grant on text: delete\n".into(),
        };
        assert_eq!(
            file.grants("r_x"),
            "grant select, insert on audit to r_x;\ngrant select, insert, update, delete on item to r_x;\ngrant delete on text to r_x;\n"
        );
    }

    #[test]
    fn versions_of_a_module_have_no_gaps() {
        for folder in ["node", "tenant/core", "tenant/inventory"] {
            let versions: Vec<_> = files(folder).unwrap().iter().map(|file| file.version).collect();
            assert_eq!(
                versions,
                (1..=i32::try_from(versions.len()).unwrap()).collect::<Vec<_>>(),
                "{folder}"
            );
        }
    }
}
