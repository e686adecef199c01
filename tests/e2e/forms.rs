//! Forms: a request of an enterprise's own making, as data: what people fill in, who approves it, and what a partner gets.
// covers: I8, I13

use data_encoding::HEXLOWER;
use hansa_tests::{Enterprise, House, house::text};
use serde_json::{Value, json};

use super::approvals::{decides, puts, shop};

const PHOTO: &[u8] = include_bytes!("../data/photo.jpg");

/// A request for an outlay: asked inside, or of a partner when `roles` are two.
fn outlay(roles: &[&str]) -> Value {
    let schema = json!({
        "type": "object", "required": ["what", "cost"],
        "properties": {
            "what": {"title": "What for", "x-hansa-titles": {"de": "Wofür"}, "x-hansa-control": "text", "type": "string", "maxLength": 100},
            "cost": {"title": "Cost", "x-hansa-control": "money", "x-hansa-total": true},
            "urgency": {"x-hansa-control": "select", "enum": ["low", "high"]},
            "photo": {"x-hansa-control": "file"},
            "items": {"title": "Items", "x-hansa-control": "table", "type": "array", "items": {
                "type": "object", "required": ["article"],
                "properties": {"article": {"x-hansa-control": "product"}, "pieces": {"x-hansa-control": "number", "type": "integer", "minimum": 1}},
            }},
        },
    });
    json!({
        "name": "outlay", "version": 1, "title": {"en": "Outlay", "de": "Ausgabe"}, "prefix": "OL", "roles": roles,
        "sections": {
            "form": {"is": "form", "audience": roles, "schema": schema},
            "inside": {"is": "form", "audience": [roles[0]], "schema": {
                "type": "object", "properties": {"margin": {"x-hansa-control": "number"}},
            }},
        },
        "begins": "draft",
        "states": {"draft": {"waits_for": roles[0]}, "granted": {}, "cancelled": {"end": true}},
        "acts": {
            "submit": {"by": [roles[0]], "from": ["draft"], "writes": ["form", "inside"], "to": "granted"},
            "cancel": {"by": [roles[0]], "from": ["draft"], "to": "cancelled"},
        },
    })
}

fn form(fields: &Value) -> Value {
    json!({"form": {"form": {"json": fields.to_string()}}, "inside": {"form": {"json": "{\"margin\": 7}"}}})
}

fn lamp(cost: &str) -> Value {
    json!({"what": "a lamp", "cost": {"amount": cost, "currency": "EUR"}, "urgency": "high"})
}

