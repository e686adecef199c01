//! Trades with files go on while nodes and databases die: in the middle of an agreement, of a receipt, of a file.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hansa::{
    client::Client,
    demo::judge::number,
    processes::{Firm, PrivateNode},
};
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Value, json};

use super::{STOCK, insist};

const DOCUMENTS: &str = "hansa.documents.v1.DocumentsStaffService";
const KILLS: usize = 12;
const TRADERS: usize = 6;
const STOCKED: i64 = 1_000_000;
const PHOTO: &[u8] = include_bytes!("../data/photo.jpg");

/// What is asked of a node.
enum Ask {
    Call(&'static str, Value),
    /// Brings a file.
    Bring(&'static str, &'static str, Vec<u8>),
    /// Reads a document again that has come to its end, files and all.
    Ended(String),
}

impl Ask {
    async fn of(&self, client: &Client) -> anyhow::Result<Value> {
        match self {
            Self::Call(method, body) => client.call(&format!("{DOCUMENTS}/{method}"), body).await,
            Self::Bring(name, media_type, bytes) => client.upload(name, media_type, bytes).await,
            Self::Ended(document) => {
                let body = json!({"id": document});
                let seen = client.call(&format!("{DOCUMENTS}/GetDocument"), &body).await?;
                let seen = &seen["document"];
                let ended = ["agreed", "received_short"].iter().any(|state| seen["state"] == *state);
                anyhow::ensure!(
                    ended && seen["pendingFiles"] == json!([]),
                    "{} {}",
                    seen["state"],
                    seen["pendingFiles"]
                );
                client.call(&format!("{DOCUMENTS}/VerifyDocument"), &body).await
            }
        }
    }
}

/// Asks until it is done: what a dead node has not answered, and what the other has not heard of yet.
async fn until_done(firm: &Firm, ask: Ask) -> Value {
    let begun = Instant::now();
    loop {
        let done = match firm.client().await {
            Ok(client) => ask.of(&client).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(answer) => return answer,
            Err(error) if begun.elapsed() > Duration::from_secs(60) => panic!("{}: {error:#}", firm.name),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// A trade of some units: the order, its despatch advice, the files that each names.
struct Trade {
    documents: [String; 2],
    files: [Value; 2],
    units: i64,
}

struct Traders {
    luebeck: Firm,
    bergen: Firm,
    link: String,
    stop: AtomicBool,
    under_way: AtomicUsize,
}

impl Traders {
    async fn act(&self, firm: &Firm, document: &str, act: &str, base: u64, contents: Value) {
        let body = json!({"id": document, "actId": SystemIds.uuid(), "act": act, "base": base.to_string(), "contents": contents});
        self.under_way.fetch_add(1, Ordering::SeqCst);
        until_done(firm, Ask::Call("ActOnDocument", body)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    async fn begins(&self, firm: &Firm, kind: &str, links: Value) -> String {
        let id = SystemIds.uuid().to_string();
        let body = json!({"id": id, "kind": kind, "links": links});
        until_done(firm, Ask::Call("CreateDocument", body)).await;
        id
    }

    async fn trade(&self, units: i64) -> Trade {
        let (luebeck, bergen) = (&self.luebeck, &self.bergen);
        let list = format!("{units};").repeat(100_000);
        let list = until_done(luebeck, Ask::Bring("list.csv", "text/csv", list.into_bytes())).await;
        let photo = until_done(luebeck, Ask::Bring("a.jpg", "image/jpeg", PHOTO.to_vec())).await;
        let line = json!({"id": "1", "sku": "TEA-1", "buyerSku": "OUR-1", "quantity": {"value": units}});
        let order = self.begins(luebeck, "order", json!({"seller": self.link})).await;
        let head = json!({"head": {"currency": "EUR", "deliveryLocation": "MAIN", "files": [list]}});
        self.act(
            luebeck,
            &order,
            "issue",
            0,
            json!({"head": head, "lines": {"lines": {"lines": [line]}}}),
        )
        .await;
        let accept = json!({"answers": {"answers": {"answers": [{"line": "1", "verdict": "VERDICT_ACCEPT"}]}}});
        self.act(bergen, &order, "answer", 1, accept).await;
        let advice = self
            .begins(bergen, "despatch_advice", json!({"buyer": self.link}))
            .await;
        let mut sent = line;
        sent["ofLine"] = json!("1");
        let goods = json!({"head": {"head": {"refersTo": order}}, "lines": {"lines": {"lines": [sent]}}});
        self.act(bergen, &advice, "issue", 0, goods).await;
        let came = json!({"line": "1", "received": {"value": units - 1}, "reason": "one crushed", "files": [photo]});
        let receipts = json!({"receipts": {"receipts": {"receipts": [came]}}});
        self.act(luebeck, &advice, "receive", 1, receipts).await;
        Trade {
            documents: [order, advice],
            files: [list, photo],
            units,
        }
    }

    /// Both nodes hold the same, to the last byte.
    async fn same(&self, trade: &Trade) {
        for (document, file) in trade.documents.iter().zip(&trade.files) {
            let (mut found, mut bytes) = (Vec::new(), Vec::new());
            for firm in [&self.luebeck, &self.bergen] {
                found.push(until_done(firm, Ask::Ended(document.clone())).await);
                let hash = STANDARD.decode(file["hash"].as_str().unwrap()).unwrap();
                bytes.push(firm.client().await.unwrap().download(document, hash).await.unwrap());
            }
            assert_eq!(found[0]["flaws"], json!([]), "{document}");
            assert_eq!(found[0], found[1], "{document}");
            assert!(bytes[0] == bytes[1] && bytes[0].len() > 1_000, "{document}");
        }
    }
}

/// On hand, reserved, incoming.
async fn figures(firm: &Firm, sku: &str) -> [i64; 3] {
    let client = firm.client().await.unwrap();
    let levels = insist(&client, &format!("{STOCK}/ListLevels"), &json!({"item": {"sku": sku}})).await;
    let audit = insist(&client, &format!("{STOCK}/AuditStock"), &json!({})).await;
    assert_eq!(audit["differences"], json!([]), "{}", firm.name);
    ["onHand", "reserved", "incoming"].map(|name| {
        let levels = levels["levels"].as_array().unwrap().iter();
        levels.map(|level| number(&level[name]["value"])).sum()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn trades_with_files_end_the_same_on_both_nodes_whenever_a_node_or_a_database_dies() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let exe = root.join("target/debug/hansa").canonicalize().unwrap();
    let dir = hansa_tenancy::dev::state_dir().join(format!("crash-documents-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (a, b) = tokio::join!(
        PrivateNode::new("luebeck", &exe, &dir, 1),
        PrivateNode::new("bergen", &exe, &dir, 1)
    );
    let (mut a, mut b) = (a.unwrap(), b.unwrap());
    let luebeck = Firm::found(&a, "Lübeck Stores", 0).await.unwrap();
    let bergen = Firm::found(&b, "Bergen Foods", 0).await.unwrap();
    a.start().await.unwrap();
    b.start().await.unwrap();
    for (firm, goods) in [
        (&bergen, format!("TEA-1,tea,{STOCKED}")),
        (&luebeck, "OUR-1,tea,0".to_owned()),
    ] {
        let file = dir.join("goods.csv");
        std::fs::write(&file, format!("sku,name,quantity\n{goods}\n")).unwrap();
        firm.command(&["stock", "import", &file.display().to_string()])
            .await
            .unwrap();
    }
    let link = super::linked_with(
        &bergen,
        &luebeck,
        &["--documents", "order", "--documents", "despatch_advice"],
    )
    .await;
    let grant =
        json!({"id": link, "grant": {"visibility": "VISIBILITY_EXACT", "documentKinds": ["order", "despatch_advice"]}});
    let client = luebeck.client().await.unwrap();
    insist(&client, "hansa.link.v1.LinkStaffService/SetGrant", &grant).await;
    let traders = Arc::new(Traders {
        luebeck,
        bergen,
        link,
        stop: AtomicBool::new(false),
        under_way: AtomicUsize::new(0),
    });
    let mut trading = tokio::task::JoinSet::new();
    for trader in 0..TRADERS {
        let traders = traders.clone();
        trading.spawn(async move {
            let mut done = Vec::new();
            while !traders.stop.load(Ordering::SeqCst) {
                done.push(traders.trade(i64::try_from(2 + trader).unwrap()).await);
            }
            done
        });
    }
    let mut under_way = Vec::new();
    for kill in 0..KILLS {
        // Any moment: the last bits of a new id are random.
        let chance = u64::from(SystemIds.uuid().as_bytes()[15]);
        tokio::time::sleep(Duration::from_millis(100 + 3 * chance)).await;
        under_way.push(traders.under_way.load(Ordering::SeqCst));
        match kill % 4 {
            0 => b.kill().await.unwrap(),
            1 => a.kill().await.unwrap(),
            2 => b.crash_database().await.unwrap(),
            _ => a.crash_database().await.unwrap(),
        }
        match kill % 4 {
            0 => b.start().await.unwrap(),
            1 => a.start().await.unwrap(),
            _ => {}
        }
    }
    traders.stop.store(true, Ordering::SeqCst);
    let trades: Vec<_> = trading.join_all().await.into_iter().flatten().collect();
    for trade in &trades {
        traders.same(trade).await;
    }
    let (sold, lost): (i64, usize) = (trades.iter().map(|trade| trade.units).sum(), trades.len());
    let received = sold - i64::try_from(lost).unwrap();
    assert_eq!(figures(&traders.bergen, "TEA-1").await, [STOCKED - sold, 0, 0]);
    assert_eq!(figures(&traders.luebeck, "OUR-1").await, [received, 0, 0]);
    let report = json!({
        "name": "crash_documents", "status": "passed", "invariants": ["I1", "I2", "I3", "I6", "I7", "I8"],
        "faults": {"F1": KILLS / 2, "F3": KILLS / 2}, "operations": trades.len(), "violations": 0,
        "under_way_max": under_way.iter().max(),
    });
    std::fs::create_dir_all(root.join("evidence")).unwrap();
    std::fs::write(root.join("evidence/crash_documents.json"), format!("{report:#}\n")).unwrap();
    println!("{report}");
    assert!(
        trades.len() >= TRADERS && under_way.iter().any(|many| *many > 0),
        "{report}"
    );
    a.kill().await.unwrap();
    b.kill().await.unwrap();
    tokio::task::spawn_blocking(move || drop((a, b))).await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}
