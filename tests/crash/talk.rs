//! Two enterprises talk and work with an app while nodes and databases die: nothing is lost, nothing is there twice, and both see the
//! same in the same order.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hansa::{
    client::Client,
    processes::{Firm, PrivateNode},
};
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Value, json};

use super::{insist, linked_with};

const TALK: &str = "hansa.conversations.v1.ConversationsStaffService";
const PAPERS: &str = "hansa.documents.v1.DocumentsStaffService";
const APPS: &str = "hansa.apps.v1.AppsStaffService";
const KILLS: usize = 10;
/// Entries of each of two people.
const ENTRIES: usize = 500;
const INTAKES: usize = 60;

/// Says so many things, each until it is answered.
async fn talks(client: Client, link: String, said: Arc<AtomicUsize>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..ENTRIES {
        let id = SystemIds.uuid().to_string();
        let body = json!({"subject": {"linkId": link}, "entryId": id, "text": format!("{number}")});
        let answer = insist(&client, &format!("{TALK}/WriteEntry"), &body).await;
        assert_ne!(answer, Value::Null, "what was said is not found");
        ids.push(id);
        said.fetch_add(1, Ordering::SeqCst);
    }
    ids
}

/// Proposes so many products.
async fn proposes(client: Client, (kind, link): (String, String)) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..INTAKES {
        let id = SystemIds.uuid().to_string();
        let begun = json!({"id": id, "kind": kind, "links": {"headquarters": link}});
        insist(&client, &format!("{PAPERS}/CreateDocument"), &begun).await;
        let fields = json!({"product": {"name": format!("Product {number}")}, "region": "North"});
        let contents = json!({"proposal": {"form": {"json": fields.to_string()}}});
        let body = json!({"id": id, "actId": SystemIds.uuid().to_string(), "act": "propose", "base": "0", "contents": contents});
        insist(&client, &format!("{PAPERS}/ActOnDocument"), &body).await;
        ids.push(id);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ids
}

