//! What the operator of a node says of apps: seen by every enterprise there, and a block is a block, in every process.
// covers: I14

use hansa_apps::{Review, Reviews};
use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::Fault;
use serde_json::{Value, json};

use super::apps::{chain, proposal};

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
