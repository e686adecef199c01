//! The change feed: every change once, whoever follows, from wherever; and only what their roles may read.
// covers: I11, I12

use std::{collections::BTreeSet, time::Duration};

use hansa_proto::directory::v1::{
    WatchChangesRequest, WatchChangesResponse, directory_staff_service_client::DirectoryStaffServiceClient,
    watch_changes_response::Update,
};
use hansa_tests::{
    Enterprise, House,
    documents::two,
    house::text,
    members::{phone, row},
};
use serde_json::json;
use tonic::{Status, Streaming};

/// A reader of the feed.
struct Reader {
    stream: Streaming<WatchChangesResponse>,
    token: String,
}

impl Reader {
    async fn open(of: &Enterprise, topics: &[&str], token: &str, beginning: bool) -> Result<Self, Status> {
        let asked = WatchChangesRequest {
            topics: topics.iter().map(ToString::to_string).collect(),
            resume_token: token.to_owned(),
            from_the_beginning: beginning,
        };
        let mut client = DirectoryStaffServiceClient::new(of.client().channel.clone());
        let stream = client
            .watch_changes(of.client().request(asked).unwrap())
            .await?
            .into_inner();
        Ok(Self {
            stream,
            token: token.to_owned(),
        })
    }

    async fn next(&mut self) -> Update {
        let told = tokio::time::timeout(Duration::from_secs(10), self.told()).await;
        told.expect("nothing in ten seconds")
    }

    async fn told(&mut self) -> Update {
        loop {
            let told = self.stream.message().await.unwrap().expect("it has ended");
            self.token = told.resume_token;
            match told.update.unwrap() {
                Update::Heartbeat(_) => {}
                update => return update,
            }
        }
    }

