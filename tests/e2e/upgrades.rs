//! What becomes of running documents of an app when there is a next version of it, and when it is shared no more.
// covers: I8

use hansa_tests::{Enterprise, house::text};
use serde_json::{Value, json};

use super::{
    approvals::puts,
    apps::{Chain, adoption, chain, proposal},
    reminders::{reminded, shop},
};

const INTAKE: &str = include_str!("../../services/apps/manifests/product_intake.json");

fn intake() -> Value {
    serde_json::from_str(INTAKE).unwrap()
}

/// The next version: what is proposed is looked at first, by an act of its own.
fn next() -> Value {
    let mut app = intake();
    app["version"] = json!(2);
    app["upgrade"] = json!({"states": {"proposed": "noticed"}});
    app["states"]["noticed"] = json!({"waits_for": "headquarters", "within": "P2D"});
    app["acts"]["propose"]["to"] = json!("noticed");
    app["acts"]["look_at"] = json!({"by": ["headquarters"], "from": ["noticed"], "to": "proposed"});
    app
}

/// The same, which can't do without names.
fn asking_for_names() -> Value {
    let mut app = next();
    for scope in app["scopes"].as_array_mut().unwrap() {
        scope["optional"] = json!(scope["scope"] != "staff_names");
    }
    app
}

/// Visby has proposed something with what it accepted.
async fn proposed(chain: &Chain, scopes: &[&str]) -> String {
    chain
        .visby
        .accepts_app("product_intake", &chain.link, scopes, &["owner"])
        .await;
    accepted(chain).await;
    begun(chain).await
}

