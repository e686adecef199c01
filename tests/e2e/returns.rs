//! What goes back: asked for with a reason and a photo, authorised line by line, sent, inspected, and credited or replaced; never more
//! than came in.
// covers: I3, I8

use serde_json::{Value, json};

use crate::procurement::{Trade, advice, answers, level, levels_become, receipts, trade};

/// The lines of a despatch advice that go back: its line, and how many.
fn request(despatch: &str, lines: &[(u32, i64)], photo: Option<&Value>) -> Value {
    let lines = lines.iter().map(|(n, units)| {
        json!({"id": n.to_string(), "sku": format!("TEA-{n}"), "buyerSku": format!("OUR-{n}"), "quantity": {"value": units},
            "ofLine": n.to_string(), "note": "the lid is broken"})
    });
    let mut claim = json!({"reason": "damaged", "wish": "credit"});
    let mut files = Vec::new();
    if let Some(photo) = photo {
        let hash = data_encoding::BASE64
            .decode(photo["hash"].as_str().unwrap().as_bytes())
            .unwrap();
        claim["photos"] = json!([data_encoding::HEXLOWER.encode(&hash)]);
        files.push(photo.clone());
    }
    json!({
        "head": {"head": {"refersTo": despatch}},
        "lines": {"lines": {"lines": lines.collect::<Vec<_>>()}},
        "claim": {"form": {"json": claim.to_string(), "files": files}},
    })
}

fn credit(evidence: &str, of_line: &str, units: i64) -> Value {
    json!({
        "head": {"head": {"currency": "EUR", "evidence": evidence}},
        "lines": {"lines": {"lines": [{"id": "1", "name": "tea", "sku": "TEA-1", "price": {"value": 450, "scale": 2}, "ofLine": of_line,
            "quantity": {"value": units}}]}},
    })
}

impl Trade {
    /// Ten and five are ordered, sent, and come in as these figures say.
    async fn came(&self, first: i64, second: i64) -> (String, String) {
        let order = self.agreed().await;
        let sent = self.despatched(&order, &[(1, 10), (2, 5)]).await;
        let reason = |came: i64, sent: i64| if came < sent { "crushed" } else { "" };
        let said = receipts(&[(1, first, reason(first, 10)), (2, second, reason(second, 5))]);
        self.luebeck.acts(&sent, "receive", 1, said).await.unwrap();
        let state = if (first, second) == (10, 5) {
            "received"
        } else {
            "received_short"
        };
        self.bergen.comes(&sent, state).await;
        self.luebeck.comes(&sent, state).await;
        (order, sent)
    }

    async fn asked(&self, despatch: &str, lines: &[(u32, i64)]) -> String {
        let id = self.luebeck.begins("return", json!({"seller": self.link})).await;
        self.luebeck
            .acts(&id, "request", 0, request(despatch, lines, None))
            .await
            .unwrap();
        self.bergen.comes(&id, "requested").await;
        id
    }

    /// It is authorised as it was asked for, sent, and comes back whole, to this place of Bergen's.
    async fn back(&self, id: &str, lines: &[(u32, i64)]) {
        let all: Vec<_> = lines.iter().map(|(n, _)| (*n, "ACCEPT", None)).collect();
        self.bergen.acts(id, "authorise", 1, answers(&all)).await.unwrap();
        self.luebeck.comes(id, "authorised").await;
        self.luebeck.acts(id, "send", 2, json!({})).await.unwrap();
        self.bergen.comes(id, "sent").await;
        let all: Vec<_> = lines.iter().map(|(n, units)| (*n, *units, "")).collect();
        let mut said = receipts(&all);
        said["receipts"]["receipts"]["location"] = json!("MAIN");
        self.bergen.acts(id, "inspect", 3, said).await.unwrap();
        self.luebeck.comes(id, "accepted").await;
        self.bergen.comes(id, "accepted").await;
    }

