//! Private match: what masking costs, a whole match in this process beside other systems on the same lists, and evaluations through a
//! node beside the bare curve. Time of processors, not of the wall: both sides are added up.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use hansa_edge::{METADATA_LINK, METADATA_TO};
use hansa_lanes::Lanes;
use hansa_proto::members::v1::{
    EvaluateRequest, members_partner_service_client::MembersPartnerServiceClient as Client,
};
use hansa_psi::{Blinds, CHUNK_MAX, Context, Key, Kind, POINT_LENGTH, Point, Segment, Token, segment_bits, verify};
use hansa_tenancy::dev::state_dir;
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Value, json};
use tonic::{Request, transport::Channel};

use super::{median, pool, reserve, rounded, store};
use crate::processes::{Firm, PrivateNode};

/// All cells; `cold` and `warm` are run together, with the peers beside them.
pub const CELLS: [&str; 9] = [
    "mask",
    "cold",
    "warm",
    "filter-bits-per-member",
    "delta",
    "evaluate",
    "import",
    "publish",
    "withdrawal",
];
/// Ticks of a second in /proc.
const TICKS: f64 = 100.0;
/// Members that are masked in a round of `mask`.
const MASKED: u64 = 200_000;

/// How large the lists of `cold` and `warm` are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Members of the pool.
    pub members: u64,
    /// People of the list, half of whom are members.
    pub list: u64,
}

/// Seconds that the processors have worked for this process.
fn cpu() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat is not as expected")?;
    let of = |place: usize| {
        fields
            .split_whitespace()
            .nth(place)
            .and_then(|text| text.parse::<f64>().ok())
    };
    Ok((of(11).unwrap_or(0.0) + of(12).unwrap_or(0.0)) / TICKS)
}

pub(super) fn spent<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(f64, T)> {
    let before = cpu()?;
    let done = work()?;
    Ok((cpu()? - before, done))
}

/// The same people for every system: the first are the pool; the list is half of it, half beyond it.
pub(super) fn phone(person: u64) -> String {
    (13_000_000_000 + person * 0x9E37_79B1 % 6_999_999_937).to_string()
}

pub(super) fn context() -> Context {
    Context::new(&[1; 32], &[2; 16], "loyalty", "joint-offers", 1)
}

pub(super) fn people(phones: &[String]) -> impl Iterator<Item = (Kind, &[u8])> {
    phones.iter().map(|phone| (Kind::Phone, phone.as_bytes()))
}

/// A pool as it is handed out: tokens by segment.
struct HandedOut {
    bits: u32,
    segments: Vec<Vec<u8>>,
}

impl HandedOut {
    fn of(key: &Key, context: &Context, phones: &[String]) -> Self {
        let mut prefixes = Vec::with_capacity(phones.len());
        for some in phones.chunks(CHUNK_MAX) {
            let masked = key.mask(context, people(some));
            prefixes.extend(masked.iter().map(|secret| secret.token(context).prefix()));
        }
        prefixes.sort_unstable();
        let bits = segment_bits(prefixes.len() as u64);
        let mut left = prefixes.as_slice();
        let segments = (0..1_u64 << bits).map(|number| {
            let here = left.partition_point(|prefix| prefix.checked_shr(64 - bits).unwrap_or(0) <= number);
            let (mine, rest) = left.split_at(here);
            left = rest;
            Segment::write(mine, bits)
        });
        Self {
            bits,
            segments: segments.collect(),
        }
    }

    fn bytes(&self) -> usize {
        self.segments.iter().map(Vec::len).sum()
    }

    /// How many of these are in it.
    fn hits(&self, tokens: &mut [Token]) -> anyhow::Result<usize> {
        tokens.sort_unstable();
        let (mut hits, mut loaded) = (0, None);
        for token in tokens {
            let number = usize::try_from(token.prefix().checked_shr(64 - self.bits).unwrap_or(0))?;
            if !matches!(&loaded, Some((which, _)) if *which == number) {
                loaded = Some((number, Segment::read(&self.segments[number], self.bits)?));
            }
            hits += usize::from(loaded.as_ref().is_some_and(|(_, segment)| segment.holds(*token)));
        }
        Ok(hits)
    }
}

