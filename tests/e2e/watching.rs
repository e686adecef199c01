//! What an operator sees of a node, and what must not be seen there.
// covers: I11, I19, I22

use std::time::{Duration, Instant};

use hansa::processes::{Firm, PrivateNode};
use hansa_tests::House;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn metrics_count_calls_by_method_and_code_and_name_nobody() {
    let (ours, theirs) = (House::new().await, House::new().await);
    let visby = ours.enterprise("Visby Distribution").await;
    let luebeck = theirs.enterprise("Lübeck Stores").await;
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true});
    let link = visby.links_with(&luebeck, grant, json!({})).await;
    visby.has(&[("SECRET-SKU", 10)]).await;
    let id = hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string();
    luebeck.reserves(&link, &id, "SECRET-SKU", 1, "60s").await.unwrap();
    luebeck.reserves(&link, &id, "SECRET-SKU", 2, "60s").await.unwrap_err();
    let text = get(ours.node.ops_address, "/metrics").await;
    let of = |name: &str| -> f64 {
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let reserve = "method=\"hansa.inventory.v1.InventoryPartnerService/Reserve\",side=\"partner\"";
    assert!(of(&format!("hansa_rpc_duration_seconds_count{{code=\"0\",{reserve}}}")) >= 1.0);
    assert!(of("hansa_database_connections{state=\"idle\"}") >= 1.0);
    assert!(of("process_resident_memory_bytes") > 1e6);
    for secret in [
        "SECRET-SKU",
        &visby.key,
        &link,
        visby.tenant.as_str(),
        "Visby",
        "Lübeck",
    ] {
        assert!(!text.contains(secret), "{secret} stands in the metrics");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok() && !name.is_empty(), "{line}");
    }
}

#[tokio::test]
async fn the_operators_page_counts_calls_and_says_what_has_to_be_looked_at_and_names_nobody() {
    let ours = House::new().await;
    let visby = ours.enterprise("Visby Distribution").await;
    visby.has(&[("SECRET-SKU", 10)]).await;
    visby
        .try_call(
            "inventory.v1.InventoryStaffService/CountStock",
            json!({"location": "MAIN"}),
        )
        .await
        .unwrap_err();
    let page = async || get(ours.node.ops_address, "/").await;
    let well = page().await;
    assert!(well.contains("Nothing has to be looked at."), "{well}");
    assert!(well.contains(&ours.node.id.to_string()) && well.contains("api, link, worker"));
    // A refusal is the caller's, and is counted beside what has failed.
    let row = well
        .split("<tr>")
        .find(|row| row.contains("InventoryStaffService/CountStock"))
        .unwrap();
    let figures: Vec<_> = row
        .split("number\">")
        .skip(1)
        .map(|cell| cell.split('<').next().unwrap())
        .collect();
    assert_eq!(figures[..3], ["1", "1", "0"], "{row}");
    ours.world
        .in_tenant(
            visby.tenant,
            "update hansa.tenant set state = 'failed', trouble = 'a SECRET-SKU stands in the way'",
        )
        .await;
    let trouble = page().await;
    assert!(trouble.contains("Tenants that are not served"), "{trouble}");
    for text in [&well, &trouble] {
        for secret in ["SECRET-SKU", &visby.key, "Visby"] {
            assert!(!text.contains(secret), "{secret} stands on the page");
        }
    }
}

/// What it measured is printed.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_ready_soon_after_a_kill_and_rests_in_little_memory() {
    let exe = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/hansa");
    let dir = hansa_tenancy::dev::state_dir().join(format!("idle-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let mut node = PrivateNode::new("idle", &exe.canonicalize().unwrap(), &dir, 1)
        .await
        .unwrap();
    for name in ["One", "Two", "Three"] {
        Firm::found(&node, name, 0).await.unwrap();
    }
    node.start().await.unwrap();
    node.kill().await.unwrap();
    let begun = Instant::now();
    node.start().await.unwrap();
    let ready = begun.elapsed();
    tokio::time::sleep(Duration::from_secs(3)).await;
    // What it has taken for itself. The rest of what is resident is the program itself, larger in a debug build.
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pids()[0])).unwrap();
    let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let own: u64 = own.trim().trim_end_matches(" kB").parse().unwrap();
    println!("ready {ready:?} after the start, {own} KiB of its own");
    assert!(own <= 24 * 1_024, "{own} KiB");
    assert!(ready <= Duration::from_secs(2), "{ready:?}");
    node.kill().await.unwrap();
    tokio::task::spawn_blocking(move || drop(node)).await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}
