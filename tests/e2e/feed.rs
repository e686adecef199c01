//! The live feed: no gap, no repeat, nothing beyond the grant, and nothing after the end.
// covers: I5, I13, I14

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use hansa_proto::inventory::v1::{
    WatchAvailabilityResponse, WatchPartnerRequest, WatchPartnerResponse, availability::Figure,
    inventory_staff_service_client::InventoryStaffServiceClient, watch_availability_response::Update,
};
use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Value, json};
use tonic::Streaming;

const STOCK: &str = "inventory.v1.InventoryStaffService";

type Seen = BTreeSet<(String, u64)>;

fn exact() -> Value {
    json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true})
}

async fn watch(enterprise: &Enterprise, link: &str, token: &str) -> Streaming<WatchPartnerResponse> {
    let request = enterprise
        .client()
        .request(WatchPartnerRequest {
            link_id: link.to_owned(),
            resume_token: token.to_owned(),
        })
        .unwrap();
    InventoryStaffServiceClient::new(enterprise.client().channel.clone())
        .watch_partner(request)
        .await
        .unwrap()
        .into_inner()
}

async fn next(stream: &mut Streaming<WatchPartnerResponse>) -> Result<WatchAvailabilityResponse, tonic::Status> {
    let update = tokio::time::timeout(Duration::from_secs(20), stream.message()).await;
    Ok(update
        .expect("a feed is never silent so long")?
        .unwrap()
        .update
        .unwrap())
}

/// A reader that checks what a reader may rely on.
#[derive(Default)]
struct Reader {
    seen: Seen,
    newest: BTreeMap<String, u64>,
    token: String,
    resyncs: usize,
}

impl Reader {
    fn take(&mut self, told: WatchAvailabilityResponse) -> Option<Update> {
        if let Some(Update::Figure(level)) = &told.update {
            let shown = level.availability.as_ref().unwrap();
            let key = format!("{}/{}/{}", shown.sku, shown.location, level.lot);
            let before = self.newest.insert(key.clone(), level.version);
            assert!(
                before.is_none_or(|before| before < level.version),
                "{key} went back to {}",
                level.version
            );
            assert!(self.seen.insert((key, level.version)), "told twice");
        }
        if let Some(Update::Resync(_)) = told.update {
            self.resyncs += 1;
            self.newest.clear();
            self.seen.clear();
        }
        if !told.resume_token.is_empty() {
            self.token = told.resume_token;
        }
        told.update
    }

    async fn snapshot(&mut self, stream: &mut Streaming<WatchPartnerResponse>) {
        while !matches!(self.take(next(stream).await.unwrap()), Some(Update::SnapshotEnd(_))) {}
    }

    async fn until(&mut self, stream: &mut Streaming<WatchPartnerResponse>, wanted: &Seen) {
        while !wanted.is_subset(&self.seen) {
            self.take(next(stream).await.unwrap());
        }
    }
}

/// Every version of every level, as the owner's own ledger has it.
async fn ledger(owner: &Enterprise, skus: &[&str]) -> Seen {
    let mut seen = Seen::new();
    let mut page = String::new();
    loop {
        let answer = owner
            .call(
                &format!("{STOCK}/ListMovements"),
                json!({"pageSize": 1000, "page": page}),
            )
            .await;
        for one in answer["movements"].as_array().unwrap() {
            if skus.contains(&one["sku"].as_str().unwrap()) {
                let key = format!("{}/{}/{}", text(&one["sku"]), text(&one["location"]), text(&one["lot"]));
                seen.insert((key, text(&one["version"]).parse().unwrap()));
            }
        }
        page = text(&answer["nextPage"]);
        if page.is_empty() {
            return seen;
        }
    }
}

async fn two() -> (House, House, Enterprise, Enterprise) {
    let (ours, theirs) = (House::new().await, House::new().await);
    let visby = ours.enterprise("Visby Distribution").await;
    let luebeck = theirs.enterprise("Lübeck Stores").await;
    (ours, theirs, visby, luebeck)
}

