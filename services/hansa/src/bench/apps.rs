//! The registry of apps and the workbench, with as many apps and shares as a large network has, beside the smallest call of the same
//! port.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, bail, ensure};
use hansa_proto::{
    apps::v1::{
        GetWorkbenchRequest, ListAppsRequest, ListSharesRequest, apps_staff_service_client::AppsStaffServiceClient,
    },
    directory::v1::{WhoAmIRequest, directory_staff_service_client::DirectoryStaffServiceClient},
};
use hansa_tenancy::dev::state_dir;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::{rounded, store};
use crate::{
    client::Client,
    processes::{Firm, PrivateNode},
};

/// All cells.
pub const CELLS: [&str; 5] = ["search", "search_rare", "list", "workbench", "shares"];
/// What is seeded: an app of ours in seventeen, and of the shares nine in ten given.
const APPS: i32 = 17_000;
const SHARES: i32 = 10_000;
/// Calls of a cell, after a tenth as many for the caches.
const CALLS: u32 = 200;
const AIM_P95_MS: u32 = 50;

/// A node with a registry that is full.
pub struct Apps {
    dir: PathBuf,
    node: PrivateNode,
    client: Client,
    database: String,
}

impl Apps {
    /// One node on a private durable database, seeded.
    ///
    /// # Errors
    ///
    /// When something is missing here.
    pub async fn start(exe: &Path) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let mut node = PrivateNode::new("headquarters", exe, &dir, 1).await?;
        let firm = Firm::found(&node, "Headquarters", 0).await?;
        node.start().await?;
        let manifest = hansa_apps::shipped().find(|(name, _)| *name == "product_intake");
        let (_, manifest) = manifest.context("product_intake is not shipped")?;
        let database = node.database_url();
        store::seed_apps(&database, (&firm.enterprise, manifest), (APPS, SHARES)).await?;
        Ok(Self {
            client: firm.client().await?,
            dir,
            node,
            database,
        })
    }

    /// What decides whether a commit of this database survives, read back from it.
    ///
    /// # Errors
    ///
    /// When one of the settings would lose acknowledged writes.
    pub async fn settings(&self) -> anyhow::Result<Value> {
        store::durable(&self.database).await
    }

    /// One cell, and in turn with it the smallest call of the same port.
    ///
    /// # Errors
    ///
    /// When a call fails, or answers less than was seeded.
    pub async fn cell(&self, cell: &str) -> anyhow::Result<Value> {
        let (mut micros, mut floor) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
        for round in 0..CALLS + CALLS / 10 {
            let begun = Instant::now();
            self.smallest().await?;
            let (least, begun) = (begun.elapsed(), Instant::now());
            let rows = self.call(cell, round).await?;
            let took = begun.elapsed();
            ensure!(rows > 0, "{cell} answers nothing");
            if round >= CALLS / 10 {
                micros.record(u64::try_from(took.as_micros())?)?;
                floor.record(u64::try_from(least.as_micros())?)?;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a call")]
        let millis = |of: &Histogram<u64>, quantile: f64| rounded(of.value_at_quantile(quantile) as f64 / 1_000.0, 2);
        Ok(json!({
            "bench": "apps", "cell": cell, "question": format!("{APPS} apps, {SHARES} shares"), "p50_ms": millis(&micros, 0.5),
            "p95_ms": millis(&micros, 0.95), "aim_p95_ms": AIM_P95_MS, "smallest_call_p95_ms": millis(&floor, 0.95),
            "ratio": rounded(millis(&floor, 0.5) / millis(&micros, 0.5).max(0.001), 3),
        }))
    }

    async fn smallest(&self) -> anyhow::Result<()> {
        let mut directory = DirectoryStaffServiceClient::new(self.client.channel.clone());
        directory.who_am_i(self.client.request(WhoAmIRequest {})?).await?;
        Ok(())
    }

    /// How many rows it answers.
    async fn call(&self, cell: &str, round: u32) -> anyhow::Result<usize> {
        let mut apps = AppsStaffServiceClient::new(self.client.channel.clone());
        let search = |text: &str| ListAppsRequest {
            search: text.to_owned(),
            ..ListAppsRequest::default()
        };
        Ok(match cell {
            // What every app says, and what one alone does.
            "search" => apps
                .list_apps(self.client.request(search("Headquarters"))?)
                .await?
                .into_inner()
                .apps
                .len(),
            "search_rare" => {
                let rare = search(&format!("intake {}", 16_000 - round));
                apps.list_apps(self.client.request(rare)?)
                    .await?
                    .into_inner()
                    .apps
                    .len()
            }
            "list" => apps
                .list_apps(self.client.request(search(""))?)
                .await?
                .into_inner()
                .apps
                .len(),
            "workbench" => {
                let asked = self.client.request(GetWorkbenchRequest::default())?;
                apps.get_workbench(asked).await?.into_inner().apps.len()
            }
            "shares" => {
                let asked = self.client.request(ListSharesRequest::default())?;
                apps.list_shares(asked).await?.into_inner().shares.len()
            }
            _ => bail!("no cell {cell}; there are {}", CELLS.join(", ")),
        })
    }

    /// Ends the node and removes its database.
    ///
    /// # Errors
    ///
    /// When the folder can't be removed.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.node.kill().await?;
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || {
            drop(self);
            std::fs::remove_dir_all(dir)
        })
        .await??;
        Ok(())
    }
}
