//! What the operator of a node says of apps: seen by every enterprise there, and a block is a block, in every process.
// covers: I14

use hansa_apps::{Review, Reviews};
use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::Fault;
use serde_json::{Value, json};

use super::apps::{adoption, chain, proposal};

const INTAKE: &str = include_str!("../../services/apps/manifests/product_intake.json");

fn said(of: &str, blocked: bool, note: &str) -> Review {
    Review {
        of: of.parse().unwrap(),
        blocked,
        note: note.to_owned(),
    }
}

async fn app_of(who: &Enterprise, publisher: &str) -> Value {
    let asked = json!({"publisher": publisher, "name": "product_intake"});
    who.apps("GetApp", asked).await.unwrap()["app"].take()
}

/// Within a second, in every process.
async fn becomes<T>(what: &str, mut asked: impl AsyncFnMut() -> Result<T, Fault>, reason: &str) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let now = asked()
            .await
            .err()
            .map_or_else(String::new, |fault| fault.reason.to_string());
        if now == reason {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{what}: {now:?} instead of {reason:?}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_blocks_nobody_accepts_begins_or_acts_in_on_that_node_until_it_is_open_again() {
    let chain = chain().await;
    let second = House::another(&chain.here().world).await;
    let reviews = Reviews::new(chain.here().world.tenancy().await);
    let me = chain
        .luebeck
        .call("directory.v1.DirectoryStaffService/WhoAmI", json!({}))
        .await;
    let publisher = text(&me["enterpriseId"]);
    let share = chain
        .visby
        .share_becomes("product_intake", &chain.link, "offered", |share| {
            share["state"] == "offered"
        })
        .await;
    let version = said(&format!("{publisher}/product_intake@1"), true, "It asks for too much.");
    reviews.say(&version).await.unwrap();
    let accept = json!({"id": share["id"], "accept": true, "scopes": ["files"], "roles": ["owner"]});
    let visby = &chain.visby;
    becomes(
        "acceptance",
        async || visby.apps("AnswerShare", accept.clone()).await,
        "APP_BLOCKED",
    )
    .await;
    let refused = visby.apps("AnswerShare", accept.clone()).await.unwrap_err();
    assert!(refused.text.contains("It asks for too much."), "{refused}");
    let seen = app_of(visby, &publisher).await;
    assert_eq!(
        seen["review"],
        json!({"blocked": true, "note": "It asks for too much."})
    );
    // Another node's operator says nothing of it.
    assert_eq!(app_of(&chain.luebeck, &publisher).await["review"], Value::Null);
    reviews.take_back(&version.of).await.unwrap();
    becomes(
        "acceptance",
        async || visby.apps("AnswerShare", accept.clone()).await,
        "",
    )
    .await;
    chain
        .luebeck
        .share_becomes("product_intake", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    let id = chain.begins(visby).await.unwrap();
    let looked_at = said(&format!("{publisher}/product_intake"), false, "Looked at in May.");
    reviews.say(&looked_at).await.unwrap();
    // All of that publisher: nothing begins, and nobody acts in what runs, by whatever process they come.
    reviews.say(&said(&publisher, true, "")).await.unwrap();
    let there = visby.at(&second).await;
    for who in [visby, &there] {
        becomes("a new document", async || chain.begins(who).await, "APP_BLOCKED").await;
        becomes(
            "an act",
            async || who.acts(&id, "propose", 0, proposal()).await,
            "APP_BLOCKED",
        )
        .await;
    }
    reviews.take_back(&publisher.parse().unwrap()).await.unwrap();
    becomes("an act", async || visby.acts(&id, "propose", 0, proposal()).await, "").await;
    assert_eq!(app_of(visby, &publisher).await["review"]["note"], "Looked at in May.");
    let nothing = reviews.take_back(&publisher.parse().unwrap()).await.unwrap_err();
    assert_eq!(Fault::from(nothing).reason, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_of_one_version_holds_for_what_runs_as_it_and_for_nothing_else() {
    let (there, here) = (House::new().await, House::new().await);
    let (luebeck, visby) = (there.enterprise("Lübeck").await, here.enterprise("Visby").await);
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    let mut app: Value = serde_json::from_str(INTAKE).unwrap();
    let published = luebeck.publishes(&app).await;
    luebeck.shares("product_intake", &link).await;
    visby
        .accepts_app("product_intake", &link, &["files", "staff_names"], &["owner"])
        .await;
    let mut documents = Vec::new();
    for version in [1, 2] {
        if version == 2 {
            // It asks for no more, so Visby takes it by itself; what runs stays what it is.
            app["version"] = json!(2);
            luebeck.publishes(&app).await;
        }
        luebeck
            .share_becomes("product_intake", &link, "accepted", |share| share["version"] == version)
            .await;
        let id = visby
            .begins(&text(&published["kind"]), json!({"headquarters": link}))
            .await;
        visby.acts(&id, "propose", 0, proposal()).await.unwrap();
        documents.push(luebeck.comes(&id, "proposed").await);
    }
    let versions: Vec<_> = documents.iter().map(|one| one["kindVersion"].clone()).collect();
    assert_eq!(versions, [json!(1), json!(2)]);
    let [first, second] = [0, 1].map(|place: usize| text(&documents[place]["id"]));
    let reviews = Reviews::new(there.world.tenancy().await);
    let block = said(&format!("{}/product_intake@1", text(&published["publisher"])), true, "");
    reviews.say(&block).await.unwrap();
    let adopts = async |id: &str| luebeck.acts(id, "adopt", 1, adoption()).await;
    becomes("what runs as version 1", async || adopts(&first).await, "APP_BLOCKED").await;
    adopts(&second).await.unwrap();
}
