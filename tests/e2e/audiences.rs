//! An app shared with a network or group: whoever is in it, or comes into it, is offered it, and in the versions that are meant for them.
// covers: I13

use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::Fault;
use serde_json::{Value, json};

use super::apps::proposal;

const INTAKE: &str = include_str!("../../services/apps/manifests/product_intake.json");

fn intake() -> Value {
    serde_json::from_str(INTAKE).unwrap()
}

/// The next version, which can't do without the names of people.
fn asking_for_names() -> Value {
    let mut app = intake();
    app["version"] = json!(2);
    for scope in app["scopes"].as_array_mut().unwrap() {
        scope["optional"] = json!(scope["scope"] != "staff_names");
    }
    app
}

struct Hub {
    luebeck: Enterprise,
    visby: (Enterprise, String),
    bergen: (Enterprise, String),
    kind: String,
    here: House,
    _there: House,
}

/// Lübeck has published the intake, and has a link to Visby in the north of its network, and one to Bergen outside.
async fn hub() -> Hub {
    let (there, here) = (House::new().await, House::new().await);
    let luebeck = there.enterprise("Lübeck").await;
    let (visby, bergen) = (here.enterprise("Visby").await, here.enterprise("Bergen").await);
    let north = luebeck.links_with(&visby, json!({}), json!({})).await;
    let outside = luebeck.links_with(&bergen, json!({}), json!({})).await;
    group(&luebeck, &north, "add", "franchise/north").await.unwrap();
    let app = luebeck.publishes(&intake()).await;
    Hub {
        luebeck,
        visby: (visby, north),
        bergen: (bergen, outside),
        kind: text(&app["kind"]),
        here,
        _there: there,
    }
}

async fn group(who: &Enterprise, link: &str, change: &str, name: &str) -> Result<Value, Fault> {
    let body = json!({"linkIds": [link], change: [name]});
    who.try_call("link.v1.LinkStaffService/GroupLinks", body).await
}

async fn share(who: &Enterprise, group: &str, versions: (u32, u32)) -> Result<Value, Fault> {
    let body = json!({"name": "product_intake", "group": group, "versionMin": versions.0, "versionMax": versions.1});
    who.apps("ShareApp", body).await
}

async fn in_state(who: &Enterprise, link: &str, state: &str) -> Value {
    who.share_becomes("product_intake", link, state, |share| share["state"] == state)
        .await
}

