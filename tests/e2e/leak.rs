//! Everything that an enterprise has written carries a canary: it is looked for in every byte that others get, and in what the
//! operator gets.
// covers: I11, I19

use std::{
    io,
    sync::{Arc, Mutex},
};

use hansa_proto::inventory::v1::ImportRow;
use hansa_tests::{Enterprise, House, house::text, members::row as person};
use hansa_vocab::clock::{IdSource as _, SystemIds};
use prost_reflect::{DescriptorPool, Kind};
use serde_json::{Map, Value, json};
use tracing_subscriber::{
    EnvFilter,
    fmt::{MakeWriter, format::FmtSpan},
};

/// Stands in all names, articles, texts and references of the enterprise under test.
const CANARY: &str = "canary7f3a";
/// Stands in what it has not opened to its partner.
const HIDDEN: &str = "hidden9c41";

/// The phone of a member who has agreed to nothing, and of one who has agreed that their city is released.
const SILENT: &str = "13877665544";
const AGREED: &str = "13877665545";
/// Of somebody who enrols at the counter.
const ENROLLED: &str = "13877665546";

/// Members with canaries in every field, one of whom has agreed to something; handed out, matched, released, and taken back.
async fn members(visby: &Enterprise, luebeck: &Enterprise, link: &str) {
    for enterprise in [visby, luebeck] {
        enterprise.pools("loyalty").await;
        let rows = [SILENT, AGREED].into_iter().zip(1..).map(|(phone, line)| {
            let mut one = person(
                line,
                phone,
                &[
                    ("name", &format!("{CANARY} member")),
                    ("city", &format!("{CANARY}-town")),
                ],
            );
            one.email = format!("{CANARY}{line}@example.org");
            one
        });
        enterprise.enrols("loyalty", rows.collect(), false).await;
        let notice = enterprise.notice(link, "joint-offers", &["city"]).await;
        enterprise.agree("loyalty", &notice, [2]).await;
    }
    visby.hands_out("loyalty", link, "joint-offers").await;
    let done = luebeck
        .matches(link, ("loyalty", "joint-offers"), "loyalty", "JOINT")
        .await;
    assert_eq!(done["released"], "1", "{done}");
    let wrong = json!({"pool": "loyalty", "phone": SILENT});
    visby.members("GetMember", wrong).await.unwrap_err();
}

