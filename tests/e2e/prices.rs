//! Prices that both sides sign: which one holds on which day, orders beside them, and what orders may come to together.
// covers: I3, I6, I8

use hansa_tests::{Enterprise, House};
use serde_json::{Value, json};

const PRICES: &str = "procurement.v1.PricesStaffService";
const BUYING: &str = "procurement.v1.ProcurementStaffService";

/// Bergen sells to Lübeck: on a node each.
pub(super) async fn traders() -> (House, House, Enterprise, Enterprise, String) {
    let (here, there) = (House::new().await, House::new().await);
    let (bergen, luebeck) = (
        here.enterprise("Bergen Import").await,
        there.enterprise("Tea House Lübeck").await,
    );
    let kinds = json!({"documentKinds": ["order", "price_agreement"]});
    let link = bergen.links_with(&luebeck, kinds.clone(), kinds).await;
    (here, there, bergen, luebeck, link)
}

fn cents(value: i64) -> Value {
    json!({"value": value, "scale": 2})
}

/// Tea from 4.50 down with the quantity, and anything of a category for 12.00.
fn prices(tea: i64, from: &str, until: &str, blanket: Option<i64>) -> Value {
    let lines = json!([
        {"id": "1", "sku": "TEA", "name": "Green tea", "unit": "KGM", "minimum": {"value": 2}, "leadDays": 3,
         "breaks": [{"price": cents(tea)}, {"from": {"value": 10}, "price": cents(tea - 30)}]},
        {"id": "2", "category": "COFFEE", "breaks": [{"price": cents(1_200)}]},
    ]);
    let mut prices = json!({"validFrom": from, "validUntil": until, "incoterm": "DAP Lübeck", "lines": lines});
    if let Some(blanket) = blanket {
        prices["blanket"] = json!({"value": blanket});
    }
    json!({"head": {"head": {"currency": "EUR"}}, "prices": {"prices": prices}})
}

/// Bergen offers, and Lübeck agrees.
pub(super) async fn agreed(bergen: &Enterprise, luebeck: &Enterprise, link: &str, said: Value) -> String {
    let id = bergen.begins("price_agreement", json!({"buyer": link})).await;
    bergen.acts(&id, "offer", 0, said).await.unwrap();
    luebeck.comes(&id, "offered").await;
    luebeck.acts(&id, "agree", 1, json!({})).await.unwrap();
    bergen.comes(&id, "in_force").await;
    luebeck.comes(&id, "in_force").await;
    id
}

/// What one asks for tea on a day, and who has signed it.
async fn tea(who: &Enterprise, link: &str, role: &str, day: &str, kilos: i64) -> Value {
    let article = json!({"sku": "TEA", "quantity": {"value": kilos, "unit": "KGM"}});
    let asked = json!({"linkId": link, "ourRole": role, "day": day, "articles": [article]});
    who.call(&format!("{PRICES}/FindPrices"), asked).await["prices"][0].take()
}

/// An order by hand: article, category, quantity, unit and price.
pub(super) fn order(day: &str, lines: &[(&str, &str, i64, &str, Option<i64>)]) -> Value {
    let line = |(place, one): (usize, &(&str, &str, i64, &str, Option<i64>))| {
        let (sku, category, units, unit, price) = one;
        let mut line = json!({"id": (place + 1).to_string(), "sku": sku, "category": category, "name": "goods",
            "quantity": {"value": units, "unit": unit}});
        if let Some(price) = price {
            line["price"] = cents(*price);
        }
        line
    };
    let lines: Vec<_> = lines.iter().enumerate().map(line).collect();
    json!({"head": {"head": {"currency": "EUR", "issueDate": day}}, "lines": {"lines": {"lines": lines}}})
}

pub(super) async fn orders(luebeck: &Enterprise, link: &str, said: Value) -> String {
    let id = luebeck.begins("order", json!({"seller": link})).await;
    luebeck.acts(&id, "issue", 0, said).await.unwrap();
    id
}

