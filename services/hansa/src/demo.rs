//! `hansa demo`: the main job, run for real. Three enterprises on two nodes, each node its own processes on its own durable
//! PostgreSQL; everything is done through the commands and calls that people use, and checked.

pub mod apps;
mod apps_judge;
mod apps_lent;
mod apps_orders;
mod crash;
mod hands;
pub mod judge;
pub mod members;
mod members_end;
mod members_judge;
mod page;
pub mod papers;
mod papers_judge;
pub mod procurement;
mod purchase_judge;
mod receiver;
mod steps;
mod store;
mod tour;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use hansa_tenancy::dev::state_dir;

use crate::processes::{Firm, PrivateNode};
use judge::Verdict;

/// What the demo checks, in this order.
pub const CHECKS: [&str; 12] = [
    "import",
    "link",
    "query",
    "lifecycle",
    "expiry",
    "race",
    "crash",
    "feed",
    "refusal",
    "revoke",
    "evidence",
    "tamper",
];

/// 2,000 real products, from Open Food Facts under the ODbL.
const PRODUCTS: &str = include_str!("../../../tests/data/products.csv");
/// 300 real barcodes that are none.
const PRODUCTS_BAD: &str = include_str!("../../../tests/data/products-bad.csv");

/// What came of one check.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its id, one of [`CHECKS`].
    pub id: &'static str,
    /// What it says.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// The demo's world.
#[derive(Debug)]
pub struct Demo {
    dir: PathBuf,
    /// Lübeck's node.
    a: PrivateNode,
    /// Visby's and Bergen's node: two processes on one database.
    b: PrivateNode,
    /// Headquarters that buys.
    luebeck: Firm,
    /// Shows exact figures.
    visby: Firm,
    /// Shows bands; its people sit at the second process.
    bergen: Firm,
    /// Visby to Lübeck, Bergen to Lübeck, Visby to Bergen.
    links: [String; 3],
}

impl Demo {
    /// Starts both nodes with new databases and makes the three enterprises.
    ///
    /// # Errors
    ///
    /// When something is missing on this machine; it says what.
    pub async fn start(exe: &Path) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("demo-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (a, b) = tokio::join!(
            PrivateNode::new("luebeck", exe, &dir, 1),
            PrivateNode::new("visby", exe, &dir, 2)
        );
        let (mut a, mut b) = (a?, b?);
        ensure!(
            a.system_identifier()? != b.system_identifier()?,
            "both nodes are on one PostgreSQL server"
        );
        let luebeck = Firm::found(&a, "Lübeck Stores", 0).await?;
        let visby = Firm::found(&b, "Visby Distribution", 0).await?;
        let bergen = Firm::found(&b, "Bergen Foods", 1).await?;
        let (one, other) = tokio::join!(a.start(), b.start());
        one.and(other)?;
        let (pids, others) = (a.pids(), b.pids());
        ensure!(
            !pids.iter().any(|pid| others.contains(pid)),
            "both nodes are one process"
        );
        std::fs::write(dir.join("products.csv"), PRODUCTS)?;
        std::fs::write(dir.join("products-bad.csv"), PRODUCTS_BAD)?;
        Ok(Self {
            dir,
            a,
            b,
            luebeck,
            visby,
            bergen,
            links: Default::default(),
        })
    }

    /// Runs every check; one that fails leaves the others standing.
    pub async fn check(&mut self, mut show: impl FnMut(&Checked)) -> Vec<Checked> {
        let mut all = Vec::new();
        for id in CHECKS {
            let begun = Instant::now();
            let verdict = match id {
                "import" => self.import().await,
                "link" => self.link().await,
                "query" => self.query().await,
                "lifecycle" => self.lifecycle().await,
                "expiry" => self.expiry().await,
                "race" => self.race().await,
                "refusal" => self.refusal().await,
                "revoke" => self.revoke().await,
                "evidence" => self.evidence().await,
                "tamper" => self.tamper().await,
                // One run of the crash shows both.
                "crash" => match self.crash().await {
                    Ok((crash, feed)) => {
                        let first = Checked {
                            id,
                            verdict: crash,
                            took: begun.elapsed(),
                        };
                        show(&first);
                        all.push(first);
                        let second = Checked {
                            id: "feed",
                            verdict: feed,
                            took: begun.elapsed(),
                        };
                        show(&second);
                        all.push(second);
                        continue;
                    }
                    Err(error) => Err(error),
                },
                "feed" if all.iter().any(|one: &Checked| one.id == "feed") => continue,
                _ => Ok(Err("it could not be run".to_owned())),
            };
            let checked = Checked {
                id,
                verdict: verdict.unwrap_or_else(|error| Err(format!("{error:#}"))),
                took: begun.elapsed(),
            };
            show(&checked);
            all.push(checked);
        }
        all
    }

    /// How to go on by hand: as two people in a browser, or with the keys of all three.
    ///
    /// # Errors
    ///
    /// When the two can't be made.
    pub async fn by_hand(&self) -> anyhow::Result<String> {
        let firms = [&self.luebeck, &self.visby, &self.bergen];
        let keys = by_hand(&firms, "hansa link list; hansa stock levels; hansa stock query gtin:…");
        let tour = tour::accounts(&self.luebeck, [&self.visby, &self.bergen]).await?;
        Ok(format!("{tour}{keys}"))
    }

    /// Ends both nodes and removes their databases.
    ///
    /// # Errors
    ///
    /// When the folder can't be removed.
    pub async fn end(self) -> anyhow::Result<()> {
        end(self.dir, [self.a, self.b]).await
    }
}

/// How to go on as each of these enterprises.
fn by_hand(firms: &[&Firm], commands: &str) -> String {
    let firm = |firm: &Firm| {
        format!(
            "{}\n  export HANSA_ADDRESS={} HANSA_KEY={}\n  in a browser, as its owner: http://{}{}\n",
            firm.name, firm.address, firm.key, firm.address, firm.invited_at
        )
    };
    let firms: String = firms.iter().copied().map(firm).collect();
    format!("{firms}try: {commands}; Ctrl-C ends it\n")
}

/// Ends nodes and removes their databases.
async fn end(dir: PathBuf, mut nodes: [PrivateNode; 2]) -> anyhow::Result<()> {
    for node in &mut nodes {
        node.kill().await?;
    }
    tokio::task::spawn_blocking(move || {
        drop(nodes);
        std::fs::remove_dir_all(dir)
    })
    .await??;
    Ok(())
}

/// The line that ends the demo.
#[must_use]
pub fn summary(checked: &[Checked]) -> String {
    let passed = checked.iter().filter(|one| one.verdict.is_ok()).count();
    format!("demo: {passed} checks passed, {} failed", checked.len() - passed)
}