async fn buys(buyer: &Enterprise, link: &str, skus: &'static [&'static str], times: usize) {
    let mut buying = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let (buyer, link) = (buyer.clone(), link.to_owned());
        buying.spawn(async move {
            for round in 0..times {
                let id = SystemIds.uuid().to_string();
                let sku = skus[(worker + round) % skus.len()];
                buyer.reserves(&link, &id, sku, 1, "600s").await.unwrap();
            }
        });
    }
    buying.join_all().await;
}

#[tokio::test]
async fn a_reader_sees_every_version_of_the_ledger_once_and_rising() {
    let (_ours, _theirs, visby, luebeck) = two().await;
    let link = visby.links_with(&luebeck, exact(), json!({})).await;
    visby.has(&[("A", 1_000), ("B", 1_000), ("C", 1_000)]).await;
    let mut stream = watch(&luebeck, &link, "").await;
    let mut reader = Reader::default();
    reader.snapshot(&mut stream).await;
    assert_eq!(reader.seen.len(), 3);
    buys(&luebeck, &link, &["A", "B"], 10).await;
    let wanted = ledger(&visby, &["A", "B", "C"]).await;
    reader.until(&mut stream, &wanted).await;
    assert_eq!(reader.seen, wanted);
}

#[tokio::test]
async fn whoever_comes_back_with_its_token_misses_nothing_and_hears_nothing_twice() {
    let (_ours, _theirs, visby, luebeck) = two().await;
    let link = visby.links_with(&luebeck, exact(), json!({})).await;
    visby.has(&[("A", 1_000), ("B", 1_000)]).await;
    let mut reader = Reader::default();
    reader.snapshot(&mut watch(&luebeck, &link, "").await).await;
    for _ in 0..4 {
        // The stream is dropped in the middle of what it has to tell.
        buys(&luebeck, &link, &["A", "B"], 4).await;
        let mut stream = watch(&luebeck, &link, &reader.token).await;
        for _ in 0..9 {
            reader.take(next(&mut stream).await.unwrap());
        }
    }
    let wanted = ledger(&visby, &["A", "B"]).await;
    let mut stream = watch(&luebeck, &link, &reader.token).await;
    reader.until(&mut stream, &wanted).await;
    assert_eq!((reader.seen, reader.resyncs), (wanted, 0));
}

#[tokio::test]
async fn a_token_of_another_link_or_with_a_changed_character_brings_a_new_snapshot() {
    let (ours, _theirs, visby, luebeck) = two().await;
    let bergen = ours.enterprise("Bergen Foods").await;
    let link = visby.links_with(&luebeck, exact(), json!({})).await;
    let other = bergen.links_with(&luebeck, exact(), json!({})).await;
    visby.has(&[("A", 10)]).await;
    bergen.has(&[("Z", 10)]).await;
    let mut reader = Reader::default();
    reader.snapshot(&mut watch(&luebeck, &other, "").await).await;
    let mut mine = Reader::default();
    mine.snapshot(&mut watch(&luebeck, &link, "").await).await;
    let mut changed = mine.token.clone().into_bytes();
    changed[10] = if changed[10] == b'A' { b'B' } else { b'A' };
    for token in [
        reader.token.as_str(),
        std::str::from_utf8(&changed).unwrap(),
        "nonsense",
    ] {
        let mut stream = watch(&luebeck, &link, token).await;
        let mut fresh = Reader::default();
        assert!(matches!(
            fresh.take(next(&mut stream).await.unwrap()),
            Some(Update::Resync(_))
        ));
        fresh.snapshot(&mut stream).await;
        assert_eq!(fresh.newest.keys().collect::<Vec<_>>(), ["A/MAIN/"]);
    }
}

