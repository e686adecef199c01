//! A pool as a store has it: taken in beside a bare COPY, masked and handed out beside bare masking, a day's changes, and how long a
//! partner's node holds somebody after they have taken back what they agreed to.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use hansa_psi::{CHUNK_MAX, Key, Segment, Token};
use hansa_tenancy::dev::state_dir;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    matching::{context, people, phone, spent},
    median, reserve, rounded, store,
};
use crate::{
    client::Client,
    processes::{Firm, PrivateNode},
};

/// Cells that need nodes.
pub const CELLS: [&str; 3] = ["import", "publish", "withdrawal"];
const SERVICE: &str = "hansa.members.v1.MembersStaffService";
const PURPOSE: &str = "joint-offers";
/// Members who come and go in a day, and people that a partner looks up.
const JOINED: u64 = 20_000;
const LEFT: u64 = 5_000;
const LOOKED_UP: usize = 100_000;
/// Whole steps of a change of a filter.
const STEP: u64 = 64;
/// Members of both who take back what they agreed to.
const WITHDRAWN: u64 = 300;

/// A day's changes of a filter: masked and written by the owner, read and looked up by the partner.
///
/// # Errors
///
/// When a filter can't be read.
pub fn delta(rounds: usize) -> anyhow::Result<Vec<Value>> {
    let (key, context) = (Key::from_random(&[3; 64]), context());
    let phones: Vec<_> = (0..JOINED.next_multiple_of(STEP)).map(phone).collect();
    let step = usize::try_from(LEFT.next_multiple_of(STEP))?;
    let mut known: Vec<Token> = key
        .mask(&context, people(&phones))
        .iter()
        .map(|one| one.token(&context))
        .collect();
    known.extend(
        (0..LOOKED_UP as u64 - JOINED)
            .map(|one| Token(u128::from(one.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_be_bytes())),
    );
    let (mut seconds, mut bytes) = (Vec::new(), 0);
    for _ in 0..rounds {
        let (one, written) = spent(|| {
            let mut joined = Vec::new();
            for some in phones.chunks(CHUNK_MAX) {
                let masked = key.mask(&context, people(some));
                joined.extend(masked.iter().map(|secret| secret.token(&context).prefix()));
            }
            // Tokens of those who leave are kept since they came.
            let mut left: Vec<u64> = joined[..step].iter().map(|prefix| prefix.rotate_left(17)).collect();
            joined.sort_unstable();
            left.sort_unstable();
            let parts = [Segment::write(&joined, 0), Segment::write(&left, 0)];
            let written = parts.iter().map(Vec::len).sum::<usize>();
            for part in parts {
                let part = Segment::read(&part, 0)?;
                std::hint::black_box(known.iter().filter(|token| part.holds(**token)).count());
            }
            Ok(written)
        })?;
        seconds.push(one);
        bytes = written;
    }
    let of = format!("{JOINED} joined, {LEFT} left");
    Ok(vec![
        json!({"bench": "match", "cell": "delta", "value": rounded(median(&mut seconds), 3), "unit": "s of CPU, both sides", "size": of}),
        json!({"bench": "match", "cell": "delta-bytes", "value": bytes, "unit": "bytes", "size": of}),
    ])
}

/// Two nodes on private durable databases, linked.
pub struct Pool {
    dir: PathBuf,
    store_node: PrivateNode,
    brand_node: PrivateNode,
    store: Firm,
    brand: Firm,
    link: String,
    members: u64,
}

async fn call(client: &Client, method: &str, body: Value) -> anyhow::Result<Value> {
    client.call(&format!("{SERVICE}/{method}"), &body).await
}

fn rows(members: std::ops::Range<u64>) -> anyhow::Result<String> {
    let mut rows = "phone,email,name,city\n".to_owned();
    for member in members {
        writeln!(rows, "{},{member}@example.org,Member {member},Lübeck", phone(member))?;
    }
    Ok(rows)
}

/// The most memory that a process has had, in MiB.
fn peak(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let line = line.context("/proc says nothing of memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}

impl Pool {
    /// A store, to have so many members, and a brand.
    ///
    /// # Errors
    ///
    /// When a database would lose acknowledged writes, or something is missing here.
    pub async fn start(exe: &Path, members: u64) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("bench-pool-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (store_node, brand_node) = tokio::join!(
            PrivateNode::new("store", exe, &dir, 1),
            PrivateNode::new("brand", exe, &dir, 1)
        );
        let (mut store_node, mut brand_node) = (store_node?, brand_node?);
        let store = Firm::found(&store_node, "Store", 0).await?;
        let brand = Firm::found(&brand_node, "Brand", 0).await?;
        store_node.start().await?;
        brand_node.start().await?;
        store::durable(&store_node.database_url()).await?;
        let grant = json!({
            "pool": "loyalty", "purpose": PURPOSE, "mayJoin": true, "fields": ["city"], "evaluationsMax": 1_000_000, "retentionDays": 30,
        });
        let link = reserve::linked(&store, &brand, &["--pool", &grant.to_string()]).await?;
        for (firm, pool) in [(&store, "loyalty"), (&brand, "fans")] {
            firm.command(&[
                "pool",
                "put",
                pool,
                "Members",
                "--field",
                "name:text",
                "--field",
                "city:text",
            ])
            .await?;
        }
        Ok(Self {
            dir,
            store_node,
            brand_node,
            store,
            brand,
            link,
            members,
        })
    }

    /// The cells that are asked for, in an order in which each finds what it needs.
    ///
    /// # Errors
    ///
    /// When a call fails.
    pub async fn cells(&self, cells: &[&str]) -> anyhow::Result<Vec<Value>> {
        let mut lines = vec![self.import().await?];
        let (store, brand) = (self.store.client().await?, self.brand.client().await?);
        self.agree(&store, ("loyalty", self.members), &["city"]).await?;
        lines.push(self.publish().await?);
        if cells.contains(&"withdrawal") {
            let file = self.dir.join("fans.csv");
            std::fs::write(&file, rows(0..WITHDRAWN)?)?;
            let file = file.display().to_string();
            self.brand
                .command(&["member", "import", &file, "--pool", "fans", "--region", "CN"])
                .await?;
            self.agree(&brand, ("fans", WITHDRAWN), &[]).await?;
            lines.push(self.withdrawal(&store).await?);
        }
        lines.retain(|line| cells.iter().any(|cell| line["cell"] == *cell));
        Ok(lines)
    }

    async fn import(&self) -> anyhow::Result<Value> {
        let text = rows(0..self.members)?;
        let file = self.dir.join("members.csv");
        std::fs::write(&file, &text)?;
        let begun = Instant::now();
        store::copied(&self.store_node.database_url(), text.into_bytes()).await?;
        let limit = self.members as f64 / begun.elapsed().as_secs_f64();
        let file = file.display().to_string();
        let begun = Instant::now();
        self.store
            .command(&["member", "import", &file, "--pool", "loyalty", "--region", "CN"])
            .await?;
        let value = self.members as f64 / begun.elapsed().as_secs_f64();
        Ok(json!({
            "bench": "match", "cell": "import", "value": rounded(value, 0), "unit": "rows/s", "limit": "COPY of the same rows",
            "limit_value": rounded(limit, 0), "ratio": rounded(value / limit, 3), "size": self.members,
        }))
    }

    /// All of them agree, or so many.
    async fn agree(&self, client: &Client, (pool, members): (&str, u64), fields: &[&str]) -> anyhow::Result<()> {
        let notice =
            json!({"linkId": self.link, "purpose": PURPOSE, "fields": fields, "language": "en", "text": "A bench."});
        let notice = call(client, "PutNotice", json!({"notice": notice})).await?["notice"]["hash"].clone();
        for first in (1..=members).step_by(1_000) {
            let some: Vec<_> = (first..=members.min(first + 999)).collect();
            let consents = json!({"pool": pool, "noticeHash": notice, "channel": "import", "numbers": some});
            call(client, "RecordConsents", consents).await?;
        }
        Ok(())
    }

    async fn publish(&self) -> anyhow::Result<Value> {
        // Each member has a phone and an address.
        let phones: Vec<_> = (0..self.members).map(phone).collect();
        let (key, context) = (Key::from_random(&[3; 64]), context());
        let (limit, ()) = spent(|| {
            for some in phones.chunks(CHUNK_MAX).chain(phones.chunks(CHUNK_MAX)) {
                std::hint::black_box(key.mask(&context, people(some)));
            }
            Ok(())
        })?;
        let processors = std::thread::available_parallelism().map_or(1.0, |many| many.get() as f64);
        let limit = limit / processors;
        let begun = Instant::now();
        self.store
            .command(&[
                "pool",
                "publish",
                "loyalty",
                "--link",
                &self.link,
                "--purpose",
                PURPOSE,
                "--wait",
            ])
            .await?;
        let value = begun.elapsed().as_secs_f64();
        let pid = *self.store_node.pids().first().context("the node does not run")?;
        Ok(json!({
            "bench": "match", "cell": "publish", "value": rounded(value, 2), "unit": "s until it is handed out",
            "limit": "masking alone, on all processors", "limit_value": rounded(limit, 2), "ratio": rounded(value / limit, 2),
            "identifiers": 2 * self.members, "peak_mib": rounded(peak(pid)?, 0),
        }))
    }

    async fn withdrawal(&self, store: &Client) -> anyhow::Result<Value> {
        let about = ["--link", &self.link, "--partner-pool", "loyalty", "--purpose", PURPOSE];
        let matched = [["pool", "match", "fans"].as_slice(), &about, &["--joint", "--wait"]].concat();
        let done = self.brand.command(&matched).await?;
        ensure!(done["match"]["state"] == "done", "{done}");
        for member in 1..=WITHDRAWN {
            let body = json!({"pool": "loyalty", "number": member, "recipient": self.link, "purpose": PURPOSE, "channel": "page"});
            call(store, "WithdrawConsent", body).await?;
        }
        let begun = Instant::now();
        let all = loop {
            let open = call(store, "ListWithdrawals", json!({"openOnly": true})).await?;
            if open["withdrawals"].as_array().is_none_or(Vec::is_empty) {
                break call(store, "ListWithdrawals", json!({})).await?;
            }
            ensure!(begun.elapsed().as_secs() < 60, "a partner never acknowledges: {open}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        let at = |one: &Value, name: &str| {
            let text = one[name].as_str().context("no such time")?;
            Ok::<_, anyhow::Error>(OffsetDateTime::parse(text, &Rfc3339)?)
        };
        let mut millis = Vec::new();
        for one in all["withdrawals"].as_array().context("no withdrawals")? {
            millis.push((at(one, "acknowledgedAt")? - at(one, "endedAt")?).as_seconds_f64() * 1e3);
        }
        millis.sort_unstable_by(f64::total_cmp);
        let of = |part: usize| rounded(millis[(millis.len() * part / 100).min(millis.len() - 1)], 1);
        Ok(json!({
            "bench": "match", "cell": "withdrawal", "value": of(99), "unit": "ms until the partner's node has said that it is gone, p99",
            "p50": of(50), "withdrawn": millis.len(),
        }))
    }

    /// Ends both nodes and removes their databases.
    ///
    /// # Errors
    ///
    /// When the folder can't be removed.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.store_node.kill().await?;
        self.brand_node.kill().await?;
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || {
            drop(self);
            std::fs::remove_dir_all(dir)
        })
        .await??;
        Ok(())
    }
}
