//! The crash: a node dies with SIGKILL while it takes reservations and is followed live.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use hansa_edge::fault_of;
use hansa_proto::inventory::v1::{
    WatchPartnerRequest, WatchPartnerResponse, inventory_staff_service_client::InventoryStaffServiceClient,
    watch_availability_response::Update,
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tonic::Streaming;

use super::{
    Demo,
    judge::{self, Crash, Verdict, Version},
    steps::{STOCK, count, differences, new_id, reserve_body, skus, until},
};
use crate::{
    client::{Client, Refused},
    processes::Firm,
};

const KEYS: usize = 500;
const WORKERS: usize = 24;
const KILL_AFTER: usize = 150;
const DOWN: Duration = Duration::from_millis(300);
const SILENCE: Duration = Duration::from_secs(20);

/// What a follower is told.
#[derive(Debug)]
pub enum Told {
    Level(Version),
    SnapshotEnd,
    Other,
}

/// Follows a partner's stock as the staff of an enterprise.
pub struct Follower(Streaming<WatchPartnerResponse>);

impl Follower {
    pub async fn open(firm: &Firm, link: &str, token: &str) -> anyhow::Result<Self> {
        let client = firm.client().await?;
        let request = client.request(WatchPartnerRequest {
            link_id: link.to_owned(),
            resume_token: token.to_owned(),
        })?;
        let stream = InventoryStaffServiceClient::new(client.channel)
            .watch_partner(request)
            .await;
        Ok(Self(stream.map_err(|status| Refused(fault_of(&status)))?.into_inner()))
    }

    pub async fn next(&mut self) -> anyhow::Result<Told> {
        let told = timeout(SILENCE, self.0.message()).await.context("the feed is silent")?;
        let told = told?.and_then(|told| told.update).context("the feed has ended")?;
        Ok(match told.update {
            Some(Update::Figure(level)) => {
                let shown = level.availability.unwrap_or_default();
                Told::Level((format!("{}/{}/{}", shown.sku, shown.location, level.lot), level.version))
            }
            Some(Update::SnapshotEnd(_)) => Told::SnapshotEnd,
            _ => Told::Other,
        })
    }
}

/// What the buyers share.
struct Buying {
    next: AtomicUsize,
    under_way: AtomicUsize,
    keys: Vec<String>,
    acknowledged: Mutex<BTreeSet<String>>,
    /// Is the owner's node up.
    up: watch::Receiver<bool>,
}

impl Buying {
    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// One buyer: takes keys until there are none; an answer that does not come leaves its key to be asked for later.
async fn buy(shared: Arc<Buying>, client: Client, link: String, skus: Vec<String>) {
    let mut up = shared.up.clone();
    loop {
        let place = shared.next.fetch_add(1, Ordering::SeqCst);
        let Some(key) = shared.keys.get(place) else { return };
        if up.wait_for(|up| *up).await.is_err() {
            return;
        }
        let body = reserve_body(&link, key, &skus[place % skus.len()], 1, "600s");
        shared.under_way.fetch_add(1, Ordering::SeqCst);
        let answer = client.call(&format!("{STOCK}/ReserveAtPartner"), &body).await;
        shared.under_way.fetch_sub(1, Ordering::SeqCst);
        if answer.is_ok() {
            let mut acknowledged = shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
            acknowledged.insert(key.clone());
        }
    }
}

/// Collects all that a follower is told, until told to stop.
async fn follow(
    mut follower: Follower,
    received: Arc<Mutex<Vec<Version>>>,
    snapshot: tokio::sync::oneshot::Sender<usize>,
) {
    let mut snapshot = Some(snapshot);
    while let Ok(told) = follower.next().await {
        let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
        match told {
            Told::Level(version) => received.push(version),
            Told::SnapshotEnd => {
                if let Some(snapshot) = snapshot.take() {
                    let _ = snapshot.send(received.len());
                }
            }
            Told::Other => {}
        }
    }
}

impl Demo {
    /// Kills the owner's node while it works, starts it again, and asks what became of everything.
    pub(super) async fn crash(&mut self) -> anyhow::Result<(Verdict, Verdict)> {
        let (link, owner) = (self.links[0].clone(), self.visby.client().await?);
        let goods: Vec<String> = skus(&owner, 20)
            .await?
            .into_iter()
            .skip(10)
            .map(|(sku, _)| sku)
            .collect();
        for sku in &goods {
            count(&owner, sku, 10_000).await?;
        }
        let received = Arc::new(Mutex::new(Vec::new()));
        let (ready, snapshot) = tokio::sync::oneshot::channel();
        let follower = Follower::open(&self.luebeck, &link, "").await?;
        let following = tokio::spawn(follow(follower, received.clone(), ready));
        let snapshot = timeout(SILENCE, snapshot).await??;
        let (up, is_up) = watch::channel(true);
        let buying = Arc::new(Buying {
            next: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            keys: (0..KEYS).map(|_| new_id()).collect(),
            acknowledged: Mutex::default(),
            up: is_up,
        });
        let mut buyers = tokio::task::JoinSet::new();
        for _ in 0..WORKERS {
            let client = self.luebeck.client().await?;
            buyers.spawn(buy(buying.clone(), client, link.clone(), goods.clone()));
        }
        let begun = Instant::now();
        while (buying.acknowledged() < KILL_AFTER || buying.under_way.load(Ordering::SeqCst) < 8)
            && begun.elapsed() < SILENCE
        {
            sleep(Duration::from_millis(1)).await;
        }
        let mut seen = Crash {
            acknowledged_at_kill: buying.acknowledged(),
            under_way: buying.under_way.load(Ordering::SeqCst),
            ..Crash::default()
        };
        up.send_replace(false);
        self.b.kill().await?;
        let at_crash = received.lock().unwrap_or_else(PoisonError::into_inner).len();
        sleep(DOWN).await;
        self.b.start().await?;
        up.send_replace(true);
        buyers.join_all().await;
        seen.acknowledged
            .clone_from(&buying.acknowledged.lock().unwrap_or_else(PoisonError::into_inner));
        self.outcomes(&link, &buying.keys, &mut seen).await?;
        let ledger = self.ledger().await?;
        seen.holds = holds(&ledger, &buying.keys);
        seen.differences = differences(&owner).await?;
        let feed = fed(&ledger, &received, snapshot, at_crash).await;
        following.abort();
        Ok((judge::crash(&seen), feed))
    }

    /// Asks what became of every key; one that the owner never saw is given up.
    async fn outcomes(&self, link: &str, keys: &[String], seen: &mut Crash) -> anyhow::Result<()> {
        let buyer = self.luebeck.client().await?;
        let path = format!("{STOCK}/GetPartnerReservation");
        for key in keys {
            let body = json!({"linkId": link, "id": key, "close": true});
            // The buyer's node may still be dialling.
            let answered = until(
                || async { Ok(buyer.call(&path, &body).await.unwrap_or(Value::Null)) },
                |answer| !answer.is_null(),
            );
            let state = answered.await?["reservation"]["state"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if !state.is_empty() {
                seen.outcomes.insert(key.clone(), state);
            }
        }
        Ok(())
    }

    /// The owner's whole ledger.
    async fn ledger(&self) -> anyhow::Result<Vec<Value>> {
        let owner = self.visby.client().await?;
        let (mut all, mut page) = (Vec::new(), String::new());
        loop {
            let body = json!({"pageSize": 1000, "page": page});
            let answer = owner.call(&format!("{STOCK}/ListMovements"), &body).await?;
            all.extend(answer["movements"].as_array().cloned().unwrap_or_default());
            page = answer["nextPage"].as_str().unwrap_or_default().to_owned();
            if page.is_empty() {
                return Ok(all);
            }
        }
    }
}

fn holds(ledger: &[Value], keys: &[String]) -> BTreeMap<String, usize> {
    let keys: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
    let mut holds = BTreeMap::new();
    for movement in ledger.iter().filter(|one| one["kind"] == "hold") {
        if let Some(key) = movement["reservationId"].as_str().filter(|key| keys.contains(key)) {
            *holds.entry(key.to_owned()).or_default() += 1;
        }
    }
    holds
}

/// Compares what the follower got with the ledger, from each level's version in the snapshot on.
async fn fed(ledger: &[Value], received: &Mutex<Vec<Version>>, snapshot: usize, at_crash: usize) -> Verdict {
    let copy = || received.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let first: BTreeMap<String, u64> = copy().into_iter().take(snapshot).collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let wanted: BTreeSet<Version> = ledger
        .iter()
        .filter_map(|one| {
            let key = format!("{}/{}/{}", text(&one["sku"]), text(&one["location"]), text(&one["lot"]));
            let version = u64::try_from(judge::number(&one["version"])).ok()?;
            (version >= *first.get(&key)?).then_some((key, version))
        })
        .collect();
    let begun = Instant::now();
    while copy().len() < wanted.len() && begun.elapsed() < SILENCE {
        sleep(Duration::from_millis(20)).await;
    }
    let all = copy();
    judge::feed(
        &all,
        &wanted,
        at_crash.saturating_sub(snapshot),
        all.len().saturating_sub(at_crash),
    )
}
