//! Matches, releases, withdrawals and corrections under way, while both nodes and both databases die: whoever has taken back what they
//! agreed to is gone at the partner, and everybody else is there as they are now.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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

const SERVICE: &str = "hansa.members.v1.MembersStaffService";
const KILLS: usize = 8;
/// Members of the store; the brand has those from [`FIRST`] on, under numbers of its own, and agrees to ask about so many more each time.
const MEMBERS: u64 = 2_400;
const FIRST: u64 = 400;
const MORE: u64 = 600;
const PURPOSE: &str = "joint-offers";

/// What the people at both firms know that is done: of each member of the store's, do they agree, and where do they live.
#[derive(Default)]
struct Known {
    agree: Mutex<BTreeMap<u64, bool>>,
    city: Mutex<BTreeMap<u64, String>>,
    steps: AtomicUsize,
    matches: AtomicUsize,
    stop: AtomicBool,
}

impl Known {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }
}

fn phone(member: u64) -> String {
    format!("138{member:08}")
}

async fn call(client: &Client, method: &str, body: Value) -> Value {
    insist(client, &format!("{SERVICE}/{method}"), &body).await
}

/// One match after the other, each with more people; how the last one ended.
async fn matched(client: &Client, link: &str) -> Value {
    let id = SystemIds.uuid().to_string();
    let asked = json!({
        "id": id, "linkId": link, "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans", "mode": "MATCH_MODE_JOINT",
    });
    call(client, "StartMatch", asked).await;
    let begun = Instant::now();
    loop {
        let now = call(client, "GetMatch", json!({"id": id})).await["match"].clone();
        if now["state"] != "running" {
            return now;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "a match never ends: {now}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ask(known: Arc<Known>, client: Client, link: String, notice: String) {
    let mut asked = 0;
    while known.goes_on() {
        let more: Vec<_> = (asked + 1..=(asked + MORE).min(MEMBERS)).collect();
        if !more.is_empty() {
            let consents = json!({"pool": "fans", "noticeHash": notice, "channel": "counter", "numbers": more});
            call(&client, "RecordConsents", consents).await;
            asked += MORE;
        }
        let done = matched(&client, &link).await;
        assert_eq!(done["state"], "done", "{done}");
        known.matches.fetch_add(1, Ordering::SeqCst);
    }
}

/// Takes back and gives again, of this member and every fourth after it; never the same one as somebody else.
async fn change_minds(known: Arc<Known>, client: Client, link: String, (notice, first): (String, u64)) {
    let mut member = first;
    while known.goes_on() {
        let agreed = known.agree.lock().unwrap().get(&member).copied().unwrap_or(true);
        if agreed {
            let body =
                json!({"pool": "loyalty", "number": member, "recipient": link, "purpose": PURPOSE, "channel": "page"});
            call(&client, "WithdrawConsent", body).await;
        } else {
            let body = json!({"pool": "loyalty", "noticeHash": notice, "channel": "page", "numbers": [member]});
            call(&client, "RecordConsents", body).await;
        }
        known.agree.lock().unwrap().insert(member, !agreed);
        known.steps.fetch_add(1, Ordering::SeqCst);
        // Every fifth agrees again at once.
        member = if member.is_multiple_of(5) && agreed {
            member
        } else {
            member + 4
        };
        if member > MEMBERS {
            member = first;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Members move, twenty at a time.
async fn move_about(known: Arc<Known>, store: Arc<Firm>, dir: PathBuf) {
    let mut round = 0_u64;
    while known.goes_on() {
        round += 1;
        let (from, city) = (round * 173 % (MEMBERS - 20), format!("City{round}"));
        let moved: Vec<u64> = (from + 1..=from + 20).collect();
        let file = written(&dir, "moved.csv", moved.iter().map(|member| (*member, city.as_str())));
        while import(&store, &file, "loyalty").await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let moved = moved.into_iter().map(|member| (member, city.clone()));
        known.city.lock().unwrap().extend(moved);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn written<'a>(dir: &Path, name: &str, rows: impl Iterator<Item = (u64, &'a str)>) -> String {
    let mut text = "phone,city\n".to_owned();
    for (member, city) in rows {
        writeln!(text, "{},{city}", phone(member)).unwrap();
    }
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

async fn import(firm: &Firm, file: &str, pool: &str) -> anyhow::Result<Value> {
    firm.command(&["member", "import", file, "--pool", pool, "--region", "CN"])
        .await
}

async fn notice(client: &Client, link: &str, fields: &[&str]) -> String {
    let text = json!({"linkId": link, "purpose": PURPOSE, "fields": fields, "language": "en", "text": "We would like to tell them."});
    let made = call(client, "PutNotice", json!({"notice": text})).await;
    made["notice"]["hash"].as_str().unwrap().to_owned()
}

/// Hands out what has changed, and waits until it is.
async fn hand_out(client: &Client, link: &str) -> Value {
    let asked = json!({"pool": "loyalty", "linkId": link, "purpose": PURPOSE});
    let newest = async || {
        let all = call(client, "ListPublications", json!({})).await;
        all["publications"][0].clone()
    };
    let (before, begun) = (newest().await, Instant::now());
    call(client, "PublishPool", asked).await;
    loop {
        let now = newest().await;
        if now["state"] == "live" && (before["state"] != "live" || now["sequence"] != before["sequence"]) {
            return now;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing is handed out: {now}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// All that the brand sees of members of both: by the store's number, the city; none where nothing is released.
async fn seen(client: &Client, link: &str) -> BTreeMap<u64, Option<String>> {
    let (mut all, mut after) = (BTreeMap::new(), 0);
    loop {
        let asked = json!({
            "linkId": link, "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans", "pageSize": 1_000, "after": after,
        });
        let page = call(client, "ListMatched", asked).await["members"].clone();
        let page = page.as_array().cloned().unwrap_or_default();
        let Some(last) = page.last() else { return all };
        after = last["number"].as_str().unwrap().parse().unwrap();
        for one in &page {
            let number: u64 = one["number"].as_str().unwrap().parse().unwrap();
            let released = one["pseudonym"].as_str().is_some_and(|name| !name.is_empty());
            let city = one["fields"]["city"].as_str().unwrap_or_default().to_owned();
            all.insert(number + FIRST, released.then_some(city));
        }
    }
}

/// Waits until the partner has acknowledged every end; how many there were.
async fn acknowledged(client: &Client) -> usize {
    let begun = Instant::now();
    loop {
        let open = call(client, "ListWithdrawals", json!({"openOnly": true})).await;
        if open["withdrawals"].as_array().is_none_or(Vec::is_empty) {
            let all = call(client, "ListWithdrawals", json!({})).await;
            return all["withdrawals"].as_array().map_or(0, Vec::len);
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{open}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Both firms with their members; the link, and what each side's members agree to.
async fn met(store: &Firm, brand: &Firm, dir: &Path) -> (String, String, String) {
    let grant = json!({
        "pool": "loyalty", "purpose": PURPOSE, "mayJoin": true, "fields": ["city"], "evaluationsMax": 1_000_000, "retentionDays": 30,
    });
    let link = linked_with(store, brand, &["--pool", &grant.to_string()]).await;
    let all = (1..=MEMBERS).map(|member| (member, "Lübeck"));
    let fans = (FIRST + 1..=FIRST + MEMBERS).map(|member| (member, ""));
    for (firm, pool, file) in [
        (store, "loyalty", written(dir, "members.csv", all)),
        (brand, "fans", written(dir, "fans.csv", fans)),
    ] {
        firm.command(&["pool", "put", pool, "Members", "--field", "city:text"])
            .await
            .unwrap();
        import(firm, &file, pool).await.unwrap();
    }
    let (here, there) = (store.client().await.unwrap(), brand.client().await.unwrap());
    let (ours, theirs) = (notice(&here, &link, &["city"]).await, notice(&there, &link, &[]).await);
    for some in (1..=MEMBERS).collect::<Vec<_>>().chunks(1_000) {
        let consents = json!({"pool": "loyalty", "noticeHash": ours, "channel": "import", "numbers": some});
        call(&here, "RecordConsents", consents).await;
    }
    hand_out(&here, &link).await;
    (link, ours, theirs)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_has_withdrawn_is_held_whenever_a_node_or_a_database_dies() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let exe = root.join("target/debug/hansa").canonicalize().unwrap();
    let dir = hansa_tenancy::dev::state_dir().join(format!("crash-members-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (a, b) = tokio::join!(
        PrivateNode::new("brand", &exe, &dir, 1),
        PrivateNode::new("store", &exe, &dir, 1)
    );
    let (mut a, mut b) = (a.unwrap(), b.unwrap());
    let brand = Firm::found(&a, "Visby Tea", 0).await.unwrap();
    let store = Arc::new(Firm::found(&b, "Lübeck Stores", 0).await.unwrap());
    a.start().await.unwrap();
    b.start().await.unwrap();
    let (link, ours, theirs) = met(&store, &brand, &dir).await;
    let (known, mut busy) = (Arc::new(Known::default()), tokio::task::JoinSet::new());
    busy.spawn(ask(known.clone(), brand.client().await.unwrap(), link.clone(), theirs));
    for first in 1..=4 {
        let client = store.client().await.unwrap();
        busy.spawn(change_minds(known.clone(), client, link.clone(), (ours.clone(), first)));
    }
    busy.spawn(move_about(known.clone(), store.clone(), dir.clone()));
    for kill in 0..KILLS {
        let (before, matches, begun) = (steps(&known), known.matches.load(Ordering::SeqCst), Instant::now());
        // Sooner or later after the one before, so that it falls into every step; and every fourth after the end of a match.
        let ended = || kill % 4 < 3 || known.matches.load(Ordering::SeqCst) > matches;
        while steps(&known) < before + 17 + kill * 3 || !ended() {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "nothing is done after {kill} kills"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
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
    known.stop.store(true, Ordering::SeqCst);
    busy.join_all().await;
    let (here, there) = (store.client().await.unwrap(), brand.client().await.unwrap());
    let ended = acknowledged(&here).await;
    hand_out(&here, &link).await;
    let last = matched(&there, &link).await;
    assert_eq!(last["state"], "done", "{last}");
    let asked: u64 = last["listed"].as_str().unwrap().parse().unwrap();
    let seen = seen(&there, &link).await;
    judge(&known, &seen, FIRST + asked);
    // Nothing is held of anybody who is not shown either.
    let pools = call(&there, "ListPools", json!({})).await["pools"].clone();
    let shared = pools
        .as_array()
        .unwrap()
        .iter()
        .find(|pool| pool["linkId"] == link.as_str())
        .unwrap();
    let shown = seen.values().flatten().count();
    assert_eq!(shared["members"], shown.to_string(), "held beside those who are shown");
    let report = json!({
        "name": "crash-members", "status": "passed", "invariants": ["I16", "I17"], "violations": 0,
        "faults": {"F1": KILLS / 2, "F3": KILLS / 2}, "changed": steps(&known),
        "matches": known.matches.load(Ordering::SeqCst), "acknowledged": ended,
    });
    std::fs::create_dir_all(root.join("evidence")).unwrap();
    std::fs::write(root.join("evidence/crash-members.json"), format!("{report:#}\n")).unwrap();
    println!("{report}");
    a.kill().await.unwrap();
    b.kill().await.unwrap();
    tokio::task::spawn_blocking(move || drop((a, b))).await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}

fn steps(known: &Known) -> usize {
    known.steps.load(Ordering::SeqCst)
}

/// Of those who were asked about: exactly those are seen who agree, with the city in which they live now.
fn judge(known: &Known, seen: &BTreeMap<u64, Option<String>>, last: u64) {
    let (agree, city) = (known.agree.lock().unwrap(), known.city.lock().unwrap());
    let mut wrong = Vec::new();
    for member in FIRST + 1..=last.min(MEMBERS) {
        let agrees = agree.get(&member).copied().unwrap_or(true);
        let lives = city.get(&member).map_or("Lübeck", String::as_str);
        match seen.get(&member).and_then(Option::as_deref) {
            Some(_) if !agrees => wrong.push(format!("{member} has withdrawn and is held")),
            Some(there) if there != lives => wrong.push(format!("{member} lives in {lives}, and is held in {there}")),
            None if agrees => wrong.push(format!("{member} agrees and is not held")),
            _ => {}
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {last}: {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(10)]
    );
}