/// Adopts whatever is proposed, until so many are.
async fn adopts(client: Client, kind: String) {
    let begun = Instant::now();
    let mut adopted = 0;
    while adopted < INTAKES {
        assert!(begun.elapsed() < Duration::from_secs(180), "only {adopted} are adopted");
        let list = json!({"kind": kind, "state": "proposed", "pageSize": 200});
        let list = insist(&client, &format!("{PAPERS}/ListDocuments"), &list).await;
        for one in list["documents"].as_array().unwrap() {
            let sku = json!({"sku": one["number"]}).to_string();
            let contents = json!({"adoption": {"form": {"json": sku}}});
            let id = SystemIds.uuid().to_string();
            let body = json!({"id": one["id"], "actId": id, "act": "adopt", "base": "1", "contents": contents});
            insist(&client, &format!("{PAPERS}/ActOnDocument"), &body).await;
            adopted += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All entries of the thread, once all have their place and the partner has the last.
async fn heard(client: &Client, link: &str) -> Vec<String> {
    let begun = Instant::now();
    let (mut all, mut after) = (Vec::new(), 0);
    while all.len() < 2 * ENTRIES {
        assert!(
            begun.elapsed() < Duration::from_secs(90),
            "only {} are heard",
            all.len()
        );
        let body = json!({"subject": {"linkId": link}, "after": after.to_string(), "pageSize": 200});
        let page = insist(client, &format!("{TALK}/GetThread"), &body).await;
        for entry in page["entries"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["state"] == "placed")
        {
            all.push(entry["id"].as_str().unwrap().to_owned());
            after += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    all
}

async fn shared(owner: &Firm, user: &Firm, link: &str) -> String {
    let app = owner
        .command(&["app", "publish", "--shipped", "product_intake"])
        .await
        .unwrap();
    owner.command(&["app", "share", "product_intake", link]).await.unwrap();
    let client = user.client().await.unwrap();
    let begun = Instant::now();
    let share = loop {
        let shares = insist(&client, &format!("{APPS}/ListShares"), &json!({"state": "offered"})).await;
        if let Some(share) = shares["shares"][0]["id"].as_str() {
            break share.to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "the offer never comes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    user.command(&["app", "accept", &share, "--role", "owner"])
        .await
        .unwrap();
    app["app"]["kind"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_entries_and_sixty_proposals_survive_ten_kills_of_nodes_and_databases() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let exe = root.join("target/debug/hansa").canonicalize().unwrap();
    let dir = hansa_tenancy::dev::state_dir().join(format!("talk-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (a, b) = tokio::join!(
        PrivateNode::new("luebeck", &exe, &dir, 1),
        PrivateNode::new("visby", &exe, &dir, 1)
    );
    let (mut a, mut b) = (a.unwrap(), b.unwrap());
    let owner = Firm::found(&a, "Lübeck Stores", 0).await.unwrap();
    let user = Firm::found(&b, "Visby Distribution", 0).await.unwrap();
    a.start().await.unwrap();
    b.start().await.unwrap();
    let link = linked_with(&owner, &user, &[]).await;
    let kind = shared(&owner, &user, &link).await;
    let said = Arc::new(AtomicUsize::new(0));
    let (ours, theirs) = (owner.client().await.unwrap(), user.client().await.unwrap());
    let work = tokio::spawn(proposes(user.client().await.unwrap(), (kind.clone(), link.clone())));
    let adopting = tokio::spawn(adopts(owner.client().await.unwrap(), kind.clone()));
    let talk = tokio::spawn({
        let (link, said) = (link.clone(), said.clone());
        async move { tokio::join!(talks(ours, link.clone(), said.clone()), talks(theirs, link, said)) }
    });
    for kill in 0..KILLS {
        let (before, begun) = (said.load(Ordering::SeqCst), Instant::now());
        // In the middle of the talk.
        while said.load(Ordering::SeqCst) < (before + 60).min(2 * ENTRIES) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "nothing is said any more after {kill} kills"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        match kill % 4 {
            0 | 2 => {
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
    let (one, other) = talk.await.unwrap();
    let proposed = work.await.unwrap();
    adopting.await.unwrap();
    let (ours, theirs) = (owner.client().await.unwrap(), user.client().await.unwrap());
    let (there, here) = (heard(&ours, &link).await, heard(&theirs, &link).await);
    assert_eq!(there, here, "one order at both");
    let mut expected: Vec<_> = one.iter().chain(&other).cloned().collect();
    for own in [&one, &other] {
        let place = |id: &String| there.iter().position(|known| known == id);
        assert!(
            own.iter().map(place).is_sorted(),
            "somebody's own words are out of their order"
        );
    }
    let mut once = there.clone();
    expected.sort();
    once.sort();
    assert_eq!(once, expected, "each once");
    let mut heads = Vec::new();
    for client in [&ours, &theirs] {
        let verified = insist(
            client,
            &format!("{TALK}/VerifyThread"),
            &json!({"subject": {"linkId": link}}),
        )
        .await;
        assert_eq!(verified["flaws"], json!([]));
        heads.push(verified["head"].clone());
    }
    assert_eq!(heads[0], heads[1]);
    for id in &proposed {
        let mut roots = Vec::new();
        for client in [&ours, &theirs] {
            let begun = Instant::now();
            loop {
                let shown =
                    insist(client, &format!("{PAPERS}/GetDocument"), &json!({"id": id})).await["document"].clone();
                if shown["state"] == "adopted" {
                    roots.push((shown["root"].clone(), shown["version"].clone()));
                    break;
                }
                assert!(begun.elapsed() < Duration::from_secs(60), "never adopted: {shown:#}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        assert!(roots[0] == roots[1] && roots[0].1 == "2", "{id}: {roots:?}");
    }
    a.kill().await.unwrap();
    b.kill().await.unwrap();
    tokio::task::spawn_blocking(move || drop((a, b))).await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}
