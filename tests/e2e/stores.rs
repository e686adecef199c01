//! Announcements and tasks for stores: who has read, who is reminded, and what is done again.
// covers: I8

use hansa_tests::{Enterprise, House, house::text};
use serde_json::{Value, json};

const ANNOUNCEMENT: &str = include_str!("../../services/apps/manifests/announcement.json");
const TASK: &str = include_str!("../../services/apps/manifests/store_task.json");

struct Chain {
    luebeck: Enterprise,
    shops: Vec<(Enterprise, String)>,
    kind: String,
    _houses: [House; 2],
}

fn form(section: &str, fields: Value) -> Value {
    json!({section: {"form": {"json": fields.to_string()}}})
}

fn uuid() -> String {
    hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string()
}

impl Chain {
    /// A headquarters on one node, franchisees on another, all of whom use the app.
    async fn new(app: &str, manifest: &str, franchisees: usize) -> Self {
        let (there, here) = (House::new().await, House::new().await);
        let luebeck = there.enterprise("Lübeck").await;
        let published = luebeck.publishes(&serde_json::from_str(manifest).unwrap()).await;
        let mut shops = Vec::new();
        for number in 0..franchisees {
            let shop = here.enterprise(&format!("Franchisee {number}")).await;
            let link = luebeck.links_with(&shop, json!({}), json!({})).await;
            luebeck.shares(app, &link).await;
            shop.accepts_app(
                app,
                &link,
                if app == "store_task" { &["files"] } else { &[] },
                &["owner"],
            )
            .await;
            luebeck
                .share_becomes(app, &link, "accepted", |share| share["state"] == "accepted")
                .await;
            shops.push((shop, link));
        }
        Self {
            kind: text(&published["kind"]),
            luebeck,
            shops,
            _houses: [there, here],
        }
    }

    async fn many(&self, method: &str, body: Value) -> Vec<Value> {
        let path = format!("documents.v1.DocumentsStaffService/{method}");
        let answer = self
            .luebeck
            .try_call(&path, body)
            .await
            .unwrap_or_else(|fault| panic!("{method}: {fault}"));
        answer["outcomes"].as_array().unwrap().clone()
    }

    /// Stores 1 to so many, dealt out to the franchisees in turn; north and south.
    fn stores(&self, many: usize) -> Vec<Value> {
        let store = |number: usize| {
            let region = if number.is_multiple_of(2) { "North" } else { "South" };
            let link = &self.shops[number % self.shops.len()].1;
            json!({"links": {"franchisee": link}, "fields": {"store": format!("S-{number:03}"), "region": region}})
        };
        (1..=many).map(store).collect()
    }

    /// How many are in that state at headquarters, by region.
    async fn board(&self, state: &str) -> Vec<(String, u64)> {
        let body = json!({"kind": self.kind, "by": "region"});
        let board = self
            .luebeck
            .call("documents.v1.DocumentsStaffService/GetBoard", body)
            .await;
        let cells = board["cells"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|cell| cell["state"] == state);
        cells
            .map(|cell| (text(&cell["value"]), text(&cell["documents"]).parse().unwrap()))
            .collect()
    }

