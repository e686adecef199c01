//! Stock over links: never oversold, once per id, ended once.
// covers: I1, I2, I3, I4, I13

use hansa_proto::inventory::v1::ImportRow;
use hansa_tests::{Enterprise, House, house::text};
use serde_json::json;
use uuid::Uuid;

async fn linked(stock: &[(&str, i64)]) -> (House, House, Enterprise, Enterprise, String) {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(stock).await;
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true, "ttlMaxSeconds": 900});
    let link = visby.links_with(&luebeck, grant, json!({})).await;
    (here, there, visby, luebeck, link)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_over_two_processes_get_exactly_what_is_there() {
    let (here, _there, visby, luebeck, link) = linked(&[("TEA-1", 100)]).await;
    let second = House::another(&here.world).await;
    let mut buyers = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (luebeck, link) = (luebeck.clone(), link.clone());
        buyers.spawn(async move { luebeck.reserves(&link, "", "TEA-1", 1, "600s").await });
    }
    let answers = buyers.join_all().await;
    let held = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(
        answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .all(|fault| fault.reason == "OUT_OF_STOCK")
    );
    assert_eq!(held, 100);
    assert_eq!(visby.level("TEA-1").await, (100, 100));
    visby.adds_up().await;
    second.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_holds_once_and_another_body_is_refused() {
    let (_here, there, visby, luebeck, link) = linked(&[("TEA-1", 10)]).await;
    let id = Uuid::from_u128(7).to_string();
    let first = luebeck.reserves(&link, &id, "TEA-1", 4, "60s").await.unwrap();
    let again = luebeck.reserves(&link, &id, "TEA-1", 4, "60s").await.unwrap();
    assert_eq!(
        (&first["expiresAt"], &first["state"]),
        (&again["expiresAt"], &again["state"])
    );
    assert_eq!(
        luebeck
            .reserves(&link, &id, "TEA-1", 5, "60s")
            .await
            .unwrap_err()
            .reason,
        "ID_REUSED"
    );
    // The buyer forgets what it asked, as after a restore: then the owner must know.
    let mut admin = there.world.superuser().await;
    let forget = format!("delete from {}.partner_reservation", luebeck.tenant.schema());
    hansa_tests::database::run(&mut admin, forget.clone()).await.unwrap();
    let refused = luebeck.reserves(&link, &id, "TEA-1", 5, "60s").await.unwrap_err();
    assert_eq!(refused.reason, "ID_REUSED");
    hansa_tests::database::run(&mut admin, forget).await.unwrap();
    let again = luebeck.reserves(&link, &id, "TEA-1", 4, "60s").await.unwrap();
    assert_eq!(first["expiresAt"], again["expiresAt"]);
    assert_eq!(visby.level("TEA-1").await, (10, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_lines_are_held_all_or_none() {
    let (_here, _there, visby, luebeck, link) = linked(&[("TEA-1", 10), ("TEA-2", 1)]).await;
    let reserve = |two: i64| {
        let lines = json!([
            {"item": {"sku": "TEA-1"}, "quantity": {"value": 3}},
            {"item": {"sku": "TEA-2"}, "quantity": {"value": two}},
        ]);
        let (luebeck, link) = (luebeck.clone(), link.clone());
        async move {
            let body = json!({"linkId": link, "lines": lines});
            luebeck
                .try_call("inventory.v1.InventoryStaffService/ReserveAtPartner", body)
                .await
        }
    };
    assert_eq!(reserve(2).await.unwrap_err().reason, "OUT_OF_STOCK");
    assert_eq!(visby.level("TEA-1").await, (10, 0));
    reserve(1).await.unwrap();
    assert_eq!(
        (visby.level("TEA-1").await, visby.level("TEA-2").await),
        ((10, 3), (1, 1))
    );
    visby.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_is_held_exactly_in_base_units_or_not_at_all() {
    let (here, _there, visby, luebeck, link) = linked(&[("TEA-1", 1_000)]).await;
    here.world
        .in_tenant(
            visby.tenant,
            "update item set unit = 'KGM', scale = 2 where sku = 'TEA-1'",
        )
        .await;
    let hold = async |value: i64, scale: u32, unit: &str| {
        let quantity = json!({"value": value, "scale": scale, "unit": unit});
        let lines = json!([{"item": {"sku": "TEA-1"}, "quantity": quantity}]);
        let body = json!({"linkId": link, "lines": lines, "ttl": "60s"});
        let asked = luebeck.try_call("inventory.v1.InventoryStaffService/ReserveAtPartner", body);
        asked.await.map(|_| ()).map_err(|fault| fault.reason.into_owned())
    };
    assert_eq!(hold(15, 1, "KGM").await, Ok(()), "1.5 kg are 150 base units");
    assert_eq!(visby.level("TEA-1").await, (1_000, 150));
    assert_eq!(hold(1_500_000, 6, "KGM").await, Ok(()), "the same, written longer");
    assert_eq!(visby.level("TEA-1").await, (1_000, 300));
    for (value, scale, unit) in [
        (1_501, 3, "KGM"),
        (1, 0, "C62"),
        (0, 0, "KGM"),
        (-1, 0, "KGM"),
        (i64::MIN, 0, "KGM"),
        (i64::MAX, 0, "KGM"),
    ] {
        assert_eq!(
            hold(value, scale, unit).await,
            Err("INVALID_ARGUMENT".to_owned()),
            "{value} e-{scale} {unit}"
        );
    }
    assert_eq!(hold(701, 2, "KGM").await, Err("OUT_OF_STOCK".to_owned()));
    assert_eq!(visby.level("TEA-1").await, (1_000, 300));
    visby.adds_up().await;
}

/// A wrong unit for an article that the grant does not cover must not tell that the article is there.
#[tokio::test(flavor = "multi_thread")]
async fn an_article_outside_the_grant_answers_like_one_that_is_not_there_also_in_a_wrong_unit() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(&[("TEA-1", 10), ("SECRET", 10)]).await;
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true, "skus": ["TEA-1"]});
    let link = visby.links_with(&luebeck, grant, json!({})).await;
    let mut answers = Vec::new();
    for sku in ["SECRET", "NOBODY"] {
        let lines = json!([{"item": {"sku": sku}, "quantity": {"value": 1, "unit": "KGM"}}]);
        let body = json!({"linkId": link, "lines": lines, "ttl": "60s"});
        let asked = luebeck.try_call("inventory.v1.InventoryStaffService/ReserveAtPartner", body);
        answers.push(asked.await.unwrap_err());
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hold_confirm_fulfil_takes_the_units_out_of_the_house_once() {
    let (_here, _there, visby, luebeck, link) = linked(&[("TEA-1", 10)]).await;
    let held = luebeck.reserves(&link, "", "TEA-1", 4, "60s").await.unwrap();
    let place = json!({"linkId": link, "id": held["id"]});
    let refused = visby
        .try_call("inventory.v1.InventoryStaffService/FulfilReservation", place.clone())
        .await
        .unwrap_err();
    assert_eq!(
        refused.reason, "RESERVATION_ENDED",
        "what is not confirmed does not leave"
    );
    luebeck
        .call("inventory.v1.InventoryStaffService/ConfirmAtPartner", place.clone())
        .await;
    for _ in 0..2 {
        let done = visby
            .call("inventory.v1.InventoryStaffService/FulfilReservation", place.clone())
            .await;
        assert_eq!(done["reservation"]["state"], "RESERVATION_STATE_FULFILLED");
    }
    assert_eq!(visby.level("TEA-1").await, (6, 0));
    let known = luebeck
        .call("inventory.v1.InventoryStaffService/GetPartnerReservation", place)
        .await;
    assert_eq!(known["reservation"]["state"], "RESERVATION_STATE_FULFILLED");
    let movements = visby
        .call("inventory.v1.InventoryStaffService/ListMovements", json!({}))
        .await;
    let kinds: Vec<_> = movements["movements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["kind"]))
        .collect();
    assert_eq!(kinds, ["fulfil", "hold", "import"]);
    visby.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_nobody_confirms_gives_its_units_back_and_a_late_confirm_is_refused() {
    let (_here, _there, visby, luebeck, link) = linked(&[("TEA-1", 10)]).await;
    let held = luebeck.reserves(&link, "", "TEA-1", 4, "1s").await.unwrap();
    assert_eq!(visby.level("TEA-1").await, (10, 4));
    for _ in 0..400 {
        if visby.level("TEA-1").await == (10, 0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(visby.level("TEA-1").await, (10, 0));
    let place = json!({"linkId": link, "id": held["id"]});
    let late = luebeck
        .try_call("inventory.v1.InventoryStaffService/ConfirmAtPartner", place)
        .await
        .unwrap_err();
    assert_eq!(late.reason, "RESERVATION_EXPIRED");
    visby.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_given_up_holds_nothing_when_it_comes_late() {
    let (_here, _there, visby, luebeck, link) = linked(&[("TEA-1", 10)]).await;
    let id = Uuid::from_u128(9).to_string();
    // The buyer wrote down that it asked, and the request has not arrived: more than there is, so the owner keeps nothing of it.
    assert_eq!(
        luebeck
            .reserves(&link, &id, "TEA-1", 11, "60s")
            .await
            .unwrap_err()
            .reason,
        "OUT_OF_STOCK"
    );
    let other = Uuid::from_u128(10).to_string();
    let known = luebeck.try_call(
        "inventory.v1.InventoryStaffService/GetPartnerReservation",
        json!({"linkId": link, "id": other, "close": true}),
    );
    assert_eq!(known.await.unwrap_err().reason, "NOT_FOUND", "we never asked for it");
    assert_eq!(visby.level("TEA-1").await, (10, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_below_what_is_promised_is_kept_as_short_and_settled_when_units_come_back() {
    let (_here, _there, visby, luebeck, link) = linked(&[("TEA-1", 10)]).await;
    let held = luebeck.reserves(&link, "", "TEA-1", 8, "600s").await.unwrap();
    let count = |units: i64| {
        let body = json!({"item": {"sku": "TEA-1"}, "location": "MAIN", "onHand": {"value": units}});
        let visby = visby.clone();
        async move { visby.call("inventory.v1.InventoryStaffService/CountStock", body).await["level"].clone() }
    };
    let level = count(5).await;
    assert_eq!(
        (text(&level["short"]["value"]), text(&level["reserved"]["value"])),
        ("3".into(), "8".into())
    );
    visby.adds_up().await;
    let place = json!({"linkId": link, "id": held["id"]});
    luebeck
        .call("inventory.v1.InventoryStaffService/ConfirmAtPartner", place.clone())
        .await;
    let refused = visby
        .try_call("inventory.v1.InventoryStaffService/FulfilReservation", place.clone())
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "SHORT");
    visby.adds_up().await;
    count(9).await;
    visby.adds_up().await;
    visby
        .call("inventory.v1.InventoryStaffService/FulfilReservation", place)
        .await;
    assert_eq!(visby.level("TEA-1").await, (1, 0));
    visby.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn good_rows_land_bad_rows_are_named_and_a_dry_run_writes_nothing() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let row = |line: u64, gtin: &str, name: &str| ImportRow {
        line,
        gtin: gtin.into(),
        name: name.into(),
        ..Default::default()
    };
    let rows = vec![
        row(2, "6901234567892", "tea"),
        row(3, "6901234567893", "bad digit"),
        row(4, "22994", "short"),
        row(5, "2012345678903", "store code"),
    ];
    let dry = visby.imports(rows.clone(), true).await;
    assert_eq!((&dry["created"], &dry["refused"]), (&json!(2), &json!(2)));
    let levels = visby
        .call("inventory.v1.InventoryStaffService/ListLevels", json!({}))
        .await;
    assert_eq!(levels["levels"], json!([]));
    let real = visby.imports(rows.clone(), false).await;
    assert_eq!(
        real["problems"],
        json!([
        {"line": 3, "field": "gtin", "reason": "CHECK_DIGIT"}, {"line": 4, "field": "gtin", "reason": "LENGTH"}])
    );
    let again = visby.imports(rows, false).await;
    assert_eq!(
        (&again["created"], &again["changed"], &again["unchanged"]),
        (&json!(0), &json!(0), &json!(2))
    );
    visby.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gtin_under_two_article_numbers_and_a_changed_unit_are_named_and_stop_no_other_row() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let row = |line: u64, sku: &str, gtin: &str, unit: &str| ImportRow {
        line,
        sku: sku.into(),
        gtin: gtin.into(),
        name: "tea".into(),
        unit: unit.into(),
        ..Default::default()
    };
    let first = vec![
        row(1, "TEA-1", "6901234567892", ""),
        row(2, "TEA-2", "6901234567892", ""),
        row(3, "TEA-3", "", ""),
    ];
    let imported = visby.imports(first, false).await;
    assert_eq!(
        imported["problems"],
        json!([{"line": 2, "field": "gtin", "reason": "TAKEN"}])
    );
    let second = vec![
        row(1, "TEA-4", "6901234567892", ""),
        row(2, "TEA-3", "", "KGM"),
        row(3, "TEA-5", "", "KGM"),
    ];
    let imported = visby.imports(second, false).await;
    assert_eq!(
        imported["problems"],
        json!([{"line": 1, "field": "gtin", "reason": "TAKEN"}, {"line": 2, "field": "unit", "reason": "OTHER_UNIT"}])
    );
    assert_eq!(imported["created"], 1);
    visby.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_code_is_never_matched_between_enterprises() {
    let (_here, _there, visby, luebeck, link) = linked(&[("TEA-1", 10)]).await;
    visby
        .imports(
            vec![ImportRow {
                line: 1,
                gtin: "2012345678903".into(),
                name: "cheese".into(),
                ..Default::default()
            }],
            false,
        )
        .await;
    let body = json!({"linkId": link, "items": [{"gtin": "2012345678903"}]});
    let answer = luebeck
        .call("inventory.v1.InventoryStaffService/QueryPartners", body)
        .await;
    assert_eq!(answer["answers"][0]["failure"], "INVALID_ARGUMENT");
    assert_eq!(answer["answers"][0]["availabilities"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_to_all_partners_returns_answers_and_named_failures() {
    let (_here, there, _visby, luebeck, link) = linked(&[("TEA-1", 10)]).await;
    let other = House::new().await;
    let bergen = other.enterprise("Bergen").await;
    let silent = bergen.links_with(&luebeck, json!({}), json!({})).await;
    let body = json!({"items": [{"sku": "TEA-1"}]});
    let answer = luebeck
        .call("inventory.v1.InventoryStaffService/QueryPartners", body)
        .await;
    let of = |id: &str| {
        answer["answers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["linkId"] == id)
            .unwrap()
            .clone()
    };
    assert_eq!(of(&link)["availabilities"][0]["exact"]["value"], "10");
    assert_eq!(of(&silent)["failure"], "GRANT");
    drop(there);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_quantity_limit_holds_under_many_callers() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(&[("TEA-1", 100)]).await;
    let grant = json!({"visibility": "VISIBILITY_NONE", "mayReserve": true, "openQuantityMax": 10});
    let link = visby.links_with(&luebeck, grant, json!({})).await;
    let mut buyers = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (luebeck, link) = (luebeck.clone(), link.clone());
        buyers.spawn(async move { luebeck.reserves(&link, "", "TEA-1", 1, "600s").await.is_ok() });
    }
    assert_eq!(buyers.join_all().await.into_iter().filter(|held| *held).count(), 10);
    visby.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verifier_names_a_level_that_was_changed_behind_its_back() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    visby.has(&[("TEA-1", 10), ("TEA-2", 5)]).await;
    let mut admin = house.world.superuser().await;
    let statement = format!(
        "update {}.level set on_hand = on_hand + 1 where on_hand = 10",
        visby.tenant.schema()
    );
    hansa_tests::database::run(&mut admin, statement).await.unwrap();
    let audit = visby
        .call("inventory.v1.InventoryStaffService/AuditStock", json!({}))
        .await;
    assert_eq!(audit["differences"].as_array().unwrap().len(), 1);
    assert!(text(&audit["differences"][0]).starts_with("TEA-1 at MAIN"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_is_found_by_any_words_of_its_name_its_number_or_its_gtin() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let row = |line: u64, sku: &str, gtin: &str, name: &str, location: &str| ImportRow {
        line,
        sku: sku.to_owned(),
        gtin: gtin.to_owned(),
        name: name.to_owned(),
        location: location.to_owned(),
        quantity: "7".to_owned(),
        ..ImportRow::default()
    };
    for code in ["MAIN", "NORTH"] {
        let location = json!({"location": {"code": code, "name": code}});
        visby
            .call("inventory.v1.InventoryStaffService/PutLocation", location)
            .await;
    }
    let rows = vec![
        row(1, "NUT-1", "3017620422003", "Nutella Hazelnut spread", "MAIN"),
        row(2, "NUT-1", "3017620422003", "Nutella Hazelnut spread", "NORTH"),
        row(3, "TEA_1", "", "Green tea 50%", "MAIN"),
        row(4, "TEAX1", "", "Schwarzer Tee", "MAIN"),
        // As long as both may be.
        row(5, &"X".repeat(80), "", &"Ä".repeat(200), "MAIN"),
    ];
    visby.imports(rows, false).await;
    let found = async |words: &str| {
        let answer = visby
            .call("inventory.v1.InventoryStaffService/ListItems", json!({"text": words}))
            .await;
        let items = answer["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|one| {
                (
                    text(&one["sku"]),
                    text(&one["onHand"]["value"]),
                    one["places"].as_u64().unwrap(),
                )
            })
            .collect::<Vec<_>>()
    };
    let nuts = vec![("NUT-1".to_owned(), "14".to_owned(), 2)];
    for words in ["nutella", "SPREAD nut", "3017620422003", "nut-1", "620422"] {
        assert_eq!(found(words).await, nuts, "{words}");
    }
    // A sign of a pattern stands for itself.
    let tea = vec![("TEA_1".to_owned(), "7".to_owned(), 1)];
    for words in ["tea_1", "50%", "green"] {
        assert_eq!(found(words).await, tea, "{words}");
    }
    assert_eq!(found("").await.len(), 4);
    assert_eq!(found(&"ä".repeat(100)).await.len(), 1);
    assert_eq!(found("nutella green").await, []);
    assert_eq!(found("\\").await, []);
    for words in ["a ".repeat(9), "a".repeat(101), "\0".to_owned()] {
        let refused = visby
            .try_call("inventory.v1.InventoryStaffService/ListItems", json!({"text": words}))
            .await
            .unwrap_err();
        assert_eq!(refused.parameters["field"], "text");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_says_where_it_goes_on_and_that_it_ends() {
    let (_here, _there, visby, luebeck, link) = linked(&[("TEA-1", 10), ("TEA-2", 10)]).await;
    for sku in ["TEA-1", "TEA-2", "TEA-1"] {
        luebeck.reserves(&link, "", sku, 1, "60s").await.unwrap();
    }
    for (enterprise, list, name, rows) in [
        (&visby, "ListLevels", "levels", 2),
        (&visby, "ListMovements", "movements", 5),
        (&visby, "ListReservations", "reservations", 3),
        (&luebeck, "ListPartnerReservations", "reservations", 3),
    ] {
        let method = format!("inventory.v1.InventoryStaffService/{list}");
        let whole = enterprise.call(&method, json!({})).await;
        assert_eq!(
            (whole[name].as_array().unwrap().len(), &whole["nextPage"]),
            (rows, &json!("")),
            "{list}"
        );
        let (mut page, mut seen) = (String::new(), 0);
        loop {
            let part = enterprise.call(&method, json!({"pageSize": 2, "page": page})).await;
            seen += part[name].as_array().unwrap().len();
            page = text(&part["nextPage"]);
            if page.is_empty() {
                break;
            }
        }
        assert_eq!(seen, rows, "{list}, two by two");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_code_is_looked_up_here_and_then_at_the_partners_and_the_source_is_named() {
    let (_here, _there, visby, luebeck, link) = linked(&[("TEA-1", 1)]).await;
    let row = |sku: &str, gtin: &str| ImportRow {
        line: 1,
        sku: sku.into(),
        gtin: gtin.into(),
        name: format!("article {sku}"),
        quantity: "3".into(),
        ..ImportRow::default()
    };
    visby.imports(vec![row("V-1", "9506000134352")], false).await;
    luebeck.imports(vec![row("L-1", "96385074")], false).await;
    let lookup = async |code: &str| {
        let method = "inventory.v1.InventoryStaffService/LookupItem";
        luebeck.try_call(method, json!({"code": code})).await
    };
    let theirs = lookup("]d20109506000134352172702001021A\u{1d}21S7").await.unwrap();
    assert_eq!(
        (&theirs["gtin"], &theirs["lot"], &theirs["expiresOn"]),
        (&json!("09506000134352"), &json!("21A"), &json!("2027-02-28"))
    );
    let found = &theirs["found"][0];
    assert_eq!((&found["source"], &found["sku"]), (&json!("Visby"), &json!("V-1")));
    assert_eq!(
        (&found["linkId"], &found["name"]),
        (&json!(link), &json!("article V-1"))
    );
    let ours = lookup("https://example.org/01/00000096385074").await.unwrap();
    assert_eq!(
        (&ours["found"][0]["source"], &ours["found"][0]["sku"]),
        (&json!("Lübeck"), &json!("L-1"))
    );
    assert_eq!(lookup("L-1").await.unwrap()["found"][0]["gtin"], "00000096385074");
    let new = lookup("4006381333931").await.unwrap();
    assert_eq!((&new["gtin"], &new["found"]), (&json!("04006381333931"), &json!([])));
    let wrong = lookup("4006381333932").await.unwrap_err();
    assert_eq!(
        wrong.text,
        "the check digit is wrong: 2 stands where 1 belongs (CHECK_DIGIT)"
    );
    let store_code = lookup("2012345000018").await.unwrap();
    assert_eq!(
        (&store_code["restricted"], &store_code["found"]),
        (&json!(true), &json!([]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_call_land_like_those_of_a_stream() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let rows = json!([
        {"line": 2, "gtin": "4006381333931", "sku": "PEN-1", "name": "Pen", "quantity": "7"},
        {"line": 3, "gtin": "4006381333932", "sku": "PEN-2", "name": "Pen", "quantity": "7"},
    ]);
    for (dry_run, level) in [(true, None), (false, Some((7, 0)))] {
        let options = json!({"dryRun": dry_run, "location": "MAIN"});
        let body = json!({"options": options, "rows": rows});
        let answer = visby.call("inventory.v1.InventoryStaffService/ImportRows", body).await;
        assert_eq!(answer["problems"][0]["line"], "3", "{answer}");
        assert_eq!(
            (&answer["totals"]["created"], &answer["totals"]["refused"]),
            (&json!("1"), &json!("1"))
        );
        if let Some(level) = level {
            assert_eq!(visby.level("PEN-1").await, level);
        }
    }
}