async fn not_shared(who: &Enterprise, link: &str) {
    let shares = who
        .apps("ListShares", json!({"app": "product_intake", "linkId": link}))
        .await
        .unwrap();
    assert_eq!(shares["shares"], json!([]), "{}", who.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_in_a_network_or_comes_into_it_is_offered_what_is_shared_with_it_and_nobody_else() {
    let hub = hub().await;
    let (luebeck, (visby, north), (bergen, outside)) = (&hub.luebeck, &hub.visby, &hub.bergen);
    let shared = share(luebeck, "franchise", (0, 0)).await.unwrap();
    assert_eq!(
        (&shared["audience"]["group"], &shared["audience"]["links"]),
        (&json!("franchise"), &json!(1))
    );
    in_state(visby, north, "offered").await;
    not_shared(luebeck, outside).await;
    // Somebody who is invited into it is offered the app as soon as both have approved.
    let rostock = hub.here.enterprise("Rostock").await;
    let made = luebeck
        .call(
            "link.v1.LinkStaffService/CreateInvite",
            json!({"groups": ["franchise/south"]}),
        )
        .await;
    let new = text(&made["link"]["id"]);
    let invite = json!({"invite": made["invite"]});
    rostock.call("link.v1.LinkStaffService/AcceptInvite", invite).await;
    luebeck.approves(&new).await;
    rostock.approves(&new).await;
    in_state(&rostock, &new, "offered").await;
    // Somebody who comes in later as well, and what they say stays theirs to say.
    group(luebeck, outside, "add", "franchise/south").await.unwrap();
    let offered = in_state(bergen, outside, "offered").await;
    let no = json!({"id": offered["id"], "accept": false, "note": "Not this year."});
    bergen.apps("AnswerShare", no).await.unwrap();
    in_state(luebeck, outside, "declined").await;
    visby.accepts_app("product_intake", north, &[], &["owner"]).await;
    in_state(luebeck, north, "accepted").await;
    group(luebeck, outside, "add", "franchise/east").await.unwrap();
    let all = luebeck.apps("ListAudiences", json!({})).await.unwrap();
    let seen = &all["audiences"][0];
    let of = |state: &str| seen[state].as_u64().unwrap_or_default();
    assert_eq!(
        [
            of("links"),
            of("unoffered"),
            of("offered"),
            of("accepted"),
            of("declined")
        ],
        [3, 0, 1, 1, 1]
    );
    let groups = luebeck.call("link.v1.LinkStaffService/ListGroups", json!({})).await;
    let named = |of: &Value| text(&of["name"]);
    let groups: Vec<_> = groups["groups"].as_array().unwrap().iter().map(named).collect();
    assert_eq!(groups, ["franchise/east", "franchise/north", "franchise/south"]);
    let within = luebeck
        .call(
            "link.v1.LinkStaffService/ListLinks",
            json!({"group": "franchise/south"}),
        )
        .await;
    assert_eq!(within["links"].as_array().unwrap().len(), 2);
    // A partner never sees where it stands.
    assert_eq!(bergen.link(outside).await["groups"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shared_with_a_group_ends_with_it_when_its_publisher_wants_that() {
    let hub = hub().await;
    let (luebeck, (visby, north), (bergen, outside)) = (&hub.luebeck, &hub.visby, &hub.bergen);
    share(luebeck, "franchise/north", (0, 0)).await.unwrap();
    visby.accepts_app("product_intake", north, &[], &["owner"]).await;
    luebeck.shares("product_intake", outside).await;
    bergen.accepts_app("product_intake", outside, &[], &["owner"]).await;
    in_state(luebeck, north, "accepted").await;
    in_state(luebeck, outside, "accepted").await;
    let which = json!({"app": "product_intake", "group": "franchise/north"});
    luebeck.apps("RemoveAudience", which.clone()).await.unwrap();
    let again = luebeck.apps("RemoveAudience", which.clone()).await.unwrap_err();
    assert_eq!(again.reason, "NOT_FOUND");
    in_state(visby, north, "accepted").await;
    // What was offered by its group before is no reason to offer it again; its end is.
    share(luebeck, "franchise/north", (0, 0)).await.unwrap();
    let mut ending = which;
    (ending["endShares"], ending["note"]) = (json!(true), json!("The season is over."));
    luebeck.apps("RemoveAudience", ending).await.unwrap();
    let ended = in_state(visby, north, "ended").await;
    assert_eq!(ended["note"], "The season is over.");
    in_state(bergen, outside, "accepted").await;
    for _ in 0..400 {
        let left = luebeck.apps("ListAudiences", json!({})).await.unwrap();
        if left["audiences"] == json!([]) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the audience stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_with_a_version_that_is_retired_and_what_runs_is_finished() {
    let hub = hub().await;
    let (luebeck, (visby, north)) = (&hub.luebeck, &hub.visby);
    share(luebeck, "franchise", (0, 0)).await.unwrap();
    visby.accepts_app("product_intake", north, &[], &["owner"]).await;
    in_state(luebeck, north, "accepted").await;
    let links = json!({"headquarters": north});
    let (id, waits) = (
        visby.begins(&hub.kind, links.clone()).await,
        visby.begins(&hub.kind, links.clone()).await,
    );
    visby.acts(&id, "propose", 0, proposal()).await.unwrap();
    luebeck.comes(&id, "proposed").await;
    luebeck.publishes(&asking_for_names()).await;
    // The narrower one decides for those in it.
    share(luebeck, "franchise/north", (2, 0)).await.unwrap();
    let share_there = visby
        .share_becomes("product_intake", north, "retired", |share| share["versionMin"] == 2)
        .await;
    let body = json!({"kind": hub.kind, "links": links});
    let create = "documents.v1.DocumentsStaffService/CreateDocument";
    let refused = visby.try_call(create, body.clone()).await.unwrap_err();
    assert_eq!(refused.reason, "VERSION_RETIRED", "{refused}");
    let refused = visby.acts(&waits, "propose", 0, proposal()).await.unwrap_err();
    assert_eq!(refused.reason, "VERSION_RETIRED", "{refused}");
    let note = json!({"answer": {"form": {"json": "{\"note\": \"Which size?\"}"}}});
    luebeck.acts(&id, "send_back", 1, note).await.unwrap();
    visby.comes(&id, "returned").await;
    visby.acts(&id, "take_back", 2, json!({})).await.unwrap();
    luebeck.comes(&id, "withdrawn").await;
    let yes = json!({"id": share_there["id"], "accept": true, "scopes": ["staff_names"], "roles": ["owner"]});
    visby.apps("AnswerShare", yes).await.unwrap();
    visby.try_call(create, body).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_version_that_is_offered_again_brings_in_no_later_one_that_waits_for_a_yes() {
    let hub = hub().await;
    let (luebeck, (visby, north)) = (&hub.luebeck, &hub.visby);
    share(luebeck, "franchise", (0, 0)).await.unwrap();
    visby
        .accepts_app("product_intake", north, &["files", "staff_names"], &["owner"])
        .await;
    in_state(luebeck, north, "accepted").await;
    let mut speaks = intake();
    speaks["version"] = json!(2);
    let why = json!({"scope": "threads", "why": {"en": "To say that it was taken back."}});
    speaks["scopes"].as_array_mut().unwrap().push(why);
    speaks["acts"]["take_back"]["effects"] =
        json!([{"do": "post_to_thread", "at": "franchisee", "with": {"text": {"is": "Taken back."}}}]);
    luebeck.publishes(&speaks).await;
    let waits = |share: &Value| share["offeredVersion"] == 2;
    visby.share_becomes("product_intake", north, "offered", waits).await;
    // The first version asks for nothing that it has not got.
    share(luebeck, "franchise", (1, 1)).await.unwrap();
    let least = |share: &Value| share["versionMin"] == 1;
    let seen = visby.share_becomes("product_intake", north, "told", least).await;
    assert_eq!((&seen["version"], &seen["offeredVersion"]), (&json!(1), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_none_and_versions_that_are_none_are_refused_by_name() {
    let hub = hub().await;
    let (luebeck, (visby, north)) = (&hub.luebeck, &hub.visby);
    let refused = share(luebeck, "franchise/nort", (0, 0)).await.unwrap_err();
    assert!(refused.text.contains("franchise/nort"), "{refused}");
    for versions in [(2, 0), (1, 0)].iter().zip([true, false]) {
        assert_eq!(share(luebeck, "franchise", *versions.0).await.is_err(), versions.1);
    }
    for bad in ["", "a/b/c", "North", "süd"] {
        assert_eq!(
            group(luebeck, north, "add", bad).await.unwrap_err().reason,
            "INVALID_ARGUMENT",
            "{bad}"
        );
    }
    let many: Vec<_> = (0..20).map(|number| format!("n{number}")).collect();
    let body = json!({"linkIds": [north], "add": many});
    let refused = luebeck.try_call("link.v1.LinkStaffService/GroupLinks", body).await;
    assert!(refused.unwrap_err().text.contains("20 groups"));
    // A link of somebody else's is none of ours.
    let (_, theirs) = hub.bergen;
    let refused = group(visby, &theirs, "add", "franchise").await.unwrap_err();
    assert_eq!(refused.reason, "NOT_FOUND", "{refused}");
}