    async fn credits(&self, said: Value) -> Result<String, hansa_vocab::Fault> {
        let id = self.bergen.begins("credit_note", json!({"buyer": self.link})).await;
        self.bergen.acts(&id, "issue", 0, said).await.map(|_| id)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_is_authorised_line_by_line_and_its_goods_are_where_they_are() {
    let trade = trade(&[("TEA-1", 20), ("TEA-2", 5)]).await;
    let (bergen, luebeck) = (&trade.bergen, &trade.luebeck);
    let (order, sent) = trade.came(8, 5).await;
    levels_become(luebeck, "OUR-1", (8, 0, 0)).await;
    assert_eq!(level(bergen, "TEA-1").await, (10, 0, 0));
    let photo = luebeck.brings("lid.txt", "text/plain", b"a broken lid").await.unwrap();
    let id = luebeck.begins("return", json!({"seller": trade.link})).await;
    let asked = request(&sent, &[(1, 3), (2, 1)], Some(&photo));
    luebeck.acts(&id, "request", 0, asked).await.unwrap();
    let came = bergen.comes(&id, "requested").await;
    assert_eq!(
        came["contents"]["lines"]["lines"]["lines"][0]["note"],
        "the lid is broken"
    );
    let there = |seen: &Value| seen["pendingFiles"].as_array().is_none_or(Vec::is_empty);
    bergen.becomes(&id, "with its photo", there).await;
    assert_eq!(bergen.reads(&id, &photo).await.unwrap(), b"a broken lid");
    // Two of three, and nothing of the other line.
    let mut said = answers(&[(1, "CHANGE", Some(2)), (2, "DECLINE", None)]);
    said["instructions"] = json!({"remark": {"reference": "RMA-7", "note": "to the dock in Bergen"}});
    bergen.acts(&id, "authorise", 1, said).await.unwrap();
    luebeck.comes(&id, "authorised_in_part").await;
    assert_eq!(level(luebeck, "OUR-1").await, (8, 0, 0), "nothing has left yet");
    luebeck
        .acts(
            &id,
            "send",
            2,
            json!({"shipment": {"remark": {"reference": "TRACK-1"}}}),
        )
        .await
        .unwrap();
    levels_become(luebeck, "OUR-1", (6, 0, 0)).await;
    levels_become(luebeck, "OUR-2", (5, 0, 0)).await;
    bergen.comes(&id, "sent").await;
    // What was declined is not there to be inspected; of what came, all is said.
    let wrong = receipts(&[(1, 2, ""), (2, 1, "")]);
    let refused = bergen.acts(&id, "inspect", 3, wrong).await.unwrap_err();
    assert_eq!(refused.parameters["field"], "receipts", "{}", refused.text);
    let over = bergen
        .acts(&id, "inspect", 3, receipts(&[(1, 3, "")]))
        .await
        .unwrap_err();
    assert_eq!(over.parameters["field"], "received", "{}", over.text);
    let mut said = receipts(&[(1, 2, "")]);
    said["receipts"]["receipts"]["location"] = json!("MAIN");
    bergen.acts(&id, "inspect", 3, said).await.unwrap();
    levels_become(bergen, "TEA-1", (12, 0, 0)).await;
    luebeck.comes(&id, "accepted").await;
    bergen.comes(&id, "accepted").await;

    // Two came back, and two never came in: so much is credited for each, and no more.
    let most = trade.credits(credit(&id, "1", 3)).await.unwrap_err();
    assert!(most.text.contains("line 1 of RT-1: 2 in all"), "{}", most.text);
    let other = trade.credits(credit(&id, "2", 1)).await.unwrap_err();
    assert!(other.text.contains("line 2 of RT-1: 0 in all"), "{}", other.text);
    let first = trade.credits(credit(&id, "1", 1)).await.unwrap();
    let second = trade.credits(credit(&id, "1", 1)).await.unwrap();
    trade.credits(credit(&id, "1", 1)).await.unwrap_err();
    let short = trade.credits(credit(&sent, "1", 3)).await.unwrap_err();
    assert!(short.text.contains("2 in all"), "{}", short.text);
    let third = trade.credits(credit(&sent, "1", 2)).await.unwrap();
    let none = trade.credits(credit(&order, "1", 1)).await.unwrap_err();
    assert!(
        none.text.contains("there is no despatch_advice or return"),
        "{}",
        none.text
    );
    // One that the buyer turns down credits nothing.
    luebeck.comes(&second, "issued").await;
    let why = json!({"objection": {"remark": {"note": "wrong price"}}});
    luebeck.acts(&second, "refuse", 1, why).await.unwrap();
    bergen.comes(&second, "refused").await;
    trade.credits(credit(&id, "1", 1)).await.unwrap();
    luebeck.acts(&first, "agree", 1, json!({})).await.unwrap();
    let said = json!({"resolution": {"remark": {"reference": "CN-1"}}});
    bergen.acts(&id, "credit", 4, said).await.unwrap();
    luebeck.comes(&id, "credited").await;
    let seen = luebeck.becomes(&third, "there", |seen| seen["state"] == "issued").await;
    assert_eq!(seen["contents"]["head"]["head"]["evidence"], json!(sent));
    trade.adds_up(&[&order, &sent, &id, &third]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_callers_never_send_back_more_than_came_in() {
    let trade = trade(&[("TEA-1", 20), ("TEA-2", 5)]).await;
    let luebeck = &trade.luebeck;
    let (_, sent) = trade.came(9, 5).await;
    let mut drafts = Vec::new();
    for _ in 0..64 {
        drafts.push(luebeck.begins("return", json!({"seller": trade.link})).await);
    }
    let all = drafts
        .iter()
        .map(|id| luebeck.acts(id, "request", 0, request(&sent, &[(1, 2)], None)));
    let done = futures_util::future::join_all(all).await;
    let (made, refused): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 4, "nine came in, and each asks for two");
    for refused in refused {
        let refused = refused.unwrap_err();
        assert!(refused.text.contains("line 1 of DA-1: 9 in all"), "{}", refused.text);
    }
    // What is declined, or given up, can go back another time; what was received is not corrected below what goes back.
    let made: Vec<_> = made
        .into_iter()
        .map(|one| one.unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    let too_few = receipts(&[(1, 7, "crushed"), (2, 5, "")]);
    let refused = luebeck.acts(&sent, "correct", 2, too_few).await.unwrap_err();
    assert!(refused.text.contains("7 in all"), "{}", refused.text);
    luebeck.acts(&made[0], "cancel", 1, json!({})).await.unwrap();
    trade.bergen.comes(&made[1], "requested").await;
    trade
        .bergen
        .acts(&made[1], "authorise", 1, answers(&[(1, "DECLINE", None)]))
        .await
        .unwrap();
    luebeck.comes(&made[1], "refused").await;
    trade.asked(&sent, &[(1, 5)]).await;
    let late = luebeck.begins("return", json!({"seller": trade.link})).await;
    luebeck
        .acts(&late, "request", 0, request(&sent, &[(1, 1)], None))
        .await
        .unwrap_err();
    trade.adds_up(&[&sent]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replaced_is_promised_expected_and_sent_once_more() {
    let trade = trade(&[("TEA-1", 20), ("TEA-2", 5)]).await;
    let (bergen, luebeck) = (&trade.bergen, &trade.luebeck);
    let (order, sent) = trade.came(10, 5).await;
    levels_become(luebeck, "OUR-1", (10, 0, 0)).await;
    let id = trade.asked(&sent, &[(1, 3)]).await;
    trade.back(&id, &[(1, 3)]).await;
    assert_eq!(level(bergen, "TEA-1").await, (13, 0, 0));
    bergen.acts(&id, "replace", 4, json!({})).await.unwrap();
    luebeck.comes(&id, "replacing").await;
    levels_become(bergen, "TEA-1", (13, 3, 0)).await;
    levels_become(luebeck, "OUR-1", (7, 0, 3)).await;
    let draft = bergen.begins("despatch_advice", json!({"buyer": trade.link})).await;
    let more = bergen
        .acts(&draft, "issue", 0, advice(&order, &[(1, 4)]))
        .await
        .unwrap_err();
    assert!(more.text.contains("comes to more than was agreed"), "{}", more.text);
    let again = trade.despatched(&order, &[(1, 3)]).await;
    luebeck
        .acts(&again, "receive", 1, receipts(&[(1, 3, "")]))
        .await
        .unwrap();
    bergen.comes(&again, "received").await;
    levels_become(luebeck, "OUR-1", (10, 0, 0)).await;
    levels_become(bergen, "TEA-1", (10, 0, 0)).await;
    trade.adds_up(&[&order, &sent, &id, &again]).await;
}

fn schema_of_gs1() -> jsonschema::Validator {
    let schema = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/epcis.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    jsonschema::draft7::new(&schema).unwrap()
}

fn valid(schema: &jsonschema::Validator, told: &Value) {
    let wrong: Vec<_> = schema.iter_errors(told).map(|error| error.to_string()).collect();
    assert_eq!(wrong, Vec::<String>::new(), "{told}");
}

/// What one says of where goods were seen.
async fn events(who: &hansa_tests::Enterprise, documents: &[&str]) -> Value {
    let asked = json!({"documentIds": documents});
    let told = who.call("documents.v1.PapersStaffService/ExportEvents", asked).await;
    serde_json::from_str(told["json"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_came_in_and_went_back_is_told_in_events_that_are_valid_by_the_schema_of_gs1() {
    let trade = trade(&[("TEA-1", 20), ("TEA-2", 5)]).await;
    let (order, sent) = trade.came(9, 5).await;
    let id = trade.asked(&sent, &[(1, 3)]).await;
    trade.back(&id, &[(1, 3)]).await;
    let (here, there) = (
        events(&trade.luebeck, &[&sent, &id]).await,
        events(&trade.bergen, &[&sent, &id]).await,
    );
    assert_eq!(here["epcisBody"], there["epcisBody"], "both tell the same");
    let all = here["epcisBody"]["eventList"].as_array().unwrap();
    let said: Vec<_> = all
        .iter()
        .map(|event| {
            let units: Vec<_> = event["quantityList"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["quantity"].as_i64().unwrap())
                .collect();
            (
                event["type"].as_str().unwrap(),
                event["bizStep"].as_str().unwrap(),
                event["disposition"].as_str().unwrap(),
                units,
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("ObjectEvent", "shipping", "in_transit", vec![10, 5]),
            ("TransactionEvent", "shipping", "in_transit", vec![10, 5]),
            ("ObjectEvent", "receiving", "in_progress", vec![9, 5]),
            ("TransactionEvent", "receiving", "in_progress", vec![9, 5]),
            ("ObjectEvent", "shipping", "returned", vec![3]),
            ("TransactionEvent", "shipping", "returned", vec![3]),
            ("ObjectEvent", "receiving", "returned", vec![3]),
            ("TransactionEvent", "receiving", "returned", vec![3]),
        ]
    );
    assert_eq!(
        all[1]["bizTransactionList"][1],
        json!({"type": "po", "bizTransaction": format!("urn:uuid:{order}")})
    );
    let (from, to) = (
        &all[4]["sourceList"][0]["source"],
        &all[0]["destinationList"][0]["destination"],
    );
    assert_eq!(from, to, "it goes back from where it came to");
    let schema = schema_of_gs1();
    for told in [&here, &there] {
        valid(&schema, told);
    }
    let mut bad = here.clone();
    bad["epcisBody"]["eventList"][0]["action"] = json!("SEEN");
    assert!(!schema.is_valid(&bad), "the schema looks at events");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_that_are_corrected_withdraw_the_events_that_told_them() {
    let trade = trade(&[("TEA-1", 20), ("TEA-2", 5)]).await;
    let (_, sent) = trade.came(9, 5).await;
    let before = events(&trade.luebeck, &[&sent]).await;
    let said = receipts(&[(1, 8, "crushed"), (2, 5, "")]);
    trade.luebeck.acts(&sent, "correct", 2, said).await.unwrap();
    levels_become(&trade.luebeck, "OUR-1", (8, 0, 0)).await;
    let after = events(&trade.luebeck, &[&sent]).await;
    valid(&schema_of_gs1(), &after);
    let list = |told: &Value| told["epcisBody"]["eventList"].as_array().unwrap().clone();
    let (before, after) = (list(&before), list(&after));
    assert_eq!((before.len(), after.len()), (4, 6));
    assert_eq!(after[..2], before[..2], "what left has left");
    for (event, was) in after[2..4].iter().zip(&before[2..]) {
        let mut event = event.clone();
        let error = event.as_object_mut().unwrap().remove("errorDeclaration").unwrap();
        assert_eq!(event, *was, "the same event, withdrawn");
        assert_eq!(error["reason"], "incorrect_data");
        assert_eq!(
            error["correctiveEventIDs"],
            json!([after[4]["eventID"], after[5]["eventID"]])
        );
        assert_eq!(error["declarationTime"], after[4]["eventTime"]);
    }
    let units: Vec<_> = after[4]["quantityList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["quantity"])
        .collect();
    assert_eq!(units, [8, 5]);
    assert!(after[4].get("errorDeclaration").is_none());
}

/// The ledger from this place on, in answers of three events, until it has told so many: (step, units) of each, and where it ends.
/// What a younger transaction wrote than one that still runs is told later.
async fn handled(who: &hansa_tests::Enterprise, mut place: String, want: usize) -> (Vec<(String, i64)>, String) {
    let (schema, mut all, mut ids) = (schema_of_gs1(), Vec::new(), std::collections::BTreeSet::new());
    loop {
        let body = json!({"page": place, "pageSize": 3});
        let told = who
            .call("inventory.v1.InventoryStaffService/ExportMovements", body)
            .await;
        let document: Value = serde_json::from_str(told["json"].as_str().unwrap()).unwrap();
        valid(&schema, &document);
        place = told["nextPage"].as_str().unwrap_or_default().to_owned();
        let events = document["epcisBody"]["eventList"].as_array().unwrap();
        assert_eq!(events.len() as u64, told["events"].as_u64().unwrap_or(0));
        if events.is_empty() && all.len() >= want {
            return (all, place);
        }
        for event in events {
            assert!(
                ids.insert(event["eventID"].as_str().unwrap().to_owned()),
                "told once: {event}"
            );
            let step = event["bizStep"].as_str().unwrap_or_default().to_owned();
            all.push((step, event["quantityList"][0]["quantity"].as_i64().unwrap()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_told_in_events_each_once_and_goes_on_where_it_was_left() {
    let trade = trade(&[("TEA-1", 20), ("TEA-2", 5)]).await;
    let (bergen, luebeck) = (&trade.bergen, &trade.luebeck);
    let (_, sent) = trade.came(9, 5).await;
    levels_become(luebeck, "OUR-1", (9, 0, 0)).await;
    let of = |told: &[(String, i64)], step: &str| -> Vec<i64> {
        let mut units: Vec<_> = told
            .iter()
            .filter(|(one, _)| one == step)
            .map(|(_, units)| *units)
            .collect();
        units.sort_unstable();
        units
    };
    let (told, place) = handled(bergen, String::new(), 6).await;
    assert_eq!(of(&told, "reserving"), [5, 10], "{told:?}");
    assert_eq!(of(&told, "picking"), [5, 10], "{told:?}");
    let first = [of(&told, "stock_taking"), of(&told, "cycle_counting")].concat();
    assert_eq!(first, [5, 20], "{told:?}");
    assert_eq!(told.len(), 6, "{told:?}");
    let body = json!({"item": {"sku": "TEA-1"}, "location": "MAIN", "onHand": {"value": 7}});
    bergen.call("inventory.v1.InventoryStaffService/CountStock", body).await;
    let (since, place) = handled(bergen, place, 1).await;
    assert_eq!(since, [("cycle_counting".to_owned(), 7)]);
    assert_eq!(handled(bergen, place.clone(), 0).await, (Vec::new(), place));
    let (told, place) = handled(luebeck, String::new(), 2).await;
    assert_eq!(of(&told, "storing"), [5, 9], "{told:?}");
    let said = receipts(&[(1, 8, "crushed"), (2, 5, "")]);
    luebeck.acts(&sent, "correct", 2, said).await.unwrap();
    levels_become(luebeck, "OUR-1", (8, 0, 0)).await;
    assert_eq!(handled(luebeck, place, 1).await.0, [("removing".to_owned(), 1)]);
    let body = json!({"page": "!"});
    let refused = bergen
        .try_call("inventory.v1.InventoryStaffService/ExportMovements", body)
        .await
        .unwrap_err();
    assert_eq!(refused.parameters["field"], "page");
}