    /// Changes until it has caught up: topic, id and action.
    async fn all(&mut self) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        loop {
            match self.next().await {
                Update::Change(change) => all.push((change.topic, change.id, change.action)),
                Update::CaughtUp(_) => return all,
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next change.
    async fn change(&mut self) -> (String, String, String) {
        match self.next().await {
            Update::Change(change) => (change.topic, change.id, change.action),
            other => panic!("{other:?}"),
        }
    }
}

fn is(change: &(String, String, String), topic: &str, id: &str, action: &str) -> bool {
    (&*change.0, &*change.1, &*change.2) == (topic, id, action)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_colleague_and_a_partner_do_shows_in_the_feed_once_and_in_order() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let (mut ours, mut theirs) = (
        Reader::open(&luebeck, &["document"], "", false).await.unwrap(),
        Reader::open(&bergen, &["document"], "", false).await.unwrap(),
    );
    assert!(ours.all().await.is_empty() && theirs.all().await.is_empty());
    let order = luebeck.begins("order", json!({"seller": link})).await;
    assert!(is(&ours.change().await, "document", &order, "document.create"));
    let lines = json!({"lines": {"lines": [{"id": "1", "sku": "A", "quantity": {"value": 1}}]}});
    let contents = json!({"head": {"head": {}}, "lines": lines});
    luebeck.acts(&order, "issue", 0, contents).await.unwrap();
    assert!(is(&ours.change().await, "document", &order, "document.act"));
    assert!(is(&theirs.change().await, "document", &order, "document.version"));
    let remark = json!({"acknowledgement": {"remark": {"reference": "SO-1"}}});
    bergen.acts(&order, "acknowledge", 1, remark).await.unwrap();
    let (act, version) = (theirs.change().await, theirs.change().await);
    assert!(is(&act, "document", &order, "document.act"), "{act:?}");
    assert!(is(&version, "document", &order, "document.version"), "{version:?}");
    assert!(is(&ours.change().await, "document", &order, "document.act"));
    // Whoever begins at the beginning reads the same, and nothing of other topics.
    let all = Reader::open(&luebeck, &["document"], "", true)
        .await
        .unwrap()
        .all()
        .await;
    let actions: Vec<_> = all.iter().map(|change| &*change.2).collect();
    assert_eq!(actions, ["document.create", "document.act", "document.act"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_comes_back_with_its_token_misses_nothing_and_reads_nothing_twice() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let mut seen = Vec::new();
    let mut reader = Reader::open(&visby, &["staff"], "", true).await.unwrap();
    seen.extend(reader.all().await.into_iter().map(|change| change.1));
    let mut made: BTreeSet<String> = seen.iter().cloned().collect();
    for round in 0..4 {
        // Several at once, so that their commits cross.
        let people = (0..8).map(|one| {
            let body = json!({"name": format!("P {round} {one}"), "roles": ["ROLE_BUYER"]});
            let visby = visby.clone();
            tokio::spawn(async move { visby.call("directory.v1.DirectoryStaffService/CreateStaff", body).await })
        });
        let people: Vec<_> = people.collect();
        // In the middle of it the reader goes away, having read one or none.
        if round % 2 == 1 {
            seen.push(reader.change().await.1);
        }
        let token = reader.token.clone();
        drop(reader);
        for person in people {
            made.insert(text(&person.await.unwrap()["staff"]["id"]));
        }
        reader = Reader::open(&visby, &["staff"], &token, false).await.unwrap();
        seen.extend(reader.all().await.into_iter().map(|change| change.1));
    }
    let once: BTreeSet<String> = seen.iter().cloned().collect();
    assert_eq!((seen.len(), once), (made.len(), made));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_ones_roles_may_not_read_is_closed_and_a_withdrawn_key_ends_the_feed() {
    let house = House::new().await;
    let (visby, bergen) = (house.enterprise("Visby").await, house.enterprise("Bergen").await);
    let (clerk_id, clerk) = visby.employs(&house.node, "Carl", &["store"]).await;
    let refused = Reader::open(&clerk, &["staff"], "", false).await.err().unwrap();
    assert_eq!(hansa_edge::fault_of(&refused).reason, "ROLE");
    let unknown = Reader::open(&clerk, &["weather"], "", false).await.err().unwrap();
    assert_eq!(hansa_edge::fault_of(&unknown).reason, "INVALID_ARGUMENT");
    // A topic that is named a thousand times is followed once.
    let mut often = Reader::open(&clerk, &["location"; 1_000], "", true).await.unwrap();
    assert!(often.all().await.is_empty() && often.token.len() < 200);
    let mut reader = Reader::open(&clerk, &[], "", true).await.unwrap();
    let open: BTreeSet<_> = reader.all().await.into_iter().map(|change| change.0).collect();
    assert!(!open.contains("staff") && !open.contains("key"), "{open:?}");
    // Another's token, and one that was changed, are none.
    for token in [&reader.token, "a.b"] {
        let mut other = Reader::open(&bergen, &[], token, false).await.unwrap();
        assert!(matches!(other.next().await, Update::Resync(_)));
        assert!(matches!(other.next().await, Update::CaughtUp(_)));
    }
    visby
        .call(
            "directory.v1.DirectoryStaffService/DisableStaff",
            json!({"id": clerk_id}),
        )
        .await;
    let ended = async { while let Ok(Some(_)) = reader.stream.message().await {} };
    tokio::time::timeout(Duration::from_secs(2), ended)
        .await
        .expect("it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_moves_is_told_once_for_what_moved_together_whoever_moved_it() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    let mut reader = Reader::open(&visby, &["level"], "", false).await.unwrap();
    assert!(reader.all().await.is_empty());
    visby.has(&[("TEA-1", 10), ("TEA-2", 10), ("TEA-3", 10)]).await;
    assert!(is(&reader.change().await, "level", "", "stock.move"));
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true, "ttlMaxSeconds": 900});
    let link = visby.links_with(&luebeck, grant, json!({})).await;
    luebeck.reserves(&link, "", "TEA-1", 1, "600s").await.unwrap();
    assert!(is(&reader.change().await, "level", "", "stock.move"));
    // Who comes back hears of what moved meanwhile, and of nothing when nothing did.
    let token = reader.token.clone();
    drop(reader);
    let mut reader = Reader::open(&visby, &["level"], &token, false).await.unwrap();
    assert!(reader.all().await.is_empty());
    drop(reader);
    luebeck.reserves(&link, "", "TEA-2", 1, "600s").await.unwrap();
    let mut reader = Reader::open(&visby, &["level"], &token, false).await.unwrap();
    assert_eq!(reader.all().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_and_their_consents_are_told_and_looking_at_one_is_no_change() {
    let house = House::new().await;
    let (store, brand) = (
        house.enterprise("Lübeck Stores").await,
        house.enterprise("Visby Tea").await,
    );
    let link = store.links_with(&brand, json!({}), json!({})).await;
    let topics = ["pool", "member", "consent"];
    let mut reader = Reader::open(&store, &topics, "", false).await.unwrap();
    assert!(reader.all().await.is_empty());
    store.pools("loyalty").await;
    assert!(is(&reader.change().await, "pool", "loyalty", "pool.write"));
    store
        .enrols("loyalty", vec![row(1, &phone(1), &[("city", "Lübeck")])], false)
        .await;
    assert!(is(&reader.change().await, "pool", "loyalty", "member.import"));
    let found = json!({"pool": "loyalty", "number": 1});
    store.members("GetMember", found.clone()).await.unwrap();
    let notice = store.notice(&link, "joint-offers", &["city"]).await;
    store.agree("loyalty", &notice, [1]).await;
    assert!(is(&reader.change().await, "consent", "", "consent.change"));
    store.members("EraseMember", found).await.unwrap();
    assert!(is(&reader.change().await, "member", "loyalty/1", "member.erase"));
}
