//! What an app shows of its documents: each side sees its own by it, in its language, and nobody sees what is not theirs.
// covers: I12

use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::Fault;
use serde_json::{Value, json};

const INTAKE: &str = include_str!("../../services/apps/manifests/product_intake.json");

/// The intake, with points for what is adopted.
pub(super) fn scored() -> Value {
    let mut app: Value = serde_json::from_str(INTAKE).unwrap();
    app["sections"]["adoption"]["schema"]["properties"]["points"] =
        json!({"title": "Points", "x-hansa-control": "number", "type": "number", "x-hansa-listed": true});
    app["views"]["league"] = json!({
        "title": {"en": "League", "zh": "排行"}, "is": "chart", "for": ["headquarters"], "by": "region", "sum": "points", "states": ["adopted"],
    });
    app
}

struct Shop {
    luebeck: Enterprise,
    visby: Enterprise,
    publisher: String,
    link: String,
    kind: String,
    here: House,
    _there: House,
}

async fn shop() -> Shop {
    let (there, here) = (House::new().await, House::new().await);
    let (luebeck, visby) = (there.enterprise("Lübeck").await, here.enterprise("Visby").await);
    let link = luebeck.links_with(&visby, json!({}), json!({})).await;
    let app = luebeck.publishes(&scored()).await;
    luebeck.shares("product_intake", &link).await;
    Shop {
        publisher: text(&app["publisher"]),
        kind: text(&app["kind"]),
        luebeck,
        visby,
        link,
        here,
        _there: there,
    }
}

impl Shop {
    async fn accepts(&self) {
        let (link, roles) = (&self.link, ["owner", "store"]);
        self.visby.accepts_app("product_intake", link, &[], &roles).await;
        self.luebeck
            .share_becomes("product_intake", link, "accepted", |share| share["state"] == "accepted")
            .await;
    }

    async fn proposes(&self, name: &str, region: &str) -> String {
        let id = self.visby.begins(&self.kind, json!({"headquarters": self.link})).await;
        let fields = json!({"product": {"name": name}, "region": region});
        let contents = json!({"proposal": {"form": {"json": fields.to_string()}}});
        self.visby.acts(&id, "propose", 0, contents).await.unwrap();
        self.luebeck.comes(&id, "proposed").await;
        self.visby.comes(&id, "proposed").await;
        id
    }

    async fn adopts(&self, id: &str, points: f64) {
        let fields = json!({"sku": id, "points": points});
        let contents = json!({"adoption": {"form": {"json": fields.to_string()}}});
        self.luebeck.acts(id, "adopt", 1, contents).await.unwrap();
        self.visby.comes(id, "adopted").await;
    }

    /// What somebody of Visby's sees.
    async fn there(&self, who: &Enterprise, view: &str, more: Value) -> Result<Value, Fault> {
        let mut body = json!({"publisher": self.publisher, "app": "product_intake", "view": view});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        who.apps("ShowView", body).await
    }
}

async fn ours(luebeck: &Enterprise, view: &str, more: Value) -> Value {
    let mut body = json!({"app": "product_intake", "view": view});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    luebeck.apps("ShowView", body).await.unwrap()
}