async fn knows(enterprise: &Enterprise, kind: &Value) -> Result<Value, hansa_vocab::Fault> {
    let body = json!({"definition": kind.to_string()});
    enterprise
        .try_call("documents.v1.DocumentsStaffService/PutKind", body)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_filled_in_decides_who_approves_and_a_change_of_it_asks_again() {
    let shop = shop().await;
    knows(&shop.luebeck, &outlay(&["requester"])).await.unwrap();
    let steps = json!([
        {"name": "manager", "by": {"role": "approver"}},
        {"name": "large", "when": "total >= money('1000', 'EUR') || form.urgency == 'low'", "by": {"role": "buyer"}},
        {"name": "never", "when": "form.cost.minor < 0", "by": {"role": "buyer"}},
    ]);
    let flow = json!({"name": "outlays", "version": 1, "title": {"en": "Outlays"}, "on": {"kind": "outlay", "act": "submit"}, "steps": steps});
    puts(&shop.luebeck, flow).await.unwrap();
    let names = async |fields: Value| {
        let id = shop.clerk.begins("outlay", json!({})).await;
        let body = json!({"id": id, "act": "submit", "contents": form(&fields)});
        let asked = shop
            .clerk
            .call("documents.v1.DocumentsStaffService/PreviewAct", body)
            .await;
        let steps = asked["steps"].as_array().unwrap().iter();
        steps.map(|step| text(&step["name"])).collect::<Vec<_>>()
    };
    assert_eq!(names(lamp("999.99")).await, ["manager"]);
    assert_eq!(names(lamp("1000")).await, ["manager", "large"]);
    let id = shop.clerk.begins("outlay", json!({})).await;
    let asked = shop.clerk.acts(&id, "submit", 0, form(&lamp("20"))).await.unwrap();
    let first = text(&asked["acts"][0]["id"]);
    let approval = shop
        .ada
        .1
        .call("workflow.v1.WorkflowStaffService/GetApproval", json!({"id": first}))
        .await;
    assert_eq!(approval["approval"]["state"], "open", "{approval:#}");
    // Asked again with another amount: the first request is over.
    let asked = shop.clerk.acts(&id, "submit", 0, form(&lamp("30"))).await.unwrap();
    let second = text(&asked["acts"][0]["id"]);
    assert!(decides(&shop.ada.1, &first, "APPROVE", "").await.is_err());
    decides(&shop.ada.1, &second, "APPROVE", "").await.unwrap();
    let granted = shop.clerk.document(&id).await.unwrap();
    assert_eq!(granted["state"], "granted");
    let json: Value = serde_json::from_str(&text(&granted["contents"]["form"]["form"]["json"])).unwrap();
    assert_eq!(json["cost"]["amount"], "30");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_as_the_form_says_is_named_and_nothing_is_done() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    knows(&visby, &outlay(&["requester"])).await.unwrap();
    let id = visby.begins("outlay", json!({})).await;
    for (fields, why) in [
        (json!({"what": "a lamp"}), "cost"),
        (
            json!({"what": "a lamp", "cost": {"amount": "many", "currency": "EUR"}}),
            "/cost",
        ),
        (
            json!({"what": "a lamp", "cost": {"amount": "1", "currency": "EUR"}, "colour": "red"}),
            "/colour",
        ),
        (json!([]), "an object"),
    ] {
        let refused = visby.acts(&id, "submit", 0, form(&fields)).await.unwrap_err();
        assert!(refused.text.contains(why), "{why}: {refused}");
    }
    assert_eq!(visby.document(&id).await.unwrap()["version"], "0");
    // And a kind whose form is none is refused by name.
    let mut kind = outlay(&["requester"]);
    kind["name"] = json!("other");
    kind["sections"]["form"]["schema"]["properties"]["what"]["$ref"] = json!("https://example.org/schema");
    let refused = knows(&visby, &kind).await.unwrap_err();
    assert!(refused.text.contains("$ref"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_with_the_same_form_reads_it_with_its_photo_and_never_what_is_kept_inside() {
    let (here, there) = (House::new().await, House::new().await);
    let (bergen, luebeck) = (here.enterprise("Bergen").await, there.enterprise("Lübeck").await);
    let grant = json!({"documentKinds": ["outlay"]});
    let link = bergen.links_with(&luebeck, grant.clone(), grant).await;
    let kind = outlay(&["asks", "pays"]);
    knows(&bergen, &kind).await.unwrap();
    knows(&luebeck, &kind).await.unwrap();
    let photo = luebeck.brings("lamp.jpg", "image/jpeg", PHOTO).await.unwrap();
    let hash = base64_bytes(&photo["hash"]);
    let mut fields = lamp("12.50");
    fields["photo"] = json!(HEXLOWER.encode(&hash));
    fields["items"] = json!([{"article": {"gtin": "4006381333931"}, "pieces": 2}]);
    let mut contents = form(&fields);
    contents["form"]["form"]["files"] = json!([photo]);
    let id = luebeck.begins("outlay", json!({"pays": link})).await;
    let sent = luebeck.acts(&id, "submit", 0, contents).await.unwrap();
    let has = |document: &Value| document["pendingFiles"].as_array().is_some_and(Vec::is_empty);
    let got = bergen
        .becomes(&id, "whole", |document| document["state"] == "granted" && has(document))
        .await;
    assert_eq!(got["root"], sent["root"]);
    assert_eq!(
        got["contents"]["form"]["form"]["json"],
        fields.to_string(),
        "byte for byte"
    );
    assert_eq!(got["contents"]["inside"], Value::Null, "{got:#}");
    let (ours, theirs) = (
        luebeck.reads(&id, &photo).await.unwrap(),
        bergen.reads(&id, &photo).await.unwrap(),
    );
    assert!(!ours.is_empty() && ours == theirs);
    let page = bergen
        .call(
            "documents.v1.DocumentsStaffService/PrintDocument",
            json!({"id": id, "language": "de"}),
        )
        .await;
    let page = text(&page["html"]);
    for part in [
        "Ausgabe OL-1",
        "Wofür",
        "a lamp",
        "12.50 EUR",
        "lamp.jpg",
        "4006381333931",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<dt>margin"), "{page}");
    assert_eq!(bergen.verifies(&id).await["flaws"], json!([]));
}

fn base64_bytes(text: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let text = text.as_str().unwrap();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// An app whose one form asks for a colleague, a partner and a place, and ends what it begins.
pub(super) fn visit() -> Value {
    let field = |order: u8, title: &str, control: &str| json!({"x-hansa-order": order, "title": title, "x-hansa-control": control, "type": "string"});
    json!({
        "app": "visit", "version": 1, "title": {"en": "Visits"}, "prefix": "VI", "roles": ["headquarters", "dealer"],
        "started_by": "dealer",
        "sections": {"plan": {"is": "form", "audience": ["headquarters", "dealer"], "schema": {
            "type": "object", "required": ["by_whom"],
            "properties": {
                "by_whom": field(1, "By whom", "staff"), "with_whom": field(2, "With whom", "partner"),
                "place": field(3, "Place", "location"),
            },
        }}},
        "begins": "draft",
        "states": {"draft": {"waits_for": "dealer"}, "planned": {"end": true}},
        "acts": {"plan": {"by": ["dealer"], "from": ["draft"], "writes": ["plan"], "to": "planned"}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_ends_with_its_first_act_is_told_to_whoever_takes_part_whoever_began_it() {
    let (there, here) = (House::new().await, House::new().await);
    let (luebeck, visby) = (there.enterprise("Lübeck").await, here.enterprise("Visby").await);
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    let mut note = visit();
    (note["app"], note["started_by"]) = (json!("note"), json!("headquarters"));
    (note["acts"]["plan"]["by"], note["states"]["draft"]["waits_for"]) =
        (json!(["headquarters"]), json!("headquarters"));
    let form = json!({"plan": {"form": {"json": json!({"by_whom": uuid::Uuid::from_u128(7)}).to_string()}}});
    for (app, begins, hears, role) in [
        (visit(), &visby, &luebeck, "headquarters"),
        (note, &luebeck, &visby, "dealer"),
    ] {
        let kind = text(&luebeck.publishes(&app).await["kind"]);
        let name = text(&app["app"]);
        luebeck.shares(&name, &link).await;
        visby.accepts_app(&name, &link, &[], &["owner"]).await;
        luebeck
            .share_becomes(&name, &link, "accepted", |share| share["state"] == "accepted")
            .await;
        let id = begins.begins(&kind, json!({role: link})).await;
        begins.acts(&id, "plan", 0, form.clone()).await.unwrap();
        for one in [hears, begins] {
            let there = one.comes(&id, "planned").await;
            let said = &there["contents"]["plan"]["form"]["json"];
            assert_eq!(*said, form["plan"]["form"]["json"], "{name} at {}", one.name);
        }
    }
}