    async fn counts(&self, state: &str, many: u64) {
        for _ in 0..1_200 {
            if self.board(state).await.iter().map(|(_, many)| many).sum::<u64>() == many {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("never {many} {state}: {:?}", self.board(state).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_stores_those_alone_that_have_not_read_are_reminded() {
    let chain = Chain::new("announcement", ANNOUNCEMENT, 5).await;
    let body = json!({"heading": "New prices", "body": "From Monday.", "store": "-"});
    let asked = json!({
        "requestId": uuid(), "kind": chain.kind, "act": "send", "contents": form("message", body), "recipients": chain.stores(60),
    });
    let sent = chain.many("BeginMany", asked.clone()).await;
    assert!(
        sent.iter().all(|one| one["state"] == "sent" && one["reason"] == ""),
        "{sent:?}"
    );
    let again = chain.many("BeginMany", asked).await;
    assert_eq!(again, sent, "the same request sends nothing twice");
    assert_eq!(
        chain.board("sent").await,
        [("North".to_owned(), 30), ("South".to_owned(), 30)]
    );
    // All but three of them read it.
    for (place, one) in sent.iter().enumerate().filter(|(place, _)| place % 20 != 7) {
        let id = text(&one["documentId"]);
        let shop = &chain.shops[(place + 1) % 5].0;
        let shown = shop.comes(&id, "sent").await;
        assert_eq!(shown["facts"]["store"], format!("S-{:03}", place + 1));
        shop.acts(&id, "acknowledge", 1, form("acknowledgement", json!({})))
            .await
            .unwrap();
    }
    chain.counts("read", 57).await;
    let body = json!({"kind": chain.kind, "state": "sent", "pageSize": 200});
    let unread = chain
        .luebeck
        .call("documents.v1.DocumentsStaffService/ListDocuments", body)
        .await;
    let unread: Vec<_> = unread["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["id"]))
        .collect();
    assert_eq!(unread.len(), 3);
    let read = text(&sent[0]["documentId"]);
    let which: Vec<_> = unread.iter().chain([&read]).collect();
    let contents = form("reminder", json!({"reminder_text": "Please read it today."}));
    let asked = json!({"requestId": uuid(), "documentIds": which, "act": "remind", "contents": contents});
    let reminded = chain.many("ActOnMany", asked).await;
    assert!(reminded[..3].iter().all(|one| one["state"] == "sent"), "{reminded:?}");
    assert_eq!(reminded[3]["reason"], "NOT_NOW", "who has read is not reminded");
    for (place, one) in sent.iter().enumerate().filter(|(place, _)| place % 20 == 7) {
        let shop = &chain.shops[(place + 1) % 5].0;
        let told = shop
            .becomes(&text(&one["documentId"]), "reminded", |document| {
                document["version"] == "2"
            })
            .await;
        assert!(text(&told["contents"]["reminder"]["form"]["json"]).contains("today"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_recipient_may_not_get_hinders_no_other() {
    let chain = Chain::new("announcement", ANNOUNCEMENT, 2).await;
    let (_, link) = &chain.shops[1];
    let share = chain
        .luebeck
        .share_becomes("announcement", link, "there", |_| true)
        .await;
    chain
        .luebeck
        .apps("EndShare", json!({"id": share["id"]}))
        .await
        .unwrap();
    let mut recipients = chain.stores(2);
    recipients[1]["fields"]["mood"] = json!("good");
    let contents = form("message", json!({"heading": "New", "body": "Now.", "store": "-"}));
    let asked = |request: String, recipients: Vec<Value>| json!({"requestId": request, "kind": chain.kind, "act": "send", "contents": contents, "recipients": recipients});
    let outcomes = chain.many("BeginMany", asked(uuid(), recipients)).await;
    assert_eq!(
        (&outcomes[0]["reason"], &outcomes[1]["reason"]),
        (&json!("SHARE_ENDED"), &json!("INVALID_ARGUMENT")),
        "{outcomes:?}"
    );
    let path = "documents.v1.DocumentsStaffService/BeginMany";
    for recipients in [Vec::new(), chain.stores(501)] {
        let refused = chain
            .luebeck
            .try_call(path, asked(uuid(), recipients))
            .await
            .unwrap_err();
        assert_eq!(refused.parameters["field"], "recipients");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_right_is_done_again_and_nothing_else() {
    let chain = Chain::new("store_task", TASK, 1).await;
    let shop = &chain.shops[0].0;
    let checks = json!([{"item": "Window"}, {"item": "Shelf"}, {"item": "Till"}]);
    let body = json!({"heading": "Autumn", "store": "-", "checks": checks});
    let asked = json!({"requestId": uuid(), "kind": chain.kind, "act": "assign", "contents": form("task", body), "recipients": chain.stores(3)});
    let sent = chain.many("BeginMany", asked).await;
    let id = text(&sent[0]["documentId"]);
    shop.comes(&id, "assigned").await;
    let results =
        json!([{"item": "Window", "done": "yes"}, {"item": "Shelf", "done": "yes"}, {"item": "Till", "done": "no"}]);
    shop.acts(&id, "report_done", 1, form("report", json!({"results": results})))
        .await
        .unwrap();
    chain.luebeck.comes(&id, "reported").await;
    let failed = json!([{"item": "Shelf", "why": "Empty on the left"}, {"item": "Till", "why": "Not done"}]);
    chain
        .luebeck
        .acts(&id, "send_back", 2, form("findings", json!({"failed": failed})))
        .await
        .unwrap();
    shop.comes(&id, "rework").await;
    for repaired in [
        json!([{"item": "Shelf"}]),
        json!([{"item": "Shelf"}, {"item": "Till"}, {"item": "Window"}]),
    ] {
        let refused = shop
            .acts(&id, "redo", 3, form("redone", json!({"repaired": repaired})))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "GUARD", "{repaired}");
    }
    let repaired = json!([{"item": "Till"}, {"item": "Shelf"}]);
    shop.acts(&id, "redo", 3, form("redone", json!({"repaired": repaired})))
        .await
        .unwrap();
    chain.luebeck.comes(&id, "reported").await;
    chain
        .luebeck
        .acts(&id, "accept_work", 4, form("verdict", json!({"points": 90})))
        .await
        .unwrap();
    assert_eq!(shop.comes(&id, "accepted").await["facts"]["points"], "90");
    assert_eq!(chain.board("accepted").await, [("South".to_owned(), 1)]);
    assert_eq!(
        chain.board("assigned").await,
        [("North".to_owned(), 1), ("South".to_owned(), 1)],
        "the others are as they were"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_franchisee_announces_nothing_as_if_it_were_headquarters() {
    let chain = Chain::new("announcement", ANNOUNCEMENT, 1).await;
    let (shop, link) = &chain.shops[0];
    let body = json!({"kind": chain.kind, "links": {"franchisee": link}});
    let refused = shop
        .try_call("documents.v1.DocumentsStaffService/CreateDocument", body)
        .await;
    assert_eq!(refused.unwrap_err().reason, "NOT_PUBLISHER");
}