/// A coupon is redeemed by the partner, somebody enrols at the counter and by a page, and goes wrong at both; the coupon's code.
async fn people(visby: &Enterprise, luebeck: &Enterprise, link: &str) -> String {
    visby.gives_points("loyalty").await;
    let benefit = json!({"benefit": format!("{CANARY} off")});
    visby.makes_coupons("autumn", benefit).await.unwrap();
    let (code, id) = (visby.issues("autumn").await, uuid());
    luebeck.holds_coupon(link, &id, &code).await.unwrap();
    luebeck.books("ConfirmBooking", link, &id).await.unwrap();
    luebeck.holds_coupon(link, &uuid(), &code).await.unwrap_err();
    let way = json!({
        "code": "counter", "title": format!("{CANARY} counter"), "pool": "loyalty", "language": "en", "region": "CN",
        "guide": format!("{CANARY}-guide"),
    });
    let made = visby.outreach("PutWay", json!({"way": way})).await.unwrap();
    let person = |phone: &str| json!({"way": "counter", "phone": phone, "own": true});
    visby.outreach("EnrolPerson", person(ENROLLED)).await.unwrap();
    visby.outreach("EnrolPerson", person(&ENROLLED[..6])).await.unwrap_err();
    let page = text(&made["way"]["address"]);
    let form = [("id".to_owned(), uuid())].into();
    let filled = [("phone", &ENROLLED[..7]), ("email", "canary7f3a@"), ("own", "yes")];
    let (status, answer) = super::guests::send(&page, &form, &filled).await;
    assert!(status == 409 && !answer.contains(&ENROLLED[..7]), "{answer}");
    code
}

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Keeps all lines and spans of ours, and what libraries say in a node.
    fn install() -> Self {
        let log = Self::default();
        tracing_subscriber::fmt()
            .json()
            .with_env_filter(EnvFilter::new("hansa=trace,h2=off,hyper=off,tonic=off,sqlx=warn,info"))
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(log.clone())
            .init();
        log
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn uuid() -> String {
    SystemIds.uuid().to_string()
}

/// Ids that others may try.
struct Theirs {
    link: String,
    staff: String,
    key: String,
    reservation: String,
    /// What only who holds it knows.
    coupon: String,
}

/// An enterprise whose rows are full of canaries, at work with a partner.
async fn busy(visby: &Enterprise, luebeck: &Enterprise) -> Theirs {
    let place = json!({"location": {"code": format!("{CANARY}-place"), "name": format!("{CANARY} street 1")}});
    visby
        .call("inventory.v1.InventoryStaffService/PutLocation", place)
        .await;
    let row = |line, sku: String| ImportRow {
        line,
        name: format!("name of {sku}"),
        location: format!("{CANARY}-place"),
        lot: format!("{CANARY}-lot"),
        quantity: "100".into(),
        sku,
        ..ImportRow::default()
    };
    let rows = vec![row(1, format!("{CANARY}-open")), row(2, format!("{CANARY}-{HIDDEN}"))];
    let done = visby.imports(rows, false).await;
    assert_eq!(done["refused"], 0, "{done}");
    let made = visby
        .call(
            "directory.v1.DirectoryStaffService/CreateStaff",
            json!({"name": format!("{CANARY} Svensson"), "roles": ["ROLE_BUYER"]}),
        )
        .await;
    let staff = text(&made["staff"]["id"]);
    let key = visby
        .call(
            "directory.v1.DirectoryStaffService/CreateApiKey",
            json!({"staffId": staff, "label": format!("{CANARY} till")}),
        )
        .await;
    let pool = json!({
        "pool": "loyalty", "purpose": "joint-offers", "mayJoin": true, "fields": ["city"], "evaluationsMax": 100, "retentionDays": 30,
    });
    let loyalty = json!([{"pool": "loyalty", "coupons": true}]);
    let skus = json!([format!("{CANARY}-open")]);
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true, "skus": skus, "pools": [pool], "loyalty": loyalty});
    let link = visby.links_with(luebeck, grant, json!({})).await;
    members(visby, luebeck, &link).await;
    let coupon = people(visby, luebeck, &link).await;
    let reservation = uuid();
    let hold = |sku: &str, units: i64| {
        let item = json!({"sku": sku});
        json!({
            "linkId": link, "id": reservation, "orderRef": format!("{CANARY}-order"), "ttl": "60s",
            "lines": [{"item": item, "quantity": {"value": units}, "lot": format!("{CANARY}-lot")}],
        })
    };
    let reserve = "inventory.v1.InventoryStaffService/ReserveAtPartner";
    luebeck.call(reserve, hold(&format!("{CANARY}-open"), 1)).await;
    // What goes wrong is told in words, and logged.
    luebeck
        .try_call(reserve, hold(&format!("{CANARY}-open"), 2))
        .await
        .unwrap_err();
    let reason = format!("{CANARY} was broken");
    let release = json!({"linkId": link, "id": reservation, "reason": reason});
    visby
        .call("inventory.v1.InventoryStaffService/ReleaseReservation", release)
        .await;
    let suspend = json!({"id": link, "reason": reason});
    visby.call("link.v1.LinkStaffService/SuspendLink", suspend).await;
    let mut again = hold(&format!("{CANARY}-open"), 1);
    again["id"] = uuid().into();
    luebeck.try_call(reserve, again).await.unwrap_err();
    visby
        .call("link.v1.LinkStaffService/ResumeLink", json!({"id": link}))
        .await;
    luebeck.sees(&link, "LINK_STATE_ACTIVE").await;
    Theirs {
        key: text(&key["apiKey"]["id"]),
        link,
        staff,
        reservation,
        coupon,
    }
}