async fn accepted(chain: &Chain) -> Value {
    chain
        .luebeck
        .share_becomes("product_intake", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await
}

async fn begun(chain: &Chain) -> String {
    let id = chain.begins(&chain.visby).await.unwrap();
    chain.visby.acts(&id, "propose", 0, proposal()).await.unwrap();
    chain.luebeck.comes(&id, "proposed").await;
    chain.visby.comes(&id, "proposed").await;
    id
}

async fn acts_of(who: &Enterprise, id: &str) -> Vec<String> {
    let versions = who
        .call(
            "documents.v1.DocumentsStaffService/ListVersions",
            json!({"documentId": id}),
        )
        .await;
    let versions = versions["versions"].as_array().unwrap();
    versions.iter().map(|version| text(&version["act"])).collect()
}

async fn holds(chain: &Chain, id: &str) {
    let (here, there) = (
        chain.visby.document(id).await.unwrap(),
        chain.luebeck.document(id).await.unwrap(),
    );
    assert_eq!(here["root"], there["root"]);
    for side in [&chain.luebeck, &chain.visby] {
        assert_eq!(side.verifies(id).await["flaws"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_goes_on_as_the_next_version_once_its_partner_has_it() {
    let chain = chain().await;
    let id = proposed(&chain, &[]).await;
    let done = begun(&chain).await;
    chain.luebeck.acts(&done, "adopt", 1, adoption()).await.unwrap();
    chain.visby.comes(&done, "adopted").await;
    // Visby has not given names, so it has to say yes.
    chain.luebeck.publishes(&asking_for_names()).await;
    let share = chain
        .visby
        .share_becomes("product_intake", &chain.link, "accepted", |share| {
            share["offeredVersion"] == 2
        })
        .await;
    assert_eq!(chain.luebeck.document(&id).await.unwrap()["state"], "proposed");
    let yes = json!({"id": share["id"], "accept": true, "scopes": ["staff_names"], "roles": ["owner"]});
    chain.visby.apps("AnswerShare", yes).await.unwrap();
    let here = chain.visby.comes(&id, "noticed").await;
    let there = chain.luebeck.comes(&id, "noticed").await;
    assert_eq!((&here["kindVersion"], &there["kindVersion"]), (&json!(2), &json!(2)));
    assert!(text(&there["dueAt"]) > text(&there["since"]), "{there}");
    assert_eq!(acts_of(&chain.visby, &id).await, ["propose", "upgrade"]);
    chain.luebeck.acts(&id, "look_at", 2, json!({})).await.unwrap();
    chain.visby.comes(&id, "proposed").await;
    chain.luebeck.acts(&id, "adopt", 3, adoption()).await.unwrap();
    chain.visby.comes(&id, "adopted").await;
    holds(&chain, &id).await;
    // What had ended stays what it was.
    let ended = chain.visby.document(&done).await.unwrap();
    assert_eq!((&ended["kindVersion"], &ended["version"]), (&json!(1), &json!("2")));
    holds(&chain, &done).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_stays_what_it_is_as_long_as_its_partner_has_not_said_yes() {
    let shop = shop().await;
    let id = shop.proposed().await;
    shop.luebeck.publishes(&asking_for_names()).await;
    shop.visby
        .share_becomes("product_intake", &shop.link, "accepted", |share| {
            share["offeredVersion"] == 2
        })
        .await;
    // Whoever looks after what is due looks at it then.
    shop.clock.turn(3);
    reminded(&shop.luebeck, 1).await;
    let still = shop.luebeck.document(&id).await.unwrap();
    assert_eq!((&still["version"], &still["kindVersion"]), (&json!("1"), &json!(1)));
}

/// The one after that: what is noticed is only filed.
fn third() -> Value {
    let mut app = asking_for_names();
    app["version"] = json!(3);
    app["upgrade"] = json!({"states": {"noticed": "filed"}});
    app["states"]["filed"] = app["states"]["noticed"].clone();
    app["states"].as_object_mut().unwrap().remove("noticed");
    app["acts"]["propose"]["to"] = json!("filed");
    app["acts"]["look_at"]["from"] = json!(["filed"]);
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_goes_on_version_by_version_also_when_all_of_them_are_accepted_at_once() {
    let chain = chain().await;
    let id = proposed(&chain, &[]).await;
    let share = accepted(&chain).await;
    // A share that has ended in between brings them all as well.
    chain
        .luebeck
        .apps("EndShare", json!({"id": share["id"]}))
        .await
        .unwrap();
    chain
        .visby
        .share_becomes("product_intake", &chain.link, "ended", |share| {
            share["state"] == "ended"
        })
        .await;
    chain.luebeck.publishes(&asking_for_names()).await;
    chain.luebeck.publishes(&third()).await;
    chain.luebeck.shares("product_intake", &chain.link).await;
    let share = chain
        .visby
        .share_becomes("product_intake", &chain.link, "offered", |share| {
            share["offeredVersion"] == 3
        })
        .await;
    let yes = json!({"id": share["id"], "accept": true, "scopes": ["staff_names"], "roles": ["owner"]});
    chain.visby.apps("AnswerShare", yes).await.unwrap();
    let here = chain.visby.comes(&id, "filed").await;
    assert_eq!(here["kindVersion"], 3);
    assert_eq!(acts_of(&chain.visby, &id).await, ["propose", "upgrade", "upgrade"]);
    holds(&chain, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_back_waits_for_whoever_has_to_approve_it_and_is_not_tried_again_without_end() {
    let mut chain = chain().await;
    chain.kind = text(&chain.luebeck.publishes(&handing_back()).await["kind"]);
    chain.luebeck.shares("lent", &chain.link).await;
    chain.visby.accepts_app("lent", &chain.link, &[], &["owner"]).await;
    let share = chain
        .luebeck
        .share_becomes("lent", &chain.link, "accepted", |share| share["state"] == "accepted")
        .await;
    let id = begun(&chain).await;
    let flow = json!({
        "name": "ends", "version": 1, "title": {"en": "Ends"}, "on": {"kind": chain.kind, "act": "give_back"},
        "steps": [{"name": "owner", "by": {"role": "owner"}}],
    });
    puts(&chain.luebeck, flow).await.unwrap();
    chain
        .luebeck
        .apps("EndShare", json!({"id": share["id"]}))
        .await
        .unwrap();
    chain
        .luebeck
        .becomes(&id, "held", |document| document["acts"][0]["state"] == "held")
        .await;
    let mut admin = chain.there.world.superuser().await;
    let busy = format!(
        "select count(*) from {}.document where wake_at <= now()",
        chain.luebeck.tenant.schema()
    );
    for tried in 0.. {
        let waking: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(busy.clone()))
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if waking == 0 {
            break;
        }
        assert!(tried < 400, "it is looked at without end");
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(chain.luebeck.document(&id).await.unwrap()["state"], "proposed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_version_that_does_not_say_how_documents_go_on_is_not_published() {
    let chain = chain().await;
    let mut app = next();
    app["upgrade"] = json!({"states": {"lost": "noticed"}});
    let refused = chain
        .luebeck
        .apps("PublishApp", json!({"manifest": app.to_string()}))
        .await;
    let refused = refused.unwrap_err();
    assert!(refused.text.contains("lost"), "{refused}");
    let findings = chain
        .luebeck
        .apps("LintApp", json!({"manifest": app.to_string()}))
        .await
        .unwrap();
    assert_eq!(findings["findings"][0]["rule"], "upgrade");
    // Nor may anything be done with what runs by that name.
    app["acts"]["upgrade"] = app["acts"]["take_back"].clone();
    let findings = chain
        .luebeck
        .apps("LintApp", json!({"manifest": app.to_string()}))
        .await
        .unwrap();
    assert!(
        text(&findings["findings"][0]["text"]).contains("by itself"),
        "{findings}"
    );
}

/// The app, with a word for what becomes of what runs at an end.
fn handing_back() -> Value {
    let mut app = intake();
    app["app"] = json!("lent");
    app["running"] = json!({"hand_back": "give_back"});
    app["acts"]["give_back"] = json!({"by": ["headquarters"], "from": ["proposed", "returned"], "to": "withdrawn"});
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_side_ends_a_share_what_runs_is_handed_back_as_its_publisher_has_declared() {
    let mut chain = chain().await;
    chain.kind = text(&chain.luebeck.publishes(&handing_back()).await["kind"]);
    for at_luebeck in [true, false] {
        chain.luebeck.shares("lent", &chain.link).await;
        chain.visby.accepts_app("lent", &chain.link, &[], &["owner"]).await;
        let share = chain
            .luebeck
            .share_becomes("lent", &chain.link, "accepted", |share| share["state"] == "accepted")
            .await;
        let (id, other) = (begun(&chain).await, begun(&chain).await);
        chain.luebeck.acts(&other, "adopt", 1, adoption()).await.unwrap();
        chain.visby.comes(&other, "adopted").await;
        let waits = chain.begins(&chain.visby).await.unwrap();
        let ending = if at_luebeck { &chain.luebeck } else { &chain.visby };
        ending.apps("EndShare", json!({"id": share["id"]})).await.unwrap();
        let refused = match at_luebeck {
            true => chain.luebeck.acts(&id, "adopt", 1, adoption()).await,
            false => chain.visby.acts(&id, "take_back", 1, json!({})).await,
        };
        let refused = refused.unwrap_err().reason;
        assert!(["SHARE_ENDED", "SUPERSEDED"].contains(&&*refused), "{refused}");
        for side in [&chain.luebeck, &chain.visby] {
            side.comes(&id, "withdrawn").await;
        }
        assert_eq!(acts_of(&chain.visby, &id).await, ["propose", "give_back"]);
        assert_eq!(acts_of(&chain.visby, &other).await, ["propose", "adopt"]);
        let refused = chain.visby.acts(&waits, "propose", 0, proposal()).await.unwrap_err();
        assert_eq!(refused.reason, "SHARE_ENDED");
        holds(&chain, &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_handed_back_needs_a_way_there_from_wherever_it_is() {
    let chain = chain().await;
    let rule = |app: Value| {
        let luebeck = &chain.luebeck;
        async move {
            let body = json!({"manifest": app.to_string()});
            let linted = luebeck.apps("LintApp", body).await.unwrap();
            text(&linted["findings"][0]["rule"])
        }
    };
    let with = |change: fn(&mut Value)| {
        let mut app = handing_back();
        change(&mut app);
        app
    };
    assert_eq!(rule(with(|_| {})).await, "");
    for bad in [
        with(|app| app["running"] = json!({"hand_back": "nothing"})),
        with(|app| app["acts"]["give_back"]["from"] = json!(["proposed"])),
        with(|app| app["acts"]["give_back"]["by"] = json!(["franchisee"])),
        with(|app| app["acts"]["give_back"]["writes"] = json!(["answer"])),
        with(|app| app["acts"]["give_back"]["guard"] = json!("1 == 1")),
        with(|app| app["acts"]["give_back"]["to"] = json!("proposed")),
    ] {
        assert_eq!(rule(bad).await, "hand-back");
    }
}