/// A whole list: blinded, evaluated, proven, verified, unblinded, looked up; how many match, and the bytes of both ways.
fn ask(key: &Key, context: &Context, pool: &HandedOut, list: &[String]) -> anyhow::Result<(usize, usize)> {
    let (blinds, public, mut bytes) = (Blinds::new([7; 32]), key.public(), 0);
    let mut tokens = Vec::with_capacity(list.len());
    for (chunk, some) in list.chunks(CHUNK_MAX).enumerate() {
        let first = (chunk * CHUNK_MAX) as u64;
        let blinded = blinds.blind(context, first, people(some));
        let evaluated = key.evaluate(&blinded)?;
        let random = [u8::try_from(chunk % 256)?; 64];
        let proof = key.prove(&blinded, &evaluated, &random)?;
        let proven = verify(&public, &blinded, &evaluated, &proof)?;
        bytes += 2 * blinded.len() * POINT_LENGTH + proof.len();
        tokens.extend(
            blinds
                .unblind(first, &proven)?
                .iter()
                .map(|secret| secret.token(context)),
        );
    }
    Ok((pool.hits(&mut tokens)?, bytes))
}

/// Masking beside what no multiplication of a point on this machine is far below: the field multiplications of one ladder, and nothing
/// else. A machine without the instructions for that has one evaluation as its limit.
fn mask(rounds: usize) -> anyhow::Result<Value> {
    let (key, context) = (Key::from_random(&[3; 64]), context());
    let phones: Vec<_> = (0..MASKED).map(phone).collect();
    let points = Blinds::new([5; 32]).blind(&context, 0, people(&phones));
    let lanes = Lanes::here();
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let micros = |seconds: f64| seconds * 1e6 / MASKED as f64;
        let (one, ()) = spent(|| {
            for some in phones.chunks(CHUNK_MAX) {
                std::hint::black_box(key.mask(&context, people(some)));
            }
            Ok(())
        })?;
        values.push(micros(one));
        let (one, ()) = spent(|| {
            if let Some(lanes) = lanes {
                lanes.floor(usize::try_from(MASKED)?);
                return Ok(());
            }
            for some in points.chunks(CHUNK_MAX) {
                std::hint::black_box(key.evaluate(some)?);
            }
            Ok(())
        })?;
        limits.push(micros(one));
    }
    let limit = if lanes.is_some() {
        "the field multiplications of one ladder"
    } else {
        "one evaluation"
    };
    let mut ratios: Vec<f64> = values.iter().zip(&limits).map(|(value, limit)| value / limit).collect();
    Ok(json!({
        "bench": "match", "cell": "mask", "value": rounded(median(&mut values), 2), "unit": "µs of CPU a member",
        "limit": limit, "limit_value": rounded(median(&mut limits), 2), "ratio": rounded(median(&mut ratios), 2),
        "rounds": rounds,
    }))
}

/// Another system on the same lists, when it is installed: seconds of CPU, and how many match.
fn peer(name: &str, python: &str, sizes: Sizes) -> Value {
    let skipped = |reason: String| json!({"peer": name, "status": "skipped", "reason": reason});
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/peers.py");
    let done = std::process::Command::new(python)
        .args([script, name, &sizes.members.to_string(), &sizes.list.to_string()])
        .output();
    match done {
        Err(error) => skipped(format!("{python}: {error}")),
        Ok(done) if !done.status.success() => {
            let said = String::from_utf8_lossy(&done.stderr);
            skipped(said.lines().last().unwrap_or("it failed").to_owned())
        }
        Ok(done) => match serde_json::from_slice::<Value>(&done.stdout) {
            Ok(mut said) => {
                said["peer"] = json!(name);
                let exact = said["hits"] == json!(sizes.list / 2);
                said["status"] = json!(if exact { "measured" } else { "wrong" });
                said
            }
            Err(error) => skipped(error.to_string()),
        },
    }
}

