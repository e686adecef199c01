//! Papers that come in and invoices that are compared while nodes and a database die: each paper is one document, and what fits is
//! approved once, at both.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use hansa::{
    client::Client,
    processes::{Firm, PrivateNode},
};
use serde_json::{Value, json};

use super::{insist, linked_with};

const PAPERS: &str = "hansa.documents.v1.PapersStaffService";
const DOCUMENTS: &str = "hansa.documents.v1.DocumentsStaffService";
const BUYING: &str = "hansa.procurement.v1.ProcurementStaffService";
const KILLS: usize = 9;
const WORKERS: usize = 4;
/// Orders between two kills.
const BETWEEN: usize = 4;

struct Desk {
    order: String,
    response: String,
    invoice: String,
    next: AtomicUsize,
    done: AtomicUsize,
    stop: AtomicBool,
}

impl Desk {
    fn new(root: &std::path::Path) -> Self {
        let read = |name: &str| std::fs::read_to_string(root.join(format!("tests/data/papers/{name}.xml"))).unwrap();
        let response = read("order_response");
        let (head, _) = response.split_once("  <cac:OrderLine>").unwrap();
        // All that was asked for; and an invoice of 10.5 kg and 20 pieces, as they were ordered.
        let invoice = read("invoice")
            .replace(">8.5<", ">10.5<")
            .replace(">80.00<", ">100.00<");
        let invoice = invoice.replace(">18<", ">20<").replace(">45.00<", ">50.00<");
        let (lines, _) = invoice
            .split_once("  <cac:InvoiceLine>\n    <cbc:ID>3</cbc:ID>")
            .unwrap();
        let (before, exempt) = lines
            .split_once("    <cac:TaxSubtotal>\n      <cbc:TaxableAmount currencyID=\"EUR\">4.99")
            .unwrap();
        let (_, after) = exempt.split_once("</cac:TaxSubtotal>\n").unwrap();
        let invoice = format!("{before}{after}</Invoice>\n")
            .replace(">150.00<", ">175.00<")
            .replace(">28.50<", ">33.25<");
        let invoice = invoice.replace(">129.99<", ">150.00<").replace(">154.99<", ">175.00<");
        Self {
            order: read("order"),
            response: format!("{}</OrderResponse>\n", head.replace(">CA<", ">AP<")),
            invoice: invoice.replace(">183.49<", ">208.25<").replace(">180.00<", ">204.76<"),
            next: AtomicUsize::new(1),
            done: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        }
    }

    fn paper(text: &str, number: usize) -> String {
        let text = text.replace("PO/2026/117", &format!("PO-{number}"));
        text.replace("R-551", &format!("R-{number}"))
            .replace("INV-2026-88", &format!("INV-{number}"))
    }
}

