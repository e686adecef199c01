//! Coupons raced for by a partner's counter and our own, while nodes and a database die: each is redeemed once, and both books agree.

use std::{
    collections::BTreeMap,
    path::PathBuf,
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

const SERVICE: &str = "hansa.loyalty.v1.LoyaltyStaffService";
const KILLS: usize = 9;
const COUPONS: usize = 2_000;
const WORKERS: usize = 6;

/// What the counters know.
#[derive(Default)]
struct Till {
    next: AtomicUsize,
    /// Booking to coupon, and whether its confirmation came back.
    asked: Mutex<BTreeMap<String, (String, bool)>>,
    redeemed: AtomicUsize,
    stop: AtomicBool,
}

/// Redeems one coupon after the other; somebody else is after each of them too.
async fn redeem(till: Arc<Till>, client: Client, link: String, codes: Arc<Vec<String>>) {
    while !till.stop.load(Ordering::SeqCst) {
        // Two counters take the same one.
        let place = till.next.fetch_add(1, Ordering::SeqCst) / 2;
        let Some(code) = codes.get(place) else { return };
        let id = SystemIds.uuid().to_string();
        till.asked.lock().unwrap().insert(id.clone(), (code.clone(), false));
        let body = json!({
            "id": id, "linkId": link, "coupon": code, "ttl": "8s", "basket": {"amount": 8_000, "currency": "EUR"},
        });
        if client.call(&format!("{SERVICE}/HoldBooking"), &body).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let body = json!({"id": id, "linkId": link});
        if client.call(&format!("{SERVICE}/ConfirmBooking"), &body).await.is_ok() {
            till.asked.lock().unwrap().insert(id, (code.clone(), true));
            till.redeemed.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// All bookings, when nobody is in doubt and nothing is held any more.
async fn settled(client: &Client, at_partners: bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let all = bookings(client, at_partners).await;
        let open = |row: &Value| {
            let state = row["booking"]["state"].as_str().unwrap_or_default();
            state == "BOOKING_STATE_UNKNOWN" || state == "BOOKING_STATE_HELD"
        };
        if !all.iter().any(open) {
            return all;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "some stay open");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn bookings(client: &Client, at_partners: bool) -> Vec<Value> {
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let body = json!({"atPartners": at_partners, "pageSize": 1_000, "before": before});
        let page = insist(client, &format!("{SERVICE}/ListBookings"), &body).await;
        let rows = page["bookings"].as_array().cloned().unwrap_or_default();
        let Some(last) = rows.last() else { return all };
        before = last["booking"]["id"].as_str().unwrap().to_owned();
        all.extend(rows);
    }
}

async fn issued(owner: &Firm) -> Vec<String> {
    let client = owner.client().await.unwrap();
    let (pools, day) = ("hansa.members.v1.MembersStaffService/PutPool", "T00:00:00Z");
    let pool = json!({"pool": {"code": "loyalty", "name": "Members", "fields": []}});
    insist(&client, pools, &pool).await;
    let kind = json!({"kind": {
        "code": "autumn", "pool": "loyalty", "benefit": "10 euros off", "currency": "EUR", "amount": 1_000, "issuerPermille": 600,
        "scope": "COUPON_SCOPE_PARTNERS", "validFrom": format!("2020-01-01{day}"), "validUntil": format!("2060-01-01{day}"),
    }});
    insist(&client, &format!("{SERVICE}/PutCouponKind"), &kind).await;
    let mut codes = Vec::new();
    while codes.len() < COUPONS {
        let body = json!({"kind": "autumn", "count": 1_000, "first": codes.len() + 1});
        let some = insist(&client, &format!("{SERVICE}/IssueCoupons"), &body).await;
        let some = some["coupons"].as_array().unwrap().clone();
        codes.extend(some.iter().map(|one| one["code"].as_str().unwrap().to_owned()));
    }
    codes
}

#[tokio::test(flavor = "multi_thread")]
async fn each_coupon_is_redeemed_once_whenever_a_node_or_the_issuers_database_dies() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let exe = root.join("target/debug/hansa").canonicalize().unwrap();
    let dir = hansa_tenancy::dev::state_dir().join(format!("crash-coupons-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (a, b) = tokio::join!(
        PrivateNode::new("brand", &exe, &dir, 1),
        PrivateNode::new("store", &exe, &dir, 1)
    );
    let (mut a, mut b) = (a.unwrap(), b.unwrap());
    let brand = Firm::found(&a, "Visby Tea", 0).await.unwrap();
    let store = Firm::found(&b, "Lübeck Stores", 0).await.unwrap();
    a.start().await.unwrap();
    b.start().await.unwrap();
    let grant = json!({"pool": "loyalty", "coupons": true}).to_string();
    let link = linked_with(&store, &brand, &["--loyalty", &grant]).await;
    let codes = Arc::new(issued(&store).await);
    let till = Arc::new(Till::default());
    let mut counters = tokio::task::JoinSet::new();
    for place in 0..WORKERS {
        let (who, link) = match place % 2 {
            0 => (&brand, link.clone()),
            _ => (&store, String::new()),
        };
        counters.spawn(redeem(till.clone(), who.client().await.unwrap(), link, codes.clone()));
    }
    for kill in 0..KILLS {
        let (before, begun) = (till.redeemed.load(Ordering::SeqCst), Instant::now());
        while till.redeemed.load(Ordering::SeqCst) < before + 10 {
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "nothing is redeemed after {kill} kills"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
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
    }
    till.stop.store(true, Ordering::SeqCst);
    counters.join_all().await;
    let (here, there) = (store.client().await.unwrap(), brand.client().await.unwrap());
    let at_partner = settled(&there, true).await;
    judge(&till, &at_partner, &settled(&here, false).await);
    // What is settled is the same on both sides.
    let month = at_partner
        .iter()
        .find_map(|row| row["booking"]["confirmedAt"].as_str())
        .unwrap()[..7]
        .to_owned();
    let asked = json!({"linkId": link, "month": month, "partnerIssues": true});
    let checked = insist(&there, &format!("{SERVICE}/CheckSettlement"), &asked).await;
    assert_eq!(checked["differences"].as_array().map_or(0, Vec::len), 0, "{checked}");
    let report = json!({
        "name": "crash-coupons", "status": "passed", "invariants": ["I3"], "violations": 0,
        "faults": {"F1": KILLS - KILLS / 3, "F3": KILLS / 3}, "redeemed": till.redeemed.load(Ordering::SeqCst),
    });
    std::fs::create_dir_all(root.join("evidence")).unwrap();
    std::fs::write(root.join("evidence/crash-coupons.json"), format!("{report:#}\n")).unwrap();
    println!("{report}");
    a.kill().await.unwrap();
    b.kill().await.unwrap();
    tokio::task::spawn_blocking(move || drop((a, b))).await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}

/// Each coupon once; what came back as confirmed is; and the partner believes what the issuer does.
fn judge(till: &Till, at_partner: &[Value], at_issuer: &[Value]) {
    let asked = till.asked.lock().unwrap();
    let state = |row: &Value| row["booking"]["state"].as_str().unwrap().to_owned();
    let of = |rows: &[Value]| -> BTreeMap<String, String> {
        let named = |row: &Value| (row["booking"]["id"].as_str().unwrap().to_owned(), state(row));
        rows.iter().map(named).collect()
    };
    let (partner, issuer) = (of(at_partner), of(at_issuer));
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, state) in &issuer {
        let (code, _) = asked.get(id).expect("a booking that nobody asked for");
        *uses.entry(code).or_default() += usize::from(state == "BOOKING_STATE_CONFIRMED");
    }
    assert!(uses.values().all(|count| *count <= 1), "a coupon was redeemed twice");
    for (id, (_, confirmed)) in asked.iter() {
        let here = issuer.get(id).map(String::as_str);
        assert!(
            !confirmed || here == Some("BOOKING_STATE_CONFIRMED"),
            "{id} was confirmed and is {here:?}"
        );
    }
    for (id, state) in &partner {
        // Refused: nothing stands in the issuer's books.
        let here = issuer.get(id).map_or("BOOKING_STATE_VOIDED", String::as_str);
        assert_eq!(here, state, "{id}: the partner believes something else");
    }
}
