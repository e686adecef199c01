//! Apps on two nodes and more: published, shared, accepted in part, used, upgraded and ended; each side keeps its own control.
// covers: I8, I13

use base64::Engine as _;
use data_encoding::HEXLOWER;
use hansa_tests::{Enterprise, House, house::text};
use serde_json::{Value, json};

const INTAKE: &str = include_str!("../../services/apps/manifests/product_intake.json");
const PHOTO: &[u8] = include_bytes!("../data/photo.jpg");

fn intake() -> Value {
    serde_json::from_str(INTAKE).unwrap()
}

/// Lübeck has published the product intake and shares it with Visby, each on a node of its own.
pub(super) struct Chain {
    pub there: House,
    here: House,
    pub luebeck: Enterprise,
    pub visby: Enterprise,
    pub link: String,
    pub kind: String,
}

pub(super) async fn chain() -> Chain {
    let (there, here) = (House::new().await, House::new().await);
    let (luebeck, visby) = (there.enterprise("Lübeck").await, here.enterprise("Visby").await);
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    let app = luebeck.publishes(&intake()).await;
    luebeck.shares("product_intake", &link).await;
    Chain {
        kind: text(&app["kind"]),
        there,
        here,
        luebeck,
        visby,
        link,
    }
}

pub(super) fn proposal() -> Value {
    let fields = json!({"product": {"gtin": "4006381333931", "name": "Highlighter"}, "region": "Gotland"});
    json!({"proposal": {"form": {"json": fields.to_string()}}})
}

/// The same with a photo of it.
pub(super) async fn with_photo(who: &Enterprise) -> Value {
    let photo = who.brings("pen.jpg", "image/jpeg", PHOTO).await.unwrap();
    let hash = base64::engine::general_purpose::STANDARD
        .decode(text(&photo["hash"]))
        .unwrap();
    let mut fields: Value = serde_json::from_str(&text(&proposal()["proposal"]["form"]["json"])).unwrap();
    fields["photo"] = json!(HEXLOWER.encode(&hash));
    json!({"proposal": {"form": {"json": fields.to_string(), "files": [photo]}}})
}

pub(super) fn adoption() -> Value {
    json!({"adoption": {"form": {"json": "{\"sku\": \"HL-1\"}"}}})
}

fn note(text: &str) -> Value {
    json!({"answer": {"form": {"json": json!({"note": text}).to_string()}}})
}

impl Chain {
    /// The house of Visby.
    pub fn here(&self) -> &House {
        &self.here
    }

