//! What time does with an app's documents: whoever has to act is reminded, and nobody else; what nobody answers comes to its end.
// covers: I8

use std::sync::Arc;

use hansa_tests::{
    Enterprise, House,
    house::{Calendar, text},
};
use serde_json::{Value, json};

use super::apps::proposal;

const INTAKE: &str = include_str!("../../services/apps/manifests/product_intake.json");

pub(super) struct Shop {
    pub clock: Arc<Calendar>,
    pub luebeck: Enterprise,
    pub visby: Enterprise,
    pub kind: String,
    pub link: String,
    pub houses: [House; 2],
}

pub(super) async fn shop() -> Shop {
    shop_with(&serde_json::from_str(INTAKE).unwrap(), &[]).await
}

/// Where this app is in use, of which it says that it is the product intake.
pub(super) async fn shop_with(app: &Value, scopes: &[&str]) -> Shop {
    let clock = Arc::new(Calendar::default());
    let (there, here) = (House::by(&clock).await, House::by(&clock).await);
    let (luebeck, visby) = (there.enterprise("Lübeck").await, here.enterprise("Visby").await);
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    let app = luebeck.publishes(app).await;
    luebeck.shares("product_intake", &link).await;
    visby.accepts_app("product_intake", &link, scopes, &["owner"]).await;
    luebeck
        .share_becomes("product_intake", &link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    Shop {
        kind: text(&app["kind"]),
        clock,
        luebeck,
        visby,
        link,
        houses: [there, here],
    }
}

impl Shop {
    pub async fn proposed(&self) -> String {
        let id = self.visby.begins(&self.kind, json!({"headquarters": self.link})).await;
        self.visby.acts(&id, "propose", 0, proposal()).await.unwrap();
        self.luebeck.comes(&id, "proposed").await;
        id
    }
}

/// What somebody's workbench tells them.
async fn notices(who: &Enterprise) -> Vec<String> {
    let bench = who.apps("GetWorkbench", json!({})).await.unwrap();
    bench["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| text(&notice["text"]))
        .collect()
}

pub(super) async fn reminded(who: &Enterprise, many: usize) -> Vec<String> {
    for _ in 0..400 {
        let told = notices(who).await;
        if told.len() >= many {
            return told;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{}: never {many} notices", who.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_to_act_is_reminded_once_and_what_nobody_answers_lapses_at_both() {
    let shop = shop().await;
    let (luebeck, visby) = (&shop.luebeck, &shop.visby);
    let id = shop.proposed().await;
    shop.clock.turn(3);
    assert_eq!(reminded(luebeck, 1).await, ["Product intake PI-1: proposed"]);
    let answer = json!({"answer": {"form": {"json": json!({"note": "Which size?"}).to_string()}}});
    luebeck.acts(&id, "send_back", 1, answer).await.unwrap();
    visby.comes(&id, "returned").await;
    assert_eq!(visby.document(&id).await.unwrap()["overdue"], false);
    shop.clock.turn(7);
    assert_eq!(reminded(visby, 1).await, ["Product intake PI-1: returned"]);
    assert_eq!(
        notices(luebeck).await.len(),
        1,
        "nobody is reminded of what others have to do"
    );
    shop.clock.turn(7);
    for one in [luebeck, visby] {
        let over = one.comes(&id, "withdrawn").await;
        assert_eq!(over["version"], "3", "{over}");
        assert_eq!(one.verifies(&id).await["flaws"], json!([]), "{}", one.name);
    }
    let history = visby
        .call(
            "documents.v1.DocumentsStaffService/ListVersions",
            json!({"documentId": id}),
        )
        .await;
    assert_eq!(history["versions"][2]["act"], "lapse");
    assert_eq!(notices(visby).await.len(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_acts_in_time_is_not_reminded_and_a_headquarters_that_is_late_is_overdue_alone() {
    let shop = shop().await;
    let (luebeck, visby) = (&shop.luebeck, &shop.visby);
    let (done, open) = (shop.proposed().await, shop.proposed().await);
    shop.clock.turn(2);
    let adoption = json!({"adoption": {"form": {"json": "{\"sku\": \"HL-1\"}"}}});
    luebeck.acts(&done, "adopt", 1, adoption).await.unwrap();
    shop.clock.turn(4);
    // Its time is over before anybody has looked: it is overdue at both, and nobody is reminded any more.
    for one in [luebeck, visby] {
        let late = one
            .becomes(&open, "overdue", |document| document["overdue"] == true)
            .await;
        assert_eq!(
            (&late["state"], &late["version"]),
            (&json!("proposed"), &json!("1")),
            "no act comes by itself here"
        );
    }
    assert_eq!(notices(luebeck).await, Vec::<String>::new());
    let waiting = json!({"kind": shop.kind, "overdueOnly": true});
    let waiting: Value = luebeck
        .call("documents.v1.DocumentsStaffService/ListDocuments", waiting)
        .await;
    assert_eq!(waiting["documents"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_by_itself_waits_while_the_link_is_suspended() {
    const LINKS: &str = "link.v1.LinkStaffService";
    let shop = shop().await;
    let (luebeck, visby) = (&shop.luebeck, &shop.visby);
    let id = shop.proposed().await;
    let answer = json!({"answer": {"form": {"json": json!({"note": "Which size?"}).to_string()}}});
    luebeck.acts(&id, "send_back", 1, answer).await.unwrap();
    visby.comes(&id, "returned").await;
    luebeck
        .call(&format!("{LINKS}/SuspendLink"), json!({"id": shop.link}))
        .await;
    visby.sees(&shop.link, "LINK_STATE_SUSPENDED").await;
    shop.clock.turn(14);
    let late = luebeck
        .becomes(&id, "overdue", |document| document["overdue"] == true)
        .await;
    assert_eq!(late["state"], "returned", "the partner could not hear of it");
    luebeck
        .call(&format!("{LINKS}/ResumeLink"), json!({"id": shop.link}))
        .await;
    luebeck.sees(&shop.link, "LINK_STATE_ACTIVE").await;
    shop.clock.turn(1);
    luebeck.comes(&id, "withdrawn").await;
}
