//! How long people wait at the console: lists of 100,000 rows at the server, and what a browser sees. Each beside its limit.
//!
//! `make bench-console`. Both nodes, their databases and Chromium share this machine; the node is a debug build.

use std::time::{Duration, Instant};

use hansa_proto::inventory::v1::ImportRow;
use hansa_tests::{Enterprise, House, browser::runs, house::text};
use serde_json::{Value, json};

const ROWS: usize = 100_000;
/// Rows of one call of an import.
const CHUNK: usize = 1_000;
const ROUNDS: usize = 21;
/// Of Open Food Facts (ODbL).
const CODE: &str = "3017620422003";
const NAME: &str = "Nutella";
const LIST_LIMIT: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() {
    let house = House::new().await;
    let luebeck = house.enterprise("Lübeck Stores").await;
    fill(&house, &luebeck).await;
    lists(&luebeck).await;
    let who = luebeck
        .call("directory.v1.DirectoryStaffService/WhoAmI", json!({}))
        .await;
    let invited = luebeck
        .call(
            "directory.v1.DirectoryStaffService/InviteStaff",
            json!({"staffId": who["staff"]["id"]}),
        )
        .await;
    let folder = std::env::temp_dir().join(format!("hansa-numbers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let owner = format!("http://{}{}", house.node.staff_address, text(&invited["path"]));
    let knows = json!({"owner": owner, "code": CODE, "name": NAME, "folder": folder});
    runs("numbers.mjs", &knows).await;
    std::fs::remove_dir_all(folder).unwrap();
}

/// As many articles with a level and a movement each, and as many documents.
async fn fill(house: &House, luebeck: &Enterprise) {
    let row = |place: usize| ImportRow {
        line: place as u64 + 1,
        gtin: if place == 0 { CODE.to_owned() } else { String::new() },
        sku: format!("ART-{place:06}"),
        name: if place == 0 {
            NAME.to_owned()
        } else {
            format!("Article {place}")
        },
        quantity: (place % 90).to_string(),
        safety_stock: if place.is_multiple_of(10) {
            "40".to_owned()
        } else {
            String::new()
        },
        ..ImportRow::default()
    };
    let rows: Vec<_> = (0..ROWS).map(row).collect();
    for chunk in rows.chunks(CHUNK) {
        luebeck.imports(chunk.to_vec(), false).await;
    }
    let first = luebeck.begins("requisition", json!({})).await;
    // What each of them says is of no account for a list.
    let statements = format!(
        "insert into document (id, kind, kind_version, number, our_role, issuer, version, state, since)
         select md5(i::text)::uuid, kind, kind_version, 'RQ-' || i, our_role, issuer, version, state, since - i * interval '1 second'
         from document, generate_series(1, {ROWS}) as i where id = '{first}';
         insert into document_party (document_id, place, role, enterprise, name, link_id)
         select md5(i::text)::uuid, place, role, enterprise, name, link_id
         from document_party, generate_series(1, {ROWS}) as i where document_id = '{first}';
         analyze"
    );
    house.world.in_tenant(luebeck.tenant, &statements).await;
}

/// What lists take at the server, by a client beside it, and the smallest call there is.
async fn lists(luebeck: &Enterprise) {
    let stock = |method: &str| format!("inventory.v1.InventoryStaffService/{method}");
    let documents = "documents.v1.DocumentsStaffService/ListDocuments".to_owned();
    let deep = deep_page(luebeck, &stock("ListLevels"), 1_000).await;
    let deep_movements = deep_page(luebeck, &stock("ListMovements"), 1_000).await;
    let deep_documents = deep_page(luebeck, &documents, 200).await;
    let asked = [
        (
            "the smallest call",
            "directory.v1.DirectoryStaffService/WhoAmI".to_owned(),
            json!({}),
        ),
        ("levels, first 100", stock("ListLevels"), json!({})),
        (
            "levels, 100 from the middle on",
            stock("ListLevels"),
            json!({"page": deep, "pageSize": 100}),
        ),
        (
            "levels of one article",
            stock("ListLevels"),
            json!({"item": {"sku": "ART-050000"}}),
        ),
        ("what runs low", stock("ListLow"), json!({})),
        ("movements, first 100", stock("ListMovements"), json!({})),
        (
            "movements, 100 from the middle on",
            stock("ListMovements"),
            json!({"page": deep_movements, "pageSize": 100}),
        ),
        ("articles, first 100", stock("ListItems"), json!({})),
        ("articles by words", stock("ListItems"), json!({"text": "Article 9999"})),
        (
            "articles by words that none has",
            stock("ListItems"),
            json!({"text": "nowhere to be found"}),
        ),
        ("documents, first 50", documents.clone(), json!({})),
        (
            "documents, 50 from the middle on",
            documents.clone(),
            json!({"page": deep_documents, "pageSize": 50}),
        ),
        (
            "documents by number",
            documents.clone(),
            json!({"numberPrefix": "RQ-5000"}),
        ),
        (
            "open documents of a kind",
            documents,
            json!({"kind": "requisition", "openOnly": true}),
        ),
        (
            "how many in which state",
            "documents.v1.DocumentsStaffService/GetBoard".to_owned(),
            json!({"kind": "requisition"}),
        ),
    ];
    for (name, method, body) in asked {
        let mut took = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            luebeck.call(&method, body.clone()).await;
            took.push(begun.elapsed());
        }
        took.sort_unstable();
        let (median, worst) = (took[ROUNDS / 2], took[ROUNDS - 1]);
        println!(
            "{name:<44} {:>6.1} ms  worst {:>6.1} ms  limit {} ms  {:.2}",
            median.as_secs_f64() * 1_000.0,
            worst.as_secs_f64() * 1_000.0,
            LIST_LIMIT.as_millis(),
            median.as_secs_f64() / LIST_LIMIT.as_secs_f64()
        );
    }
}

/// A page half way down.
async fn deep_page(luebeck: &Enterprise, method: &str, size: usize) -> Value {
    let mut page = json!("");
    for _ in 0..ROWS / size / 2 {
        page = luebeck.call(method, json!({"page": page, "pageSize": size})).await["nextPage"].clone();
    }
    page
}