/// Everything that an enterprise is told when it calls every method that answers once, with nothing and with these ids.
async fn everything_told(enterprise: &Enterprise, theirs: &Theirs) -> Vec<(String, String)> {
    let pool = DescriptorPool::decode(hansa_proto::DESCRIPTORS).unwrap();
    let services = pool
        .services()
        .filter(|service| service.full_name().starts_with("hansa.") && service.name().ends_with("StaffService"));
    let mut told = Vec::new();
    for method in services.flat_map(|service| service.methods().collect::<Vec<_>>()) {
        if method.is_client_streaming() || method.is_server_streaming() {
            continue;
        }
        let name = format!("{}/{}", method.parent_service().full_name(), method.name());
        let texts: Vec<String> = (method.input().fields())
            .filter(|field| field.kind() == Kind::String && !field.is_list())
            .map(|field| field.json_name().to_owned())
            .collect();
        for id in [&theirs.link, &theirs.staff, &theirs.key, &theirs.reservation] {
            let mut body: Map<String, Value> = texts.iter().map(|text| (text.clone(), json!(id))).collect();
            for link in [&theirs.link, id] {
                body.entry("linkId").and_modify(|value| *value = json!(link));
                let answer = enterprise
                    .try_call(name.trim_start_matches("hansa."), Value::Object(body.clone()))
                    .await;
                told.push((name.clone(), format!("{answer:?}")));
            }
        }
        let answer = enterprise.try_call(name.trim_start_matches("hansa."), json!({})).await;
        told.push((name, format!("{answer:?}")));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_enterprise_wrote_is_in_any_answer_to_others_nor_in_logs_and_metrics() {
    let log = Log::install();
    let (ours, theirs) = (House::new().await, House::new().await);
    let visby = ours.enterprise(&format!("Visby {CANARY}")).await;
    let (bergen, luebeck) = (ours.enterprise("Bergen").await, theirs.enterprise("Lübeck").await);
    let ids = busy(&visby, &luebeck).await;

    let query = json!({"items": [{"sku": format!("{CANARY}-open")}, {"sku": format!("{CANARY}-{HIDDEN}")}]});
    let seen = luebeck
        .call("inventory.v1.InventoryStaffService/QueryPartners", query)
        .await
        .to_string();
    assert!(
        seen.contains(&format!("{CANARY}-open")) && !seen.contains(HIDDEN),
        "{seen}"
    );

    for (method, answer) in everything_told(&bergen, &ids).await {
        for secret in [CANARY, HIDDEN, SILENT, AGREED, ENROLLED, &ids.coupon, &visby.key] {
            assert!(!answer.contains(secret), "{method} tells another tenant: {answer}");
        }
    }
    for (method, answer) in everything_told(&luebeck, &ids).await {
        for secret in [HIDDEN, "Svensson", "till", ENROLLED, "-guide", &visby.key] {
            assert!(!answer.contains(secret), "{method} tells the partner: {answer}");
        }
    }
    // Last, since it ends the link and takes the keys away.
    let told = everything_told(&visby, &ids).await;
    assert!(
        told.iter().filter(|(_, answer)| answer.contains(CANARY)).count() >= 10,
        "the canary is not even seen by its owner"
    );
    let mut operator = vec![("log", log.text())];
    for node in [&ours.node, &theirs.node] {
        operator.push(("metrics", super::watching::get(node.ops_address, "/metrics").await));
        operator.push(("page", super::watching::get(node.ops_address, "/").await));
        operator.push(("readyz", super::watching::get(node.ops_address, "/readyz").await));
    }
    assert!(operator[0].1.lines().count() > 100, "nothing was logged");
    for (place, text) in operator {
        for secret in [
            CANARY,
            HIDDEN,
            SILENT,
            AGREED,
            ENROLLED,
            &ids.coupon,
            "Svensson",
            "Lübeck",
            "Bergen",
            &visby.key,
            &bergen.key,
            &luebeck.key,
        ] {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{secret} stands in the {place}: {line:?}");
        }
    }
}