/// A first match, and one of a list that is new to a pool that was masked before; with the peers beside them, in turn.
fn whole(rounds: usize, sizes: Sizes, python: &str) -> anyhow::Result<Vec<Value>> {
    let context = context();
    let pool: Vec<_> = (0..sizes.members).map(phone).collect();
    let half = sizes.list / 2;
    let list: Vec<_> = (0..half)
        .chain(sizes.members..sizes.members + sizes.list - half)
        .map(phone)
        .collect();
    let (mut cold, mut warm, mut peers) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = (0, 0);
    for round in 0..rounds {
        let key = Key::from_random(&[u8::try_from(round % 250)? + 1; 64]);
        let (masking, handed_out) = spent(|| Ok(HandedOut::of(&key, &context, &pool)))?;
        let (asking, (hits, wire)) = spent(|| ask(&key, &context, &handed_out, &list))?;
        ensure!(hits as u64 == half, "{hits} match, {half} were planted");
        cold.push(masking + asking);
        warm.push(asking);
        bytes = (handed_out.bytes(), wire);
        for name in ["spu-ecdh", "spu-kkrt", "openmined"] {
            peers.push(peer(name, python, sizes));
        }
    }
    let (cold, warm) = (median(&mut cold), median(&mut warm));
    let size = format!("{} x {}", sizes.members, sizes.list);
    let cell = |name: &str, value: f64| {
        let ahead = |peer: &Value| {
            let mut peer = peer.clone();
            if let Some(seconds) = peer["cpu_s"].as_f64() {
                peer["ahead"] = json!(rounded(seconds / value, 2));
            }
            peer
        };
        json!({
            "bench": "match", "cell": name, "value": rounded(value, 2), "unit": "s of CPU, both sides", "size": size, "rounds": rounds,
            "peers": peers.iter().map(ahead).collect::<Vec<_>>(),
        })
    };
    let count =
        |name: &str, value: f64| json!({"bench": "match", "cell": name, "value": rounded(value, 2), "unit": "count"});
    Ok(vec![
        cell("cold", cold),
        cell("warm", warm),
        count("filter-bits-per-member", bytes.0 as f64 * 8.0 / sizes.members as f64),
        count("wire-bytes-per-item", bytes.1 as f64 / sizes.list as f64),
    ])
}

/// The cells that need no node.
///
/// # Errors
///
/// When a match is not exact.
pub fn alone(cells: &[&str], rounds: usize, sizes: Sizes, python: &str) -> anyhow::Result<Vec<Value>> {
    let mut lines = Vec::new();
    if cells.contains(&"mask") {
        lines.push(mask(rounds)?);
    }
    if cells
        .iter()
        .any(|cell| ["cold", "warm", "filter-bits-per-member"].contains(cell))
    {
        lines.extend(whole(rounds, sizes, python)?);
    }
    if cells.contains(&"delta") {
        lines.extend(pool::delta(rounds)?);
    }
    Ok(lines)
}

/// Evaluations through a node: mutual TLS, budget in a durable commit, proof; beside the bare curve on as many points.
pub struct Evaluate {
    dir: PathBuf,
    owner_node: PrivateNode,
    buyer_node: PrivateNode,
    channel: Channel,
    link: String,
    to: String,
    points: Vec<Point>,
    key: Key,
}