async fn findings(who: &Enterprise, order: &str) -> Vec<Vec<String>> {
    let seen = who
        .call(&format!("{PRICES}/GetOrderPrices"), json!({"documentId": order}))
        .await;
    let words = |line: &Value| -> Vec<String> { serde_json::from_value(line["findings"].clone()).unwrap_or_default() };
    seen["lines"].as_array().unwrap().iter().map(words).collect()
}

async fn exceptions(who: &Enterprise) -> Vec<(String, Vec<String>)> {
    let seen = who.call(&format!("{PRICES}/ListPriceExceptions"), json!({})).await;
    let one = |one: &Value| {
        let id = one["documentId"].as_str().unwrap().to_owned();
        (id, serde_json::from_value(one["findings"].clone()).unwrap())
    };
    seen["exceptions"].as_array().unwrap().iter().map(one).collect()
}

async fn agreements(who: &Enterprise) -> Vec<Value> {
    let seen = who.call(&format!("{PRICES}/ListPriceAgreements"), json!({})).await;
    seen["agreements"].as_array().unwrap().clone()
}

pub(super) fn today() -> String {
    hansa_vocab::Clock::now(&hansa_vocab::clock::SystemClock)
        .date()
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_has_the_price_of_the_version_that_both_signed_for_it() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    let said = prices(450, "2026-01-01", "2026-12-31", None);
    let id = agreed(&bergen, &luebeck, &link, said).await;
    for (who, role) in [(&bergen, "seller"), (&luebeck, "buyer")] {
        for (day, kilos, price) in [
            ("2026-01-01", 9, json!(450)),
            ("2026-12-31", 10, json!(420)),
            ("2025-12-31", 9, Value::Null),
            ("2027-01-01", 9, Value::Null),
        ] {
            let found = tea(who, &link, role, day, kilos).await;
            let value = found["price"]["value"]
                .as_str()
                .map(|text| json!(text.parse::<i64>().unwrap()));
            assert_eq!(value.unwrap_or_default(), price, "{day} {kilos}");
        }
        let found = tea(who, &link, role, "2026-06-01", 1).await;
        let signed: Vec<_> = found["signedBy"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                // A seller's step is counted in its own house, and its partner is not told who took it.
                let told = one["role"] == "buyer" || role == "seller";
                assert_eq!(one["actor"] != "", told, "{one}");
                (
                    one["role"].as_str().unwrap(),
                    one["act"].as_str().unwrap(),
                    one["enterprise"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            signed,
            [
                ("buyer", "agree", "Tea House Lübeck"),
                ("seller", "offer", "Bergen Import")
            ]
        );
    }
    // From July on it is dearer; both sign the change, and the days before keep their price.
    let base = 2;
    bergen
        .acts(&id, "change", base, prices(500, "2026-07-01", "", None))
        .await
        .unwrap();
    let open = luebeck
        .becomes(&id, "proposed", |seen| {
            !seen["proposals"].as_array().unwrap().is_empty()
        })
        .await;
    let before = tea(&luebeck, &link, "buyer", "2026-08-01", 1).await;
    assert_eq!(before["price"]["value"], "450", "a proposal is no price");
    let proposal = open["proposals"][0]["id"].as_str().unwrap();
    luebeck.says(&id, "accept", base, proposal).await.unwrap();
    for (who, role) in [(&bergen, "seller"), (&luebeck, "buyer")] {
        who.becomes(&id, "changed", |seen| seen["version"] == "3").await;
        for (day, price, version) in [
            ("2026-06-30", "450", "2"),
            ("2026-07-01", "500", "3"),
            ("2031-01-01", "500", "3"),
        ] {
            let found = tea(who, &link, role, day, 1).await;
            assert_eq!(found["price"]["value"], price, "{day}");
            assert_eq!(found["agreement"]["version"], version, "{day}");
        }
    }
    let (here, there) = (luebeck.verifies(&id).await, bergen.verifies(&id).await);
    assert_eq!(here, there, "the same root on both nodes");
    // What could not be kept is not signed.
    for (blanket, currency, field) in [
        (json!({"value": 1_005, "scale": 3}), "EUR", "blanket"),
        (json!({"value": 1}), "", "currency"),
    ] {
        let draft = bergen.begins("price_agreement", json!({"buyer": link})).await;
        let mut said = prices(450, "2026-01-01", "", None);
        said["prices"]["prices"]["blanket"] = blanket;
        said["head"]["head"]["currency"] = json!(currency);
        let refused = bergen.acts(&draft, "offer", 0, said).await.unwrap_err();
        assert_eq!(refused.parameters["field"], field, "{}", refused.text);
    }
    // Once both have ended it, no later day has a price of it.
    luebeck.acts(&id, "end", 3, json!({})).await.unwrap();
    let open = bergen
        .becomes(&id, "proposed", |seen| {
            !seen["proposals"].as_array().unwrap().is_empty()
        })
        .await;
    bergen
        .says(&id, "accept", 3, open["proposals"][0]["id"].as_str().unwrap())
        .await
        .unwrap();
    for (who, role) in [(&bergen, "seller"), (&luebeck, "buyer")] {
        who.comes(&id, "ended").await;
        assert_eq!(tea(who, &link, role, "2031-01-01", 1).await["price"], Value::Null);
        assert_eq!(tea(who, &link, role, "2026-06-30", 1).await["price"]["value"], "450");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_was_not_agreed_is_an_exception_on_both_nodes_and_stays_as_it_was_said() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    agreed(&bergen, &luebeck, &link, prices(450, "2026-01-01", "", None)).await;
    let fair = orders(
        &luebeck,
        &link,
        order(
            &today(),
            &[
                ("TEA", "", 9, "KGM", Some(450)),
                ("ESPRESSO", "COFFEE", 1, "C62", Some(1_200)),
            ],
        ),
    )
    .await;
    bergen.comes(&fair, "issued").await;
    assert_eq!(findings(&luebeck, &fair).await, [Vec::<String>::new(), vec![]]);
    assert_eq!(exceptions(&luebeck).await, []);
    let off = [
        ("TEA", "", 10, "KGM", Some(450)),
        ("TEA", "", 1, "KGM", Some(440)),
        ("TEA", "", 5, "KGM", None),
        ("RICE", "", 5, "KGM", Some(100)),
    ];
    let off = orders(&luebeck, &link, order(&today(), &off)).await;
    let came = bergen.comes(&off, "issued").await;
    let lines = &came["contents"]["lines"]["lines"]["lines"];
    assert_eq!(
        (&lines[0]["price"]["value"], &lines[2]["price"]),
        (&json!("450"), &Value::Null)
    );
    let each = [
        vec!["price_over"],
        vec!["price_under", "below_minimum"],
        vec!["no_price"],
        vec!["no_agreement"],
    ];
    let all = ["no_agreement", "no_price", "price_over", "price_under", "below_minimum"];
    for who in [&bergen, &luebeck] {
        assert_eq!(findings(who, &off).await, each);
        assert_eq!(exceptions(who).await, [(off.clone(), all.map(str::to_owned).to_vec())]);
    }
    // Once it has come to nothing it waits for nobody.
    luebeck.acts(&off, "cancel", 1, json!({})).await.unwrap();
    bergen.comes(&off, "cancelled").await;
    assert_eq!(
        (exceptions(&bergen).await, exceptions(&luebeck).await),
        (vec![], vec![])
    );
    // An order that is dated back for the sake of another day's price says so itself.
    let back = orders(
        &luebeck,
        &link,
        order("2026-01-02", &[("TEA", "", 9, "KGM", Some(450))]),
    )
    .await;
    bergen.comes(&back, "issued").await;
    assert_eq!(exceptions(&bergen).await, [(back, vec!["other_day".to_owned()])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_line_takes_the_price_of_the_day_and_never_loses_one_that_it_has() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    agreed(&bergen, &luebeck, &link, prices(450, "2026-01-01", "", None)).await;
    let asked = luebeck.begins("requisition", json!({})).await;
    let said = order(
        "",
        &[
            ("TEA", "", 12, "KGM", None),
            ("TEA", "", 2, "KGM", Some(300)),
            ("RICE", "", 1, "KGM", None),
        ],
    );
    luebeck.acts(&asked, "submit", 0, said).await.unwrap();
    let assignments: Vec<_> = ["1", "2", "3"]
        .iter()
        .map(|line| json!({"requisitionId": asked, "line": line, "linkId": link}))
        .collect();
    let request = json!({"id": "01a00000-0000-7000-8000-000000000001", "assignments": assignments});
    let made = luebeck.call(&format!("{BUYING}/MakeOrders"), request.clone()).await;
    let again = luebeck.call(&format!("{BUYING}/MakeOrders"), request).await;
    assert_eq!(
        made["orders"], again["orders"],
        "the same request again changes nothing"
    );
    let id = made["orders"][0]["documentId"].as_str().unwrap();
    let came = bergen.comes(id, "issued").await;
    let lines = came["contents"]["lines"]["lines"]["lines"].as_array().unwrap();
    let said: Vec<_> = lines.iter().map(|line| line["price"]["value"].as_str()).collect();
    assert_eq!(said, [Some("420"), Some("300"), None]);
    assert_eq!(
        findings(&bergen, id).await,
        [vec![], vec!["price_under"], vec!["no_agreement"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn call_offs_at_the_same_time_never_draw_more_than_orders_may_come_to() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    // 1,000.00 in all; each order comes to 9 kg at 4.50, and 24 of them fit.
    let id = agreed(&bergen, &luebeck, &link, prices(450, "2026-01-01", "", Some(1_000))).await;
    let mut drafts = Vec::new();
    for _ in 0..32 {
        drafts.push(luebeck.begins("order", json!({"seller": link})).await);
    }
    let said = order(&today(), &[("TEA", "", 9, "KGM", Some(450))]);
    let all = drafts.iter().map(|draft| luebeck.acts(draft, "issue", 0, said.clone()));
    let done = futures_util::future::join_all(all).await;
    let (made, refused): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 24);
    for refused in refused {
        let refused = refused.unwrap_err();
        assert_eq!(refused.reason, "BLANKET_EXCEEDED", "{}", refused.text);
        assert_eq!(refused.parameters["left"], "28 EUR");
    }
    // What is left does for six kilos; what is cancelled can be drawn again.
    let small = orders(&luebeck, &link, order(&today(), &[("TEA", "", 6, "KGM", Some(450))])).await;
    assert_eq!(agreements(&luebeck).await[0]["drawn"], "99900");
    bergen.comes(&small, "issued").await;
    luebeck.acts(&small, "cancel", 1, json!({})).await.unwrap();
    bergen.comes(&small, "cancelled").await;
    for who in [&luebeck, &bergen] {
        assert_eq!(agreements(who).await[0]["drawn"], "97200");
    }
    // The seller's answer asks for more than is left: it draws nothing of that, and the buyer can't say yes to it.
    let greedy = orders(&luebeck, &link, order(&today(), &[("TEA", "", 6, "KGM", Some(450))])).await;
    bergen.comes(&greedy, "issued").await;
    let more = json!({"line": "1", "verdict": "VERDICT_CHANGE", "quantity": {"value": 8, "unit": "KGM"}});
    let more = json!({"answers": {"answers": {"answers": [more]}}});
    bergen.acts(&greedy, "answer", 1, more).await.unwrap();
    luebeck.comes(&greedy, "answered").await;
    assert_eq!(agreements(&luebeck).await[0]["drawn"], "99900");
    let refused = luebeck.acts(&greedy, "agree", 2, json!({})).await.unwrap_err();
    assert_eq!(refused.reason, "BLANKET_EXCEEDED", "{}", refused.text);
    luebeck.acts(&greedy, "cancel", 2, json!({})).await.unwrap();
    bergen.comes(&greedy, "cancelled").await;
    // A change of an order draws as it is proposed, and is refused at the buyer when it comes to too much.
    let first = luebeck.becomes(&id, "seen", |_| true).await;
    assert_eq!(first["state"], "in_force");
    let shown = luebeck
        .call(
            "documents.v1.DocumentsStaffService/ListDocuments",
            json!({"kind": "order", "state": "issued"}),
        )
        .await;
    let one = shown["documents"][0]["id"].as_str().unwrap().to_owned();
    bergen.comes(&one, "issued").await;
    let yes = json!({"answers": {"answers": {"answers": [{"line": "1", "verdict": "VERDICT_ACCEPT"}]}}});
    bergen.acts(&one, "answer", 1, yes).await.unwrap();
    luebeck.comes(&one, "agreed").await;
    let more = order(&today(), &[("TEA", "", 17, "KGM", Some(420))]);
    let refused = luebeck.acts(&one, "change", 2, more).await.unwrap_err();
    assert_eq!(refused.reason, "BLANKET_EXCEEDED", "{}", refused.text);
    assert_eq!(refused.parameters["left"], "28 EUR");
    let fits = order(&today(), &[("TEA", "", 16, "KGM", Some(420))]);
    luebeck.acts(&one, "change", 2, fits).await.unwrap();
    assert_eq!(
        agreements(&luebeck).await[0]["drawn"],
        "99870",
        "a proposal draws what it would"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_a_file_that_both_have_and_a_bad_one_is_refused() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    let id = bergen.begins("price_agreement", json!({"buyer": link})).await;
    let mut csv = "sku,name,unit,from,price\n".to_owned();
    for number in 0..2_000 {
        csv.push_str(&format!(
            "A-{number},Article {number},C62,,{}.50\nA-{number},,C62,100,{}\n",
            number + 1,
            number + 1
        ));
    }
    let offer = |list: Value| {
        let prices = json!({"validFrom": "2026-01-01", "list": list});
        json!({"head": {"head": {"currency": "EUR"}}, "prices": {"prices": prices}})
    };
    let bad = bergen
        .brings("prices.csv", "text/csv", b"sku,price\nA-1,1\nA-1,2\nA-2,x\n")
        .await
        .unwrap();
    let refused = bergen.acts(&id, "offer", 0, offer(bad)).await.unwrap_err();
    assert!(refused.text.contains("row 4"), "{}", refused.text);
    let good = bergen.brings("prices.csv", "text/csv", csv.as_bytes()).await.unwrap();
    bergen.acts(&id, "offer", 0, offer(good)).await.unwrap();
    luebeck
        .becomes(&id, "fetched", |seen| {
            seen["state"] == "offered" && seen["pendingFiles"].as_array().is_none_or(Vec::is_empty)
        })
        .await;
    luebeck.acts(&id, "agree", 1, json!({})).await.unwrap();
    bergen.comes(&id, "in_force").await;
    luebeck.comes(&id, "in_force").await;
    for (who, role) in [(&bergen, "seller"), (&luebeck, "buyer")] {
        let articles =
            json!([{"sku": "A-1999", "quantity": {"value": 99}}, {"sku": "A-1999", "quantity": {"value": 100}}]);
        let asked = json!({"linkId": link, "ourRole": role, "articles": articles});
        let found = who.call(&format!("{PRICES}/FindPrices"), asked).await;
        let price = |place: usize| found["prices"][place]["price"]["value"].as_str().unwrap();
        assert_eq!((price(0), price(1)), ("20005", "2000"), "{found}");
        let mut page = String::new();
        let mut seen = 0;
        loop {
            let asked = json!({"documentId": id, "version": 2, "page": page});
            let lines = who.call(&format!("{PRICES}/ListPriceLines"), asked).await;
            seen += lines["lines"].as_array().unwrap().len();
            page = lines["nextPage"].as_str().unwrap().to_owned();
            if page.is_empty() {
                break;
            }
        }
        assert_eq!(seen, 2_000);
    }
}