    pub async fn begins(&self, who: &Enterprise) -> Result<String, hansa_vocab::Fault> {
        let body = json!({"kind": self.kind, "links": {"headquarters": self.link}});
        let made = who
            .try_call("documents.v1.DocumentsStaffService/CreateDocument", body)
            .await;
        made.map(|made| text(&made["document"]["id"]))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_proposes_begins_at_headquarters_and_stands_the_same_at_both() {
    let chain = chain().await;
    let refused = chain.begins(&chain.visby).await.unwrap_err();
    assert_eq!(
        refused.reason, "NOT_FOUND",
        "nothing of it is here before it is accepted: {refused}"
    );
    chain
        .visby
        .accepts_app("product_intake", &chain.link, &["files"], &["store"])
        .await;
    let (_, clerk) = chain.visby.employs(&chain.here.node, "Astrid", &["store"]).await;
    let id = chain.begins(&clerk).await.unwrap();
    let contents = with_photo(&clerk).await;
    let sent = clerk.acts(&id, "propose", 0, contents).await.unwrap();
    assert_eq!(
        (&sent["state"], &sent["acts"][0]["state"]),
        (&json!("draft"), &json!("sent"))
    );
    let there = chain.luebeck.comes(&id, "proposed").await;
    assert_eq!(
        (&there["number"], &there["ourRole"]),
        (&json!("PI-1"), &json!("headquarters"))
    );
    let here = clerk.comes(&id, "proposed").await;
    assert_eq!((&here["root"], &here["number"]), (&there["root"], &there["number"]));
    assert_eq!(here["acts"][0]["state"], "counted");
    // Who it was: a name of this link alone.
    let versions = chain
        .luebeck
        .call(
            "documents.v1.DocumentsStaffService/ListVersions",
            json!({"documentId": id}),
        )
        .await;
    let (actor, role) = (
        text(&versions["versions"][0]["actor"]),
        &versions["versions"][0]["actorRole"],
    );
    assert!(actor.len() == 32 && actor != "Astrid", "{actor}");
    assert_eq!(role, "store");
    chain
        .luebeck
        .acts(&id, "send_back", 1, note("Which size?"))
        .await
        .unwrap();
    clerk.comes(&id, "returned").await;
    clerk.acts(&id, "correct", 2, proposal()).await.unwrap();
    chain.luebeck.comes(&id, "proposed").await;
    chain.luebeck.acts(&id, "adopt", 3, adoption()).await.unwrap();
    let here = clerk.comes(&id, "adopted").await;
    assert_eq!(chain.luebeck.document(&id).await.unwrap()["root"], here["root"]);
    for side in [&chain.luebeck, &chain.visby] {
        assert_eq!(side.verifies(&id).await["flaws"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_gets_what_was_given_and_each_side_sets_its_own_limits() {
    let chain = chain().await;
    let share = chain
        .visby
        .share_becomes("product_intake", &chain.link, "offered", |share| {
            share["state"] == "offered"
        })
        .await;
    let answers = async |body: Value| {
        let mut asked = json!({"id": share["id"], "accept": true, "roles": ["store"]});
        asked.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        chain.visby.apps("AnswerShare", asked).await
    };
    for (body, reason) in [
        (json!({"scopes": ["everything"]}), "scopes"),
        (json!({"roles": []}), "roles"),
        (json!({"roles": ["king"]}), "roles"),
    ] {
        let refused = answers(body).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_ARGUMENT", "{refused}");
        assert_eq!(refused.parameters["field"], reason, "{refused}");
    }
    answers(json!({"startsPerDay": 2})).await.unwrap();
    chain
        .luebeck
        .share_becomes("product_intake", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    let (_, clerk) = chain.visby.employs(&chain.here.node, "Astrid", &["store"]).await;
    let (_, buyer) = chain.visby.employs(&chain.here.node, "Berit", &["buyer"]).await;
    assert_eq!(chain.begins(&buyer).await.unwrap_err().reason, "APP_ROLES");
    let id = chain.begins(&clerk).await.unwrap();
    let refused = buyer.acts(&id, "propose", 0, proposal()).await.unwrap_err();
    assert_eq!(refused.reason, "APP_ROLES", "{refused}");
    let contents = with_photo(&clerk).await;
    let refused = clerk.acts(&id, "propose", 0, contents).await.unwrap_err();
    assert_eq!(refused.reason, "SCOPE", "{refused}");
    clerk.acts(&id, "propose", 0, proposal()).await.unwrap();
    chain.luebeck.comes(&id, "proposed").await;
    chain.begins(&clerk).await.unwrap();
    assert_eq!(chain.begins(&clerk).await.unwrap_err().reason, "STARTS_PER_DAY");
    // Names are given only where that was agreed to.
    answers(json!({"scopes": ["staff_names"]})).await.unwrap();
    let id = chain.begins(&clerk).await.unwrap();
    clerk.acts(&id, "propose", 0, proposal()).await.unwrap();
    chain.luebeck.comes(&id, "proposed").await;
    let versions = chain
        .luebeck
        .call(
            "documents.v1.DocumentsStaffService/ListVersions",
            json!({"documentId": id}),
        )
        .await;
    clerk.comes(&id, "proposed").await;
    assert_eq!(versions["versions"][0]["actor"], "Astrid");
    let bench = clerk.apps("GetWorkbench", json!({})).await.unwrap();
    let app = &bench["apps"][0];
    assert_eq!(
        (&app["open"], &app["waiting"], &app["mayBegin"]),
        (&json!(3), &json!(1), &json!(true)),
        "{bench:#}"
    );
    assert_eq!(buyer.apps("GetWorkbench", json!({})).await.unwrap()["apps"], json!([]));
    let bench = chain.luebeck.apps("GetWorkbench", json!({})).await.unwrap();
    assert_eq!(
        (&bench["apps"][0]["waiting"], &bench["apps"][0]["mayBegin"]),
        (&json!(2), &json!(false)),
        "{bench:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_a_share_is_heard_at_once_and_what_runs_is_finished() {
    let chain = chain().await;
    chain
        .visby
        .accepts_app("product_intake", &chain.link, &[], &["owner"])
        .await;
    let share = chain
        .luebeck
        .share_becomes("product_intake", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    let id = chain.begins(&chain.visby).await.unwrap();
    let waits = chain.begins(&chain.visby).await.unwrap();
    chain.visby.acts(&id, "propose", 0, proposal()).await.unwrap();
    chain.luebeck.comes(&id, "proposed").await;
    let body = json!({"id": share["id"], "note": "The season is over."});
    let ended = chain.luebeck.apps("EndShare", body.clone()).await.unwrap();
    assert_eq!(ended["share"]["state"], "ended");
    let again = chain.luebeck.apps("EndShare", body).await.unwrap();
    assert_eq!(again["share"]["state"], "ended");
    let seen = chain
        .visby
        .share_becomes("product_intake", &chain.link, "ended", |share| {
            share["state"] == "ended"
        })
        .await;
    assert_eq!(seen["note"], "The season is over.");
    let refused = chain.begins(&chain.visby).await.unwrap_err();
    assert_eq!(refused.reason, "SHARE_ENDED", "{refused}");
    let refused = chain.visby.acts(&waits, "propose", 0, proposal()).await.unwrap_err();
    assert_eq!(refused.reason, "SHARE_ENDED", "{refused}");
    chain.luebeck.acts(&id, "adopt", 1, adoption()).await.unwrap();
    chain.visby.comes(&id, "adopted").await;
    let body = json!({"id": share["id"], "accept": true, "roles": ["owner"]});
    assert_eq!(
        chain.visby.apps("AnswerShare", body).await.unwrap_err().reason,
        "SHARE_CLOSED"
    );
    // Offered again, it asks again.
    chain.luebeck.shares("product_intake", &chain.link).await;
    chain
        .visby
        .accepts_app("product_intake", &chain.link, &[], &["owner"])
        .await;
    chain
        .luebeck
        .share_becomes("product_intake", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    chain.visby.acts(&waits, "propose", 0, proposal()).await.unwrap();
    chain.luebeck.comes(&waits, "proposed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_publisher_says_stop_nothing_goes_on_after_the_end() {
    let chain = chain().await;
    let mut manifest = intake();
    manifest["app"] = json!("stopping");
    manifest["running"] = json!("stop");
    let kind = text(&chain.luebeck.publishes(&manifest).await["kind"]);
    let chain = Chain { kind, ..chain };
    chain.luebeck.shares("stopping", &chain.link).await;
    let share = chain.visby.accepts_app("stopping", &chain.link, &[], &["owner"]).await;
    chain
        .luebeck
        .share_becomes("stopping", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    let id = chain.begins(&chain.visby).await.unwrap();
    chain.visby.acts(&id, "propose", 0, proposal()).await.unwrap();
    chain.luebeck.comes(&id, "proposed").await;
    chain.visby.comes(&id, "proposed").await;
    // The partner may end it as well.
    chain.visby.apps("EndShare", json!({"id": share["id"]})).await.unwrap();
    assert_eq!(
        chain
            .visby
            .acts(&id, "take_back", 1, json!({}))
            .await
            .unwrap_err()
            .reason,
        "SHARE_ENDED"
    );
    chain
        .luebeck
        .share_becomes("stopping", &chain.link, "ended", |share| share["state"] == "ended")
        .await;
    assert_eq!(
        chain
            .luebeck
            .acts(&id, "adopt", 1, adoption())
            .await
            .unwrap_err()
            .reason,
        "SHARE_ENDED"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_version_is_taken_by_itself_unless_it_asks_for_more() {
    let chain = chain().await;
    chain
        .visby
        .accepts_app("product_intake", &chain.link, &["files", "staff_names"], &["owner"])
        .await;
    chain
        .luebeck
        .share_becomes("product_intake", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    let tea = json!({"product": {"name": "Tea"}, "region": "Gotland"});
    let tea = json!({"proposal": {"form": {"json": tea.to_string()}}});
    let old = chain.begins(&chain.visby).await.unwrap();
    chain.visby.acts(&old, "propose", 0, tea).await.unwrap();
    chain.luebeck.comes(&old, "proposed").await;
    let mut next = intake();
    next["version"] = json!(2);
    next["acts"]["adopt"]["guard"] = json!("form.sku.startsWith('HL')");
    chain.luebeck.publishes(&next).await;
    chain
        .luebeck
        .share_becomes("product_intake", &chain.link, "at version 2", |share| {
            share["version"] == 2
        })
        .await;
    // What runs is finished by the version that it began with; what begins is of the next.
    let other = json!({"adoption": {"form": {"json": "{\"sku\": \"XX\"}"}}});
    chain.luebeck.acts(&old, "adopt", 1, other.clone()).await.unwrap();
    chain.visby.comes(&old, "adopted").await;
    let new = chain.begins(&chain.visby).await.unwrap();
    chain.visby.acts(&new, "propose", 0, proposal()).await.unwrap();
    chain.luebeck.comes(&new, "proposed").await;
    let refused = chain.luebeck.acts(&new, "adopt", 1, other).await.unwrap_err();
    assert_eq!(refused.reason, "GUARD", "{refused}");
    chain.luebeck.acts(&new, "adopt", 1, adoption()).await.unwrap();
    chain.visby.comes(&new, "adopted").await;
    // With less given, what asks for more than that waits, and what is in use stays.
    let share = chain
        .visby
        .share_becomes("product_intake", &chain.link, "there", |_| true)
        .await;
    let less = json!({"id": share["id"], "accept": true, "scopes": ["files"], "roles": ["owner"]});
    chain.visby.apps("AnswerShare", less.clone()).await.unwrap();
    next["version"] = json!(3);
    chain.luebeck.publishes(&next).await;
    let share = chain
        .visby
        .share_becomes("product_intake", &chain.link, "offered version 3", |share| {
            share["offeredVersion"] == 3
        })
        .await;
    assert_eq!((&share["state"], &share["version"]), (&json!("accepted"), &json!(2)));
    chain.begins(&chain.visby).await.unwrap();
    let share = chain.visby.apps("AnswerShare", less).await.unwrap();
    assert_eq!(share["share"]["version"], 3);
    // What was published never changes.
    next["title"]["en"] = json!("Another title");
    let body = json!({"manifest": next.to_string()});
    assert_eq!(
        chain.luebeck.apps("PublishApp", body).await.unwrap_err().reason,
        "NOT_NEXT"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_with_whom_nothing_is_shared_begins_nothing() {
    let chain = chain().await;
    let gotland = chain.here.enterprise("Gotland").await;
    let link = chain.luebeck.links_with(&gotland, json!({}), json!({})).await;
    // It has the very same manifest as a kind of its own.
    let manifest = chain
        .luebeck
        .apps("LintApp", json!({"manifest": intake().to_string()}))
        .await
        .unwrap();
    let body = json!({"definition": manifest["kind"]});
    gotland.call("documents.v1.DocumentsStaffService/PutKind", body).await;
    let body = json!({"kind": chain.kind, "links": {"headquarters": link}});
    let refused = gotland
        .try_call("documents.v1.DocumentsStaffService/CreateDocument", body)
        .await;
    assert_eq!(refused.unwrap_err().reason, "GRANT");
    assert_eq!(gotland.apps("ListApps", json!({})).await.unwrap()["apps"], json!([]));
    // Nor may headquarters be asked by somebody whose admin has not accepted.
    let share = chain.luebeck.shares("product_intake", &link).await;
    let body = json!({"kind": chain.kind, "links": {"headquarters": link}});
    gotland
        .share_becomes("product_intake", &link, "offered", |share| share["state"] == "offered")
        .await;
    let refused = gotland
        .try_call("documents.v1.DocumentsStaffService/CreateDocument", body)
        .await;
    assert_eq!(refused.unwrap_err().reason, "NOT_ACCEPTED");
    let no = json!({"id": share["id"], "accept": false, "note": "Not for us."});
    gotland.apps("AnswerShare", no).await.unwrap();
    let seen = chain
        .luebeck
        .share_becomes("product_intake", &link, "declined", |share| {
            share["state"] == "declined"
        })
        .await;
    assert_eq!(seen["note"], "Not for us.");
}

#[tokio::test(flavor = "multi_thread")]
async fn headquarters_sees_what_comes_in_by_region_and_finds_it_by_what_was_said() {
    let chain = chain().await;
    chain
        .visby
        .accepts_app("product_intake", &chain.link, &[], &["owner"])
        .await;
    chain
        .luebeck
        .share_becomes("product_intake", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    let mut last = String::new();
    for (region, gtin) in [
        ("Gotland", "4006381333931"),
        ("Gotland", "5449000000996"),
        ("Skåne", "4006381333931"),
    ] {
        let fields = json!({"product": {"gtin": gtin}, "region": region, "reason": "It sells"});
        let id = chain.begins(&chain.visby).await.unwrap();
        let contents = json!({"proposal": {"form": {"json": fields.to_string()}}});
        chain.visby.acts(&id, "propose", 0, contents).await.unwrap();
        chain.luebeck.comes(&id, "proposed").await;
        chain.visby.comes(&id, "proposed").await;
        last = id;
    }
    chain.luebeck.acts(&last, "adopt", 1, adoption()).await.unwrap();
    let board = async |by: &str| {
        let body = json!({"kind": chain.kind, "by": by});
        chain
            .luebeck
            .try_call("documents.v1.DocumentsStaffService/GetBoard", body)
            .await
    };
    let cells = board("region").await.unwrap()["cells"].clone();
    let cells: Vec<_> = cells
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| (text(&cell["value"]), text(&cell["state"]), text(&cell["documents"])))
        .collect();
    let expected = [("Gotland", "proposed", "2"), ("Skåne", "adopted", "1")];
    assert_eq!(
        cells,
        expected.map(|(value, state, many)| (value.to_owned(), state.to_owned(), many.to_owned()))
    );
    // A field that is not marked lies nowhere beside the document.
    assert_eq!(board("reason").await.unwrap_err().parameters["field"], "by");
    let body = json!({"kind": chain.kind, "factName": "product", "factValue": "4006381333931"});
    let found = chain
        .luebeck
        .call("documents.v1.DocumentsStaffService/ListDocuments", body)
        .await;
    let found = found["documents"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[0]["facts"],
        json!({"product": "4006381333931", "region": "Skåne"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_headquarters_adopts_is_in_its_catalogue_and_what_clashes_there_is_not_adopted() {
    let chain = chain().await;
    chain
        .visby
        .accepts_app("product_intake", &chain.link, &[], &["owner"])
        .await;
    chain
        .luebeck
        .share_becomes("product_intake", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    let mut proposed = Vec::new();
    for _ in 0..2 {
        let id = chain.begins(&chain.visby).await.unwrap();
        chain.visby.acts(&id, "propose", 0, proposal()).await.unwrap();
        chain.luebeck.comes(&id, "proposed").await;
        proposed.push(id);
    }
    chain.luebeck.acts(&proposed[0], "adopt", 1, adoption()).await.unwrap();
    let known = async |who: &Enterprise| {
        let body = json!({"code": "4006381333931"});
        who.try_call("inventory.v1.InventoryStaffService/LookupItem", body)
            .await
    };
    let found = known(&chain.luebeck).await.unwrap();
    assert_eq!(
        (&found["found"][0]["sku"], &found["found"][0]["name"]),
        (&json!("HL-1"), &json!("Highlighter")),
        "{found:#}"
    );
    // The other proposal is of the same product: under another number it would be a second article.
    let other = json!({"adoption": {"form": {"json": "{\"sku\": \"HL-2\"}"}}});
    let refused = chain.luebeck.acts(&proposed[1], "adopt", 1, other).await.unwrap_err();
    assert_eq!(refused.parameters["field"], "gtin", "{refused}");
    assert_eq!(
        chain.luebeck.document(&proposed[1]).await.unwrap()["state"],
        "proposed",
        "nothing is half done"
    );
    chain.luebeck.acts(&proposed[1], "adopt", 1, adoption()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_of_an_app_in_a_partners_house_needs_that_partners_yes() {
    let chain = chain().await;
    let mut manifest = intake();
    manifest["app"] = json!("assortment");
    let effect = json!({"do": "adopt_item", "at": "franchisee", "with": {"sku": "sku", "product": "product"}});
    manifest["acts"]["adopt"]["effects"] = json!([effect]);
    let refused = chain
        .luebeck
        .apps("PublishApp", json!({"manifest": manifest.to_string()}))
        .await
        .unwrap_err();
    assert!(refused.text.contains("scope-missing"), "{refused}");
    let scope =
        json!({"scope": "catalogue", "why": {"en": "So that what is adopted can be ordered."}, "optional": true});
    manifest["scopes"].as_array_mut().unwrap().push(scope);
    let kind = text(&chain.luebeck.publishes(&manifest).await["kind"]);
    chain.luebeck.shares("assortment", &chain.link).await;
    let chain = Chain { kind, ..chain };
    let share = chain
        .visby
        .accepts_app("assortment", &chain.link, &[], &["owner"])
        .await;
    let adopts = async || {
        let id = chain.begins(&chain.visby).await.unwrap();
        chain.visby.acts(&id, "propose", 0, proposal()).await.unwrap();
        chain.luebeck.comes(&id, "proposed").await;
        chain.luebeck.acts(&id, "adopt", 1, adoption()).await.unwrap();
        chain.visby.comes(&id, "adopted").await;
        let body = json!({"code": "4006381333931"});
        let found = chain
            .visby
            .call("inventory.v1.InventoryStaffService/LookupItem", body)
            .await;
        found["found"][0]["sku"] == "HL-1"
    };
    chain
        .luebeck
        .share_becomes("assortment", &chain.link, "accepted", |share| {
            share["state"] == "accepted"
        })
        .await;
    assert!(!adopts().await, "nobody has agreed to that");
    let body = json!({"id": share["id"], "accept": true, "scopes": ["catalogue"], "roles": ["owner"]});
    chain.visby.apps("AnswerShare", body).await.unwrap();
    assert!(adopts().await);
}