fn cells(shown: &Value, column: usize) -> Vec<String> {
    let rows = shown["rows"].as_array().unwrap();
    rows.iter().map(|row| text(&row["cells"][column])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_sees_its_documents_as_the_app_shows_them() {
    let shop = shop().await;
    shop.accepts().await;
    let first = shop.proposes("Pen", "Gotland").await;
    let second = shop.proposes("Ink", "Gotland").await;
    shop.proposes("Tea", "Skåne").await;
    let list = ours(&shop.luebeck, "waiting", json!({"language": "de", "pageSize": 2})).await;
    assert_eq!(list["title"], "Wartet auf die Zentrale");
    assert_eq!(
        list["columns"],
        json!(["Nr.", "Artikel", "Region", "Mit", "Seit", "Fällig"])
    );
    assert_eq!(
        (cells(&list, 1), cells(&list, 3)),
        (vec!["Pen".to_owned(), "Ink".to_owned()], vec!["Visby".to_owned(); 2])
    );
    assert_eq!(list["rows"][0]["documentId"], json!(first));
    let rest = ours(&shop.luebeck, "waiting", json!({"page": list["nextPage"]})).await;
    assert_eq!(
        (cells(&rest, 1), &rest["nextPage"]),
        (vec!["Tea".to_owned()], &json!(""))
    );
    shop.adopts(&first, 2.5).await;
    shop.adopts(&second, 4.0).await;
    let board = ours(&shop.luebeck, "by_region", json!({"language": "zh"})).await;
    assert_eq!(
        board["columns"],
        json!(["地区", "已提报", "已退回", "已采纳", "已拒绝", "逾期"])
    );
    assert_eq!(board["rows"][0]["cells"], json!(["Gotland", "0", "0", "2", "0", "0"]));
    assert_eq!(board["rows"][1]["cells"], json!(["Skåne", "1", "0", "0", "0", "0"]));
    let league = ours(&shop.luebeck, "league", json!({})).await;
    assert_eq!(
        (&league["columns"], &league["rows"][0]["cells"]),
        (&json!(["Region", "Points"]), &json!(["Gotland", "6.5"]))
    );
    // The partner sees its own in the same way.
    let months = shop.there(&shop.visby, "adopted", json!({})).await.unwrap();
    assert_eq!(months["columns"], json!(["Month from", "Number"]));
    assert_eq!(cells(&months, 1), ["2"]);
    let sheet = shop
        .there(&shop.visby, "sheet", json!({"documentId": first, "language": "de"}))
        .await;
    let sheet = sheet.unwrap();
    assert_eq!(sheet["rows"][0]["cells"], json!(["PI-1", "aufgenommen"]));
    let fields = &sheet["sections"][0]["fields"];
    assert_eq!(
        (&fields[0]["title"], &fields[0]["text"]),
        (&json!("Artikel"), &json!("Pen"))
    );
    assert_eq!(sheet["sections"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_there_for_whom_the_app_is_and_for_nobody_else() {
    let shop = shop().await;
    let hidden = shop.there(&shop.visby, "waiting", json!({})).await.unwrap_err();
    assert_eq!(hidden.reason, "NOT_FOUND", "before it is accepted: {hidden}");
    shop.accepts().await;
    let id = shop.proposes("Pen", "Gotland").await;
    let (_, clerk) = shop.visby.employs(&shop.here.node, "Astrid", &["store"]).await;
    let (_, buyer) = shop.visby.employs(&shop.here.node, "Berit", &["buyer"]).await;
    assert_eq!(
        cells(&shop.there(&clerk, "waiting", json!({})).await.unwrap(), 1),
        ["Pen"]
    );
    let other = shop.here.enterprise("Riga").await;
    for (who, view, more) in [
        (&buyer, "waiting", json!({})),
        (&clerk, "league", json!({})),
        (&clerk, "nothing", json!({})),
        (&other, "waiting", json!({})),
        (&other, "sheet", json!({"documentId": id})),
        (
            &clerk,
            "sheet",
            json!({"documentId": hansa_vocab::clock::IdSource::uuid(&hansa_vocab::clock::SystemIds).to_string()}),
        ),
    ] {
        let refused = shop.there(who, view, more).await.unwrap_err();
        assert_eq!(refused.reason, "NOT_FOUND", "{} {view}: {refused}", who.name);
    }
    for (view, more) in [("waiting", json!({"page": "x"})), ("sheet", json!({}))] {
        let refused = shop.there(&clerk, view, more).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_ARGUMENT", "{view}: {refused}");
    }
    // A document of another kind is none of this app's.
    let own = json!({"kind": "requisition", "links": {}});
    let made = shop
        .luebeck
        .call("documents.v1.DocumentsStaffService/CreateDocument", own)
        .await;
    let body = json!({"app": "product_intake", "view": "sheet", "documentId": made["document"]["id"]});
    assert_eq!(
        shop.luebeck.apps("ShowView", body).await.unwrap_err().reason,
        "NOT_FOUND"
    );
}
