//! Real processes, real databases, real SIGKILL under load.
// covers: I1, I2, I3, I4, I6, I7, I8, I9, I16, I17, I22

mod coupons;
mod documents;
mod members;
mod papers;
mod talk;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hansa::{
    client::{Client, Refused},
    demo::judge::number,
    processes::{Firm, PrivateNode},
};
use hansa_link::model::evidence;
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Value, json};

const STOCK: &str = "hansa.inventory.v1.InventoryStaffService";
const KILLS: usize = 30;
const WORKERS: usize = 16;

/// What the buyers know.
#[derive(Default)]
struct Known {
    asked: Mutex<BTreeSet<String>>,
    acknowledged: Mutex<BTreeSet<String>>,
    confirmed: Mutex<BTreeSet<String>>,
    under_way: AtomicUsize,
    stop: AtomicBool,
}

async fn buy(known: Arc<Known>, client: Client, link: String) {
    while !known.stop.load(Ordering::SeqCst) {
        let key = SystemIds.uuid().to_string();
        known.asked.lock().unwrap().insert(key.clone());
        let lines = json!([{"item": {"sku": "A"}, "quantity": {"value": 1}}]);
        let body = json!({"linkId": link, "id": key, "ttl": "900s", "lines": lines});
        known.under_way.fetch_add(1, Ordering::SeqCst);
        let held = client.call(&format!("{STOCK}/ReserveAtPartner"), &body).await.is_ok();
        if held {
            known.acknowledged.lock().unwrap().insert(key.clone());
            let place = json!({"linkId": link, "id": key});
            if client.call(&format!("{STOCK}/ConfirmAtPartner"), &place).await.is_ok() {
                known.confirmed.lock().unwrap().insert(key);
            }
        }
        known.under_way.fetch_sub(1, Ordering::SeqCst);
        if !held {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Calls until it is answered; a node or a database may be coming back.
async fn insist(client: &Client, method: &str, body: &Value) -> Value {
    let begun = Instant::now();
    loop {
        match client.call(method, body).await {
            Ok(answer) => return answer,
            Err(error)
                if error
                    .downcast_ref::<Refused>()
                    .is_some_and(|one| one.0.reason == "NOT_FOUND") =>
            {
                return Value::Null;
            }
            Err(error) if begun.elapsed() > Duration::from_secs(30) => panic!("{method} {body}: {error:#}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn pages(client: &Client, method: &str, list: &str, body: Value) -> Vec<Value> {
    let (mut all, mut page) = (Vec::new(), String::new());
    loop {
        let mut asked = body.clone();
        asked["pageSize"] = json!(1_000);
        asked["page"] = json!(page);
        let answer = insist(client, method, &asked).await;
        all.extend(answer[list].as_array().unwrap().clone());
        page = answer["nextPage"].as_str().unwrap_or_default().to_owned();
        if page.is_empty() {
            return all;
        }
    }
}

async fn linked(owner: &Firm, buyer: &Firm) -> String {
    linked_with(owner, buyer, &["--see", "exact", "--reserve"]).await
}

/// Links two firms; the owner grants that.
async fn linked_with(owner: &Firm, buyer: &Firm, grant: &[&str]) -> String {
    let made = owner.command(&[&["link", "invite"], grant].concat()).await.unwrap();
    let (id, invite) = (made["link"]["id"].as_str().unwrap(), made["invite"].as_str().unwrap());
    buyer.command(&["link", "accept", invite]).await.unwrap();
    owner.command(&["link", "approve", id]).await.unwrap();
    buyer.command(&["link", "approve", id]).await.unwrap();
    for side in [owner, buyer] {
        let begun = Instant::now();
        while side.command(&["link", "show", id]).await.unwrap()["link"]["state"] != "LINK_STATE_ACTIVE" {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "{} never sees ACTIVE",
                side.name
            );
        }
    }
    id.to_owned()
}

async fn evidence_of(firm: &Firm, link: &str, dir: &std::path::Path) -> evidence::Proven {
    let file = dir.join("evidence.jsonl").display().to_string();
    firm.command(&["link", "evidence", link, "--out", &file]).await.unwrap();
    evidence::verify(&std::fs::read_to_string(&file).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_kills_of_nodes_and_a_database_lose_nothing_and_double_nothing() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let exe = root.join("target/debug/hansa").canonicalize().unwrap();
    let dir = hansa_tenancy::dev::state_dir().join(format!("crash-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (a, b) = tokio::join!(
        PrivateNode::new("luebeck", &exe, &dir, 1),
        PrivateNode::new("visby", &exe, &dir, 1)
    );
    let (mut a, mut b) = (a.unwrap(), b.unwrap());
    let buyer = Firm::found(&a, "Lübeck Stores", 0).await.unwrap();
    let owner = Firm::found(&b, "Visby Distribution", 0).await.unwrap();
    a.start().await.unwrap();
    b.start().await.unwrap();
    std::fs::write(dir.join("goods.csv"), "sku,name,quantity\nA,article A,1000000\n").unwrap();
    let goods = dir.join("goods.csv").display().to_string();
    owner.command(&["stock", "import", &goods]).await.unwrap();
    let link = linked(&owner, &buyer).await;
    let known = Arc::new(Known::default());
    let mut buyers = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        buyers.spawn(buy(known.clone(), buyer.client().await.unwrap(), link.clone()));
    }
    let (mut ready, mut under_way) = (Vec::new(), Vec::new());
    for kill in 0..KILLS {
        let before = known.acknowledged.lock().unwrap().len();
        let begun = Instant::now();
        while known.acknowledged.lock().unwrap().len() < before + 20 || known.under_way.load(Ordering::SeqCst) < 8 {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "nothing is sold any more after {kill} kills"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        under_way.push(known.under_way.load(Ordering::SeqCst));
        let killed = Instant::now();
        match kill % 3 {
            0 => {
                b.kill().await.unwrap();
                b.start().await.unwrap();
            }
            1 => {
                a.kill().await.unwrap();
                a.start().await.unwrap();
            }
            _ => b.crash_database().await.unwrap(),
        }
        ready.push(killed.elapsed());
    }
    known.stop.store(true, Ordering::SeqCst);
    buyers.join_all().await;
    let seen = settle(&buyer, &owner, &link, &known).await;
    let proven = [
        evidence_of(&owner, &link, &dir).await,
        evidence_of(&buyer, &link, &dir).await,
    ];
    assert_eq!(
        proven[0].messages, proven[1].messages,
        "both sides hold the same messages"
    );
    assert_eq!(
        proven[0].messages, seen.events,
        "one message for each step of each reservation"
    );
    ready.sort();
    let report = json!({
        "name": "crash", "status": "passed", "invariants": ["I1", "I2", "I3", "I4", "I6", "I7", "I9", "I22"],
        "faults": {"F1": KILLS - KILLS / 3, "F3": KILLS / 3}, "operations": seen.keys, "acknowledged": seen.acknowledged,
        "violations": 0, "under_way_min": under_way.iter().min(),
        "ready_p50_ms": ready[KILLS / 2].as_millis(), "ready_max_ms": ready[KILLS - 1].as_millis(),
    });
    std::fs::create_dir_all(root.join("evidence")).unwrap();
    std::fs::write(root.join("evidence/crash.json"), format!("{report:#}\n")).unwrap();
    println!("{report}");
    a.kill().await.unwrap();
    b.kill().await.unwrap();
    tokio::task::spawn_blocking(move || drop((a, b))).await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}

struct Seen {
    keys: usize,
    acknowledged: usize,
    events: u64,
}

/// After the last fault: every key has one outcome, both sides believe the same, the ledger adds up.
async fn settle(buyer: &Firm, owner: &Firm, link: &str, known: &Known) -> Seen {
    let (ours, theirs) = (buyer.client().await.unwrap(), owner.client().await.unwrap());
    let keys = known.asked.lock().unwrap().clone();
    let mut outcomes = BTreeMap::new();
    for key in &keys {
        let body = json!({"linkId": link, "id": key, "close": true});
        let answer = insist(&ours, &format!("{STOCK}/GetPartnerReservation"), &body).await;
        // Its own node died before it had written the key down: nothing was sent.
        let state = answer["reservation"]["state"]
            .as_str()
            .unwrap_or("RESERVATION_STATE_VOID");
        outcomes.insert(key.clone(), state.to_owned());
    }
    let begun = Instant::now();
    loop {
        let seen = insist(&theirs, "hansa.link.v1.LinkStaffService/GetLink", &json!({"id": link})).await;
        if number(&seen["link"]["queueDepth"]) == 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "never delivered: {seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let moved = pages(&theirs, &format!("{STOCK}/ListMovements"), "movements", json!({})).await;
    let mut holds: BTreeMap<String, usize> = BTreeMap::new();
    for movement in moved.iter().filter(|one| one["kind"] == "hold") {
        *holds
            .entry(movement["reservationId"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    let acknowledged = known.acknowledged.lock().unwrap().clone();
    let confirmed = known.confirmed.lock().unwrap().clone();
    let mut events = 0;
    for (key, outcome) in &outcomes {
        let there = usize::from(outcome != "RESERVATION_STATE_VOID");
        assert_eq!(holds.get(key).copied().unwrap_or(0), there, "{key} is {outcome}");
        assert!(
            there == 1 || !acknowledged.contains(key),
            "{key} was acknowledged and is gone"
        );
        let firm = outcome == "RESERVATION_STATE_CONFIRMED";
        assert!(firm || !confirmed.contains(key), "{key} was confirmed and is {outcome}");
        events += there as u64 + u64::from(firm);
    }
    assert_eq!(
        holds.len(),
        holds.keys().filter(|key| keys.contains(*key)).count(),
        "a hold that nobody asked for"
    );
    let audit = insist(&theirs, &format!("{STOCK}/AuditStock"), &json!({})).await;
    assert_eq!(audit["differences"], json!([]));
    Seen {
        keys: keys.len(),
        acknowledged: acknowledged.len(),
        events,
    }
}
