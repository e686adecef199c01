//! What comes of acts: each effect where it was given and nowhere else, and the fourth shipped app, which is made of them.
// covers: I12, I13

use hansa_tests::{Enterprise, House, house::text};
use serde_json::{Value, json};

use super::{
    apps::{adoption, chain, proposal},
    members::PURPOSE,
};

const COUPON_JOIN: &str = include_str!("../../services/apps/manifests/coupon_join.json");

/// A brand with a club and a kind of coupon, and a store at which people join it.
struct Counter {
    _there: House,
    here: House,
    brand: Enterprise,
    store: Enterprise,
    link: String,
    kind: String,
}

fn granted() -> Value {
    json!({
        "enrolments": [{"pool": "club", "purpose": PURPOSE, "perDayMax": 20}],
        "loyalty": [{"pool": "club", "coupons": true}],
    })
}

async fn counter(grant: Value) -> Counter {
    let (there, here) = (House::new().await, House::new().await);
    let (brand, store) = (
        there.enterprise("Visby Tea").await,
        here.enterprise("Lübeck Stores").await,
    );
    brand.pools("club").await;
    brand.makes_coupons("welcome", json!({"pool": "club"})).await.unwrap();
    let link = brand.links_with(&store, grant, json!({})).await;
    let app = brand.publishes(&serde_json::from_str(COUPON_JOIN).unwrap()).await;
    brand.shares("coupon_join", &link).await;
    store.accepts_app("coupon_join", &link, &[], &["store", "owner"]).await;
    brand
        .share_becomes("coupon_join", &link, "accepted", |share| share["state"] == "accepted")
        .await;
    Counter {
        kind: text(&app["kind"]),
        _there: there,
        here,
        brand,
        store,
        link,
    }
}

fn form(section: &str, fields: &Value) -> Value {
    json!({section: {"form": {"json": fields.to_string()}}})
}

/// What a section of a document says.
fn said(document: &Value, section: &str) -> Value {
    serde_json::from_str(&text(&document["contents"][section]["form"]["json"])).unwrap()
}

impl Counter {
    async fn visit(&self, who: &Enterprise, phone: &str) -> String {
        let id = who.begins(&self.kind, json!({"brand": self.link})).await;
        let fields = json!({"phone": phone, "guide": "G-17"});
        who.acts(&id, "join", 0, form("visit", &fields)).await.unwrap();
        id
    }