#[tokio::test]
async fn a_feed_shows_what_its_grant_shows_and_no_more() {
    let (_ours, _theirs, visby, luebeck) = two().await;
    let banded = json!({"visibility": "VISIBILITY_BANDED", "bands": [10, 100], "skus": ["A", "B"]});
    let link = visby.links_with(&luebeck, banded, json!({})).await;
    visby.has(&[("A", 57), ("B", 3), ("SECRET", 999)]).await;
    let mut stream = watch(&luebeck, &link, "").await;
    let mut shown = BTreeMap::new();
    loop {
        match next(&mut stream).await.unwrap().update {
            Some(Update::Figure(level)) => {
                let level = level.availability.unwrap();
                shown.insert(level.sku, level.figure.unwrap());
            }
            Some(Update::SnapshotEnd(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        shown,
        BTreeMap::from([("A".to_owned(), Figure::Band(10)), ("B".to_owned(), Figure::Band(0))])
    );
    let unseen = json!({"id": link, "grant": {"visibility": "VISIBILITY_NONE"}});
    visby.call("link.v1.LinkStaffService/SetGrant", unseen).await;
    let refused = loop {
        match next(&mut stream).await {
            Ok(told) => assert!(!matches!(told.update, Some(Update::Figure(_))), "{told:?}"),
            Err(status) => break status,
        }
    };
    assert_eq!(
        hansa_edge::fault_of(&refused).rule.as_deref(),
        Some("grant.stock.visibility")
    );
}

// covers: I14
#[tokio::test]
async fn fifty_revocations_in_another_process_end_a_busy_feed_within_a_second() {
    let (ours, _theirs, visby, luebeck) = two().await;
    let second = House::another(&ours.world).await;
    let elsewhere = visby.at(&second).await;
    visby.has(&[("A", 100_000)]).await;
    let mut times = Vec::new();
    for _ in 0..50 {
        let link = visby.links_with(&luebeck, exact(), json!({})).await;
        let mut stream = watch(&luebeck, &link, "").await;
        let mut reader = Reader::default();
        reader.snapshot(&mut stream).await;
        let (busy, to) = (visby.clone(), tokio_util::sync::CancellationToken::new());
        let stop = to.clone();
        let counting = tokio::spawn(async move {
            for round in 0.. {
                let count = json!({"item": {"sku": "A"}, "location": "MAIN", "onHand": {"value": 100_000 + round % 2}});
                busy.call(&format!("{STOCK}/CountStock"), count).await;
                if stop.is_cancelled() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        for _ in 0..10 {
            next(&mut stream).await.unwrap();
        }
        // From before the call, so that it is the longest it can have been since the commit.
        let called = Instant::now();
        let revoking = tokio::spawn({
            let (elsewhere, link) = (elsewhere.clone(), link.clone());
            async move {
                let body = json!({"id": link, "reason": "test"});
                elsewhere.call("link.v1.LinkStaffService/RevokeLink", body).await;
            }
        });
        let mut last = called;
        while next(&mut stream).await.is_ok() {
            last = Instant::now();
        }
        to.cancel();
        counting.await.unwrap();
        revoking.await.unwrap();
        times.push(last - called);
    }
    times.sort();
    println!(
        "last byte after the call to revoke: median {:?}, greatest {:?}",
        times[25], times[49]
    );
    assert!(times[49] <= Duration::from_secs(1), "{times:?}");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_follows_a_level_hears_at_once_what_is_kept_back_of_it() {
    let (_ours, _theirs, visby, luebeck) = two().await;
    visby.has(&[("A", 10)]).await;
    let link = visby.links_with(&luebeck, exact(), json!({})).await;
    let mut stream = watch(&luebeck, &link, "").await;
    let mut reader = Reader::default();
    reader.snapshot(&mut stream).await;
    let body = json!({"item": {"sku": "A"}, "location": "MAIN", "safetyStock": {"value": 4}});
    visby.call(&format!("{STOCK}/SetSafetyStock"), body).await;
    let told = loop {
        if let Some(Update::Figure(level)) = reader.take(next(&mut stream).await.unwrap()) {
            break level.availability.unwrap().figure;
        }
    };
    let Some(Figure::Exact(told)) = told else {
        panic!("{told:?}");
    };
    assert_eq!(told.value, 6);
    assert_eq!(reader.resyncs, 0);
}