/// Brings a paper until it is taken: as a system does that knows nothing of what happens there.
async fn bring(client: &Client, xml: &str, link: &str) -> Value {
    let body = json!({"xml": BASE64.encode(xml.as_bytes()), "linkId": link});
    let begun = Instant::now();
    loop {
        match client.call(&format!("{PAPERS}/ImportPaper"), &body).await {
            Ok(answer) => return answer,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(60), "{error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Orders, has them answered, and is sent the invoice, one after the other.
async fn trade(desk: Arc<Desk>, (buyer, seller): (Client, Client), link: String) {
    while !desk.stop.load(Ordering::SeqCst) {
        let number = desk.next.fetch_add(1, Ordering::SeqCst);
        let order = Desk::paper(&desk.order, number);
        bring(&buyer, &order, &link).await;
        // It goes on while the other side answers: once more is nothing more.
        bring(&buyer, &order, &link).await;
        bring(&seller, &Desk::paper(&desk.response, number), &link).await;
        bring(&seller, &Desk::paper(&desk.invoice, number), &link).await;
        desk.done.fetch_add(1, Ordering::SeqCst);
    }
}

/// All documents of a kind by their number, when all are in that state.
async fn all(client: &Client, kind: &str, (many, state): (usize, &str)) -> BTreeMap<String, Value> {
    let begun = Instant::now();
    loop {
        let (mut found, mut page) = (BTreeMap::new(), String::new());
        loop {
            let body = json!({"kind": kind, "pageSize": 200, "page": page});
            let answer = insist(client, &format!("{DOCUMENTS}/ListDocuments"), &body).await;
            for one in answer["documents"].as_array().unwrap() {
                found.insert(one["id"].as_str().unwrap().to_owned(), one.clone());
            }
            page = answer["nextPage"].as_str().unwrap_or_default().to_owned();
            if page.is_empty() {
                break;
            }
        }
        if found.len() == many && found.values().all(|one| one["state"] == state) {
            return found;
        }
        let states: Vec<_> = found.values().map(|one| one["state"].to_string()).collect();
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{kind}: {many} {state}, but {states:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_paper_is_one_document_and_each_invoice_is_compared_whenever_a_node_or_a_database_dies() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let exe = root.join("target/debug/hansa").canonicalize().unwrap();
    let dir = hansa_tenancy::dev::state_dir().join(format!("crash-papers-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (a, b) = tokio::join!(
        PrivateNode::new("luebeck", &exe, &dir, 1),
        PrivateNode::new("bergen", &exe, &dir, 1)
    );
    let (mut a, mut b) = (a.unwrap(), b.unwrap());
    let luebeck = Firm::found(&a, "Tea House", 0).await.unwrap();
    let bergen = Firm::found(&b, "Bergen Import", 0).await.unwrap();
    a.start().await.unwrap();
    b.start().await.unwrap();
    let link = linked_with(&bergen, &luebeck, &["--documents", "order"]).await;
    luebeck
        .command(&["link", "grant", &link, "--documents", "invoice"])
        .await
        .unwrap();
    let (here, there) = (luebeck.client().await.unwrap(), bergen.client().await.unwrap());
    // Nothing comes in here: what was ordered may be invoiced.
    let tolerance = json!({"tolerance": {"linkId": link, "quantity": {"value": 1_000}}});
    insist(&here, &format!("{BUYING}/PutMatchTolerance"), &tolerance).await;
    let desk = Arc::new(Desk::new(&root));
    let mut desks = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        let both = (luebeck.client().await.unwrap(), bergen.client().await.unwrap());
        desks.spawn(trade(desk.clone(), both, link.clone()));
    }
    for kill in 0..KILLS {
        let (before, begun) = (desk.done.load(Ordering::SeqCst), Instant::now());
        while desk.done.load(Ordering::SeqCst) < before + BETWEEN {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "nothing is done after {kill} kills"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        match kill % 3 {
            0 => {
                a.kill().await.unwrap();
                a.start().await.unwrap();
            }
            1 => {
                b.kill().await.unwrap();
                b.start().await.unwrap();
            }
            _ => a.crash_database().await.unwrap(),
        }
    }
    desk.stop.store(true, Ordering::SeqCst);
    desks.join_all().await;
    let many = desk.done.load(Ordering::SeqCst);
    for (kind, state) in [("order", "agreed"), ("invoice", "approved")] {
        let (ours, theirs) = (
            all(&here, kind, (many, state)).await,
            all(&there, kind, (many, state)).await,
        );
        for (id, one) in &ours {
            assert_eq!(
                (&one["root"], &one["version"]),
                (&theirs[id]["root"], &theirs[id]["version"]),
                "{kind} {id}"
            );
            assert_eq!(one["version"], "2", "{kind} {id}: nothing was done twice");
        }
    }
    let exceptions = insist(&here, &format!("{BUYING}/ListMatchExceptions"), &json!({})).await;
    assert_eq!(exceptions["exceptions"], json!([]));
    let report = json!({
        "name": "crash-papers", "status": "passed", "invariants": ["I3", "I6", "I8"], "violations": 0,
        "faults": {"F1": KILLS - KILLS / 3, "F3": KILLS / 3}, "papers": 3 * many,
    });
    std::fs::create_dir_all(root.join("evidence")).unwrap();
    std::fs::write(root.join("evidence/crash-papers.json"), format!("{report:#}\n")).unwrap();
    println!("{report}");
    a.kill().await.unwrap();
    b.kill().await.unwrap();
    tokio::task::spawn_blocking(move || drop((a, b))).await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}