    async fn shows(&self, who: &Enterprise, id: &str, code: &str, amount: &str) -> Result<Value, hansa_vocab::Fault> {
        let base = who.document(id).await.unwrap()["version"].clone();
        let fields = json!({"shown": code, "basket": {"amount": amount, "currency": "EUR"}, "receipt": "R-1"});
        let base = text(&base).parse().unwrap();
        who.acts(id, "redeem", base, form("basket", &fields)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_joins_at_a_partners_counter_and_redeems_the_coupon_once() {
    let counter = counter(granted()).await;
    let (_, clerk) = counter.store.employs(&counter.here.node, "Astrid", &["store"]).await;
    let id = counter.visit(&clerk, "+8613800138000").await;
    let here = clerk.comes(&id, "has_coupon").await;
    let coupon = said(&here, "coupon");
    assert_eq!(coupon["benefit"], "10 euros off");
    let known = counter.brand.known_by("club", "+8613800138000").await;
    assert!(!known.is_null(), "the brand has a member");
    let code = text(&coupon["code"]);
    // Too little is bought: nothing is used up, and it can be shown again.
    counter.shows(&clerk, &id, &code, "20.00").await.unwrap();
    let back = clerk
        .becomes(&id, "told why", |document| !document["contents"]["why"].is_null())
        .await;
    assert_eq!(back["state"], "has_coupon");
    assert!(text(&said(&back, "why")["reason"]).contains("50"), "{back}");
    counter.shows(&clerk, &id, &code, "80.00").await.unwrap();
    let done = clerk.comes(&id, "redeemed").await;
    assert_eq!(
        said(&done, "redemption")["discount"],
        json!({"amount": "10.00", "currency": "EUR"})
    );
    assert_eq!(done["root"], counter.brand.comes(&id, "redeemed").await["root"]);
    assert_eq!(clerk.verifies(&id).await["flaws"], json!([]));
    // Another visit with the same code, and somebody who was a member before: the same words as for somebody new.
    let second = counter.visit(&clerk, "+8613800138000").await;
    clerk.comes(&second, "has_coupon").await;
    counter.shows(&clerk, &second, &code, "80.00").await.unwrap();
    let refused = clerk
        .becomes(&second, "has_coupon", |document| !document["contents"]["why"].is_null())
        .await;
    assert!(text(&said(&refused, "why")["reason"]).contains("redeemed"), "{refused}");
    let deeds = counter
        .brand
        .apps("ListDeeds", json!({"documentId": id}))
        .await
        .unwrap();
    let done: Vec<_> = deeds["deeds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|deed| (text(&deed["effect"]), deed["done"] == true))
        .collect();
    let named = |name: &str, done| (name.to_owned(), done);
    assert_eq!(
        done,
        [
            named("enrol_member", true),
            named("issue_coupon", true),
            named("redeem_coupon", false),
            named("redeem_coupon", true)
        ]
    );
    assert!(!deeds.to_string().contains(&code), "a code is worth something: {deeds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_does_nothing_for_a_partner_that_its_grants_do_not_allow() {
    // The app was accepted and the link is open, but nobody may enrol into the club.
    let none = counter(json!({})).await;
    let id = none.visit(&none.store, "+8613800138000").await;
    let turned = none.store.comes(&id, "not_joined").await;
    assert!(
        text(&said(&turned, "why")["reason"]).contains("not granted"),
        "{turned}"
    );
    assert!(none.brand.known_by("club", "+8613800138000").await.is_null());
    // They may enrol, and may not redeem: a coupon that is not for them is not there.
    let mut grant = granted();
    grant.as_object_mut().unwrap().remove("loyalty");
    let half = counter(grant).await;
    let id = half.visit(&half.store, "+8613800138000").await;
    let here = half.store.comes(&id, "has_coupon").await;
    half.shows(&half.store, &id, &text(&said(&here, "coupon")["code"]), "80.00")
        .await
        .unwrap();
    half.store
        .becomes(&id, "has_coupon", |document| !document["contents"]["why"].is_null())
        .await;
    // As many as the grant says on one day.
    let mut grant = granted();
    grant["enrolments"][0]["perDayMax"] = json!(1);
    let few = counter(grant).await;
    let first = few.visit(&few.store, "+8613800138000").await;
    few.store.comes(&first, "has_coupon").await;
    let second = few.visit(&few.store, "+8613800138001").await;
    few.store.comes(&second, "not_joined").await;
    assert!(few.brand.known_by("club", "+8613800138001").await.is_null());
}

/// An app with one act of the publisher's and one effect of it in the partner's house.
fn one_effect(effect: &str, with: &Value, scope: Option<&str>) -> Value {
    let scopes: Vec<_> = scope
        .map(|scope| json!({"scope": scope, "why": {"en": "For the test."}, "optional": true}))
        .into_iter()
        .collect();
    json!({
        "app": format!("try_{effect}"), "version": 1, "title": {"en": "One effect"}, "prefix": "OE",
        "roles": ["headquarters", "franchisee"], "scopes": scopes,
        "sections": {"note": {"is": "form", "audience": ["headquarters", "franchisee"], "schema": {
            "type": "object",
            "properties": {
                "text": {"x-hansa-control": "text", "type": "string", "maxLength": 200},
                "sku": {"x-hansa-control": "text", "type": "string", "maxLength": 40},
                "many": {"x-hansa-control": "number", "type": "integer"},
                "paid": {"x-hansa-control": "money"},
            },
        }}},
        "begins": "draft",
        "states": {"draft": {"waits_for": "headquarters"}, "sent": {"waits_for": "headquarters"}, "over": {"end": true}},
        "acts": {"end": {"by": ["headquarters"], "from": ["sent"], "to": "over"}, "send": {"by": ["headquarters"], "from": ["draft"], "writes": ["note"], "to": "sent",
            "effects": [{"do": effect, "at": "franchisee", "with": with}]}},
    })
}

/// Every effect that may be done in a partner's house, with what it has to be given, and where it shows that it was done.
#[tokio::test(flavor = "multi_thread")]
async fn each_effect_is_done_in_a_partners_house_when_it_was_given_and_not_otherwise() {
    let (there, here) = (House::new().await, House::new().await);
    let (hq, kiosk) = (there.enterprise("Headquarters").await, here.enterprise("Kiosk").await);
    let link = hq.links_with(&kiosk, json!({}), json!({})).await;
    let effects = [
        ("adopt_item", json!({"sku": "sku", "name": "text"}), "catalogue"),
        (
            "create_requisition",
            json!({"sku": "sku", "quantity": "many", "note": "text"}),
            "requisitions",
        ),
        (
            "record_payment",
            json!({"amount": "paid", "reference": "text"}),
            "payments",
        ),
        ("notify", json!({"text": "text", "role": {"is": "owner"}}), "notices"),
        ("post_to_thread", json!({"text": "text"}), "threads"),
    ];
    let fields = json!({"text": "Eleven more, please", "sku": "HL-7", "many": 11, "paid": {"amount": "12.50", "currency": "EUR"}});
    let mut tried = 0;
    for (effect, with, scope) in &effects {
        let refused = hq
            .apps(
                "PublishApp",
                json!({"manifest": one_effect(effect, with, None).to_string()}),
            )
            .await;
        assert!(refused.unwrap_err().text.contains("scope-missing"), "{effect}");
        let app = hq.publishes(&one_effect(effect, with, Some(scope))).await;
        let name = text(&app["name"]);
        hq.shares(&name, &link).await;
        for given in [&[][..], &[*scope]] {
            if given.is_empty() {
                kiosk.accepts_app(&name, &link, given, &["owner"]).await;
            } else {
                let share = kiosk
                    .share_becomes(&name, &link, "accepted", |share| share["state"] == "accepted")
                    .await;
                let body = json!({"id": share["id"], "accept": true, "scopes": given, "roles": ["owner"]});
                kiosk.apps("AnswerShare", body).await.unwrap();
            }
            hq.share_becomes(&name, &link, "answered", |share| {
                share["state"] == "accepted" && share["scopes"] == json!(given)
            })
            .await;
            let id = hq.begins(&text(&app["kind"]), json!({"franchisee": link})).await;
            hq.acts(&id, "send", 0, form("note", &fields)).await.unwrap();
            kiosk.comes(&id, "sent").await;
            let deeds = kiosk.apps("ListDeeds", json!({"documentId": id})).await.unwrap();
            let deed = &deeds["deeds"][0];
            assert_eq!(
                (&deed["effect"], &deed["done"]),
                (&json!(effect), &json!(!given.is_empty())),
                "{deed}"
            );
            assert_eq!(
                shows(&kiosk, effect, &id).await,
                !given.is_empty(),
                "{effect} given {given:?}"
            );
            let nothing = hq.apps("ListDeeds", json!({"documentId": id})).await.unwrap();
            assert_eq!(nothing["deeds"], json!([]), "in the partner's house alone");
            tried += 1;
        }
    }
    assert_eq!(tried, 10);
    for effect in ["call_backend", "enrol_member", "issue_coupon", "redeem_coupon"] {
        let refused = hq
            .apps(
                "PublishApp",
                json!({"manifest": one_effect(effect, &json!({}), None).to_string()}),
            )
            .await;
        assert!(refused.unwrap_err().text.contains("effect-abroad"), "{effect}");
    }
}

/// Where it shows that an effect was done.
async fn shows(kiosk: &Enterprise, effect: &str, document: &str) -> bool {
    match effect {
        "adopt_item" => {
            let body = json!({"item": {"sku": "HL-7"}});
            let levels = kiosk
                .try_call("inventory.v1.InventoryStaffService/ListLevels", body)
                .await;
            levels.is_ok()
        }
        "create_requisition" => {
            let body = json!({"kind": "requisition"});
            let all = kiosk
                .call("documents.v1.DocumentsStaffService/ListDocuments", body)
                .await;
            let all = all["documents"].as_array().unwrap().clone();
            let Some(first) = all.first() else { return false };
            let whole = kiosk.document(&text(&first["id"])).await.unwrap();
            let line = &whole["contents"]["lines"]["lines"]["lines"][0];
            assert_eq!(
                (&line["sku"], &line["quantity"]["value"]),
                (&json!("HL-7"), &json!("11")),
                "{whole}"
            );
            assert_eq!(whole["state"], "approved");
            true
        }
        "notify" => {
            let bench = kiosk.apps("GetWorkbench", json!({})).await.unwrap();
            bench["notices"][0]["text"] == "Eleven more, please"
        }
        "post_to_thread" => {
            let body = json!({"subject": {"documentId": document}});
            let read = kiosk
                .try_call("conversations.v1.ConversationsStaffService/GetThread", body)
                .await;
            read.is_ok_and(|read| read["entries"][0]["text"] == "Eleven more, please")
        }
        _ => {
            let deeds = kiosk.apps("ListDeeds", json!({"documentId": document})).await.unwrap();
            text(&deeds["deeds"][0]["said"]).contains("\"minor\":1250")
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_asks_for_goes_through_the_flows_of_the_house() {
    let (there, here) = (House::new().await, House::new().await);
    let (hq, kiosk) = (there.enterprise("Headquarters").await, here.enterprise("Kiosk").await);
    let link = hq.links_with(&kiosk, json!({}), json!({})).await;
    let (_, boss) = kiosk.employs(&here.node, "Berta", &["approver"]).await;
    let flow = json!({
        "name": "requisitions", "version": 1, "title": {"en": "Requisitions"}, "on": {"kind": "requisition", "act": "submit"},
        "steps": [{"name": "boss", "by": {"role": "approver"}}],
    });
    super::approvals::puts(&kiosk, flow).await.unwrap();
    let with = json!({"sku": "sku", "quantity": "many"});
    let app = hq
        .publishes(&one_effect("create_requisition", &with, Some("requisitions")))
        .await;
    let name = text(&app["name"]);
    hq.shares(&name, &link).await;
    kiosk.accepts_app(&name, &link, &["requisitions"], &["owner"]).await;
    hq.share_becomes(&name, &link, "accepted", |share| share["state"] == "accepted")
        .await;
    let id = hq.begins(&text(&app["kind"]), json!({"franchisee": link})).await;
    hq.acts(&id, "send", 0, form("note", &json!({"sku": "HL-7", "many": 3})))
        .await
        .unwrap();
    kiosk.comes(&id, "sent").await;
    let body = json!({"which": "WHICH_TO_DECIDE"});
    let asked = boss.call("workflow.v1.WorkflowStaffService/ListApprovals", body).await;
    let approval = text(&asked["approvals"][0]["id"]);
    let of = text(&asked["approvals"][0]["subjectId"]);
    assert_eq!(kiosk.document(&of).await.unwrap()["state"], "draft");
    super::approvals::decides(&boss, &approval, "APPROVE", "")
        .await
        .unwrap();
    assert_eq!(kiosk.document(&of).await.unwrap()["state"], "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_holds_a_partners_stock_only_when_that_was_given() {
    let (there, here) = (House::new().await, House::new().await);
    let (hq, kiosk) = (there.enterprise("Headquarters").await, here.enterprise("Kiosk").await);
    let link = hq.links_with(&kiosk, json!({}), json!({})).await;
    kiosk.has(&[("TEA-1", 50)]).await;
    let manifest = json!({
        "app": "recall", "version": 1, "title": {"en": "Recall"}, "prefix": "RC", "roles": ["headquarters", "franchisee"],
        "scopes": [{"scope": "stock", "why": {"en": "What is recalled must not be sold."}, "optional": true}],
        "sections": {"goods": {"is": "lines", "audience": ["headquarters", "franchisee"]}},
        "begins": "draft",
        "states": {
            "draft": {"waits_for": "headquarters"},
            "recalled": {"waits_for": "headquarters", "stock": {"franchisee": "promised"}},
            "over": {"end": true},
        },
        "acts": {
            "recall": {"by": ["headquarters"], "from": ["draft"], "writes": ["goods"], "to": "recalled"},
            "remind": {"by": ["headquarters"], "from": ["recalled"], "to": "recalled"},
            "end": {"by": ["headquarters"], "from": ["recalled"], "to": "over"},
        },
    });
    let app = hq.publishes(&manifest).await;
    hq.shares("recall", &link).await;
    kiosk.accepts_app("recall", &link, &[], &["owner"]).await;
    let recalls = async || {
        let id = hq.begins(&text(&app["kind"]), json!({"franchisee": link})).await;
        let goods = json!({"goods": {"lines": {"lines": [{"id": "1", "sku": "TEA-1", "quantity": {"value": 7}}]}}});
        hq.acts(&id, "recall", 0, goods).await.unwrap();
        kiosk.comes(&id, "recalled").await;
        (id, kiosk.level("TEA-1").await)
    };
    hq.share_becomes("recall", &link, "accepted", |share| share["state"] == "accepted")
        .await;
    assert_eq!(recalls().await.1, (50, 0), "(on hand, reserved)");
    let share = kiosk
        .share_becomes("recall", &link, "accepted", |share| share["state"] == "accepted")
        .await;
    let body = json!({"id": share["id"], "accept": true, "scopes": ["stock"], "roles": ["owner"]});
    kiosk.apps("AnswerShare", body).await.unwrap();
    let (id, level) = recalls().await;
    assert_eq!(level, (50, 7));
    hq.acts(&id, "end", 1, json!({})).await.unwrap();
    kiosk.comes(&id, "over").await;
    assert_eq!(kiosk.level("TEA-1").await, (50, 0));
    // What was given and is no more is let go with the next act.
    let (id, level) = recalls().await;
    assert_eq!(level, (50, 7));
    let body = json!({"id": share["id"], "accept": true, "scopes": [], "roles": ["owner"]});
    kiosk.apps("AnswerShare", body).await.unwrap();
    hq.acts(&id, "remind", 1, json!({})).await.unwrap();
    kiosk.becomes(&id, "at 2", |document| document["version"] == "2").await;
    assert_eq!(kiosk.level("TEA-1").await, (50, 0));
    kiosk.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_act_whose_effect_can_not_be_leaves_nothing_of_itself_behind() {
    let chain = chain().await;
    chain
        .visby
        .accepts_app("product_intake", &chain.link, &["files"], &["owner"])
        .await;
    let id = chain.begins(&chain.visby).await.unwrap();
    chain.visby.acts(&id, "propose", 0, proposal()).await.unwrap();
    chain.luebeck.comes(&id, "proposed").await;
    // Lübeck has an article of that number, which is counted in kilograms.
    let row = hansa_proto::inventory::v1::ImportRow {
        sku: "HL-1".to_owned(),
        name: "Highlighter, loose".to_owned(),
        unit: "KGM".to_owned(),
        location: "MAIN".to_owned(),
        quantity: "1".to_owned(),
        ..Default::default()
    };
    chain.luebeck.imports(vec![row], false).await;
    let (_, boss) = chain.luebeck.employs(&chain.there.node, "Berta", &["approver"]).await;
    let flow = json!({
        "name": "adoptions", "version": 1, "title": {"en": "Adoptions"}, "on": {"kind": chain.kind, "act": "adopt"},
        "steps": [{"name": "boss", "by": {"role": "approver"}}],
    });
    super::approvals::puts(&chain.luebeck, flow).await.unwrap();
    let held = chain.luebeck.acts(&id, "adopt", 1, adoption()).await.unwrap();
    assert_eq!(held["acts"][0]["state"], "held");
    let asked = text(&held["acts"][0]["id"]);
    super::approvals::decides(&boss, &asked, "APPROVE", "").await.unwrap();
    let after = chain.luebeck.document(&id).await.unwrap();
    assert_eq!(
        (&after["state"], &after["version"]),
        (&json!("proposed"), &json!("1")),
        "{after}"
    );
    assert_eq!(after["acts"][0]["state"], "refused");
}