impl Evaluate {
    /// Two nodes on private durable databases, linked, with a pool that is handed out.
    ///
    /// # Errors
    ///
    /// When a database would lose acknowledged writes, or something is missing here.
    pub async fn start(exe: &Path) -> anyhow::Result<Self> {
        let dir = state_dir().join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("{} can't be made", dir.display()))?;
        let (owner_node, buyer_node) = tokio::join!(
            PrivateNode::new("owner", exe, &dir, 1),
            PrivateNode::new("buyer", exe, &dir, 1)
        );
        let (mut owner_node, mut buyer_node) = (owner_node?, buyer_node?);
        let owner = Firm::found(&owner_node, "Owner", 0).await?;
        let buyer = Firm::found(&buyer_node, "Buyer", 0).await?;
        owner_node.start().await?;
        buyer_node.start().await?;
        store::durable(&owner_node.database_url()).await?;
        let grant = json!({
            "pool": "loyalty", "purpose": "joint-offers", "evaluationsMax": 10_000_000, "retentionDays": 30,
        });
        let link = reserve::linked(&owner, &buyer, &["--pool", &grant.to_string()]).await?;
        owner.command(&["pool", "put", "loyalty", "Members"]).await?;
        let publish = [
            "pool",
            "publish",
            "loyalty",
            "--link",
            &link,
            "--purpose",
            "joint-offers",
            "--wait",
        ];
        owner.command(&publish).await?;
        let (_, channel) = reserve::dialled(&buyer_node, &owner_node).await?;
        let phones: Vec<_> = (0..CHUNK_MAX as u64).map(phone).collect();
        Ok(Self {
            points: Blinds::new([5; 32]).blind(&context(), 0, people(&phones)),
            key: Key::from_random(&[3; 64]),
            to: owner.enterprise,
            dir,
            owner_node,
            buyer_node,
            channel,
            link,
        })
    }

    async fn chunk(&self, list: &str, number: u32) -> anyhow::Result<()> {
        let mut request = Request::new(EvaluateRequest {
            pool: "loyalty".to_owned(),
            purpose: "joint-offers".to_owned(),
            epoch: 1,
            match_id: list.to_owned(),
            number,
            points: self.points.as_flattened().to_vec().into(),
        });
        request.metadata_mut().insert(METADATA_LINK, self.link.parse()?);
        request.metadata_mut().insert(METADATA_TO, self.to.parse()?);
        Client::new(self.channel.clone()).evaluate(request).await?;
        Ok(())
    }

    /// Points a second, of several lists at the same time, for so long; and of the bare curve on the same processors.
    ///
    /// # Errors
    ///
    /// When a call fails.
    pub async fn cell(&self, rounds: usize, each: Duration) -> anyhow::Result<Value> {
        let (mut values, mut limits) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let begun = Instant::now();
            let mut chunks = 0_u32;
            while begun.elapsed() < each {
                self.key.evaluate(&self.points)?;
                chunks += 1;
            }
            limits.push(f64::from(chunks) * CHUNK_MAX as f64 / begun.elapsed().as_secs_f64());
            let begun = Instant::now();
            let list = async || {
                let (list, mut number) = (SystemIds.uuid().to_string(), 0);
                while begun.elapsed() < each {
                    number += 1;
                    self.chunk(&list, number).await?;
                }
                anyhow::Ok(number)
            };
            // Several lists at the same time.
            let (one, two, three, four) = tokio::try_join!(list(), list(), list(), list())?;
            let chunks = one + two + three + four;
            values.push(f64::from(chunks) * CHUNK_MAX as f64 / begun.elapsed().as_secs_f64());
        }
        let mut ratios: Vec<f64> = values.iter().zip(&limits).map(|(value, limit)| value / limit).collect();
        Ok(json!({
            "bench": "match", "cell": "evaluate", "value": rounded(median(&mut values), 0), "unit": "1/s", "limit": "the bare curve",
            "limit_value": rounded(median(&mut limits), 0), "ratio": rounded(median(&mut ratios), 3), "rounds": rounds,
        }))
    }

    /// Ends both nodes and removes their databases.
    ///
    /// # Errors
    ///
    /// When the folder can't be removed.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.owner_node.kill().await?;
        self.buyer_node.kill().await?;
        let dir = self.dir.clone();
        tokio::task::spawn_blocking(move || {
            drop(self);
            std::fs::remove_dir_all(dir)
        })
        .await??;
        Ok(())
    }
}

/// Is this a cell of the bench.
///
/// # Errors
///
/// When it is none; it says which there are.
pub fn known(cells: &[&str]) -> anyhow::Result<()> {
    match cells.iter().find(|cell| !CELLS.contains(cell)) {
        Some(cell) => bail!("no cell {cell}; there are {}", CELLS.join(", ")),
        None => Ok(()),
    }
}
