//! Lists of documents: what is asked for, in the order that is asked for, page by page.
// covers: I11, I24

use hansa_tests::{Enterprise, House, documents::two, house::text};
use serde_json::{Value, json};

const SERVICE: &str = "documents.v1.DocumentsStaffService";

async fn issued(luebeck: &Enterprise, link: &str) -> String {
    let id = luebeck.begins("order", json!({"seller": link})).await;
    let line = json!({"id": "1", "sku": "TEA-1", "quantity": {"value": 10}});
    let contents = json!({"head": {"head": {"currency": "EUR"}}, "lines": {"lines": {"lines": [line]}}});
    luebeck.acts(&id, "issue", 0, contents).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_listed_by_kind_and_state_page_by_page_with_their_parties() {
    let (here, _there, bergen, luebeck, link) = two().await;
    for _ in 0..5 {
        let id = issued(&luebeck, &link).await;
        bergen.comes(&id, "issued").await;
    }
    let list = async |body: Value| bergen.call(&format!("{SERVICE}/ListDocuments"), body).await;
    let mut numbers = Vec::new();
    let mut page = String::new();
    loop {
        let part = list(json!({"kind": "order", "state": "issued", "pageSize": 2, "page": page})).await;
        for document in part["documents"].as_array().unwrap() {
            assert_eq!(document["parties"][0]["name"], "Lübeck Stores");
            assert_eq!(document["parties"].as_array().unwrap().len(), 2);
            numbers.push(text(&document["number"]));
        }
        page = text(&part["nextPage"]);
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(numbers, ["PO-5", "PO-4", "PO-3", "PO-2", "PO-1"]);
    let other = here.enterprise("Visby Tools").await;
    let theirs = other.call(&format!("{SERVICE}/ListDocuments"), json!({})).await;
    assert_eq!(
        theirs["documents"],
        json!([]),
        "another enterprise of this node sees none of them"
    );
    let unknown = json!({"linkId": "00000000-0000-4000-8000-000000000000"});
    for nothing in [
        json!({"kind": "invoice"}),
        json!({"state": "agreed"}),
        json!({"numberPrefix": "PO-6"}),
        unknown,
    ] {
        assert_eq!(list(nothing).await["documents"], json!([]));
    }
    for body in [
        json!({"linkId": link, "numberPrefix": "PO-4"}),
        json!({"openOnly": true, "numberPrefix": "PO-4"}),
    ] {
        assert_eq!(list(body).await["documents"][0]["number"], "PO-4");
    }
    let body = json!({"pageSize": 201});
    let refused = bergen
        .try_call(&format!("{SERVICE}/ListDocuments"), body)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "INVALID_ARGUMENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_begins_with_what_has_waited_longest_and_leaves_out_what_is_over() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        let id = issued(&luebeck, &link).await;
        bergen.comes(&id, "issued").await;
        ids.push(id);
    }
    // The first one moves on: it is the last that has come to its state.
    let receipt = json!({"acknowledgement": {"remark": {"note": "it is in our system"}}});
    bergen.acts(&ids[0], "acknowledge", 1, receipt).await.unwrap();
    luebeck.comes(&ids[0], "acknowledged").await;
    luebeck.acts(&ids[2], "cancel", 1, json!({})).await.unwrap();
    let list = async |mut body: Value| {
        body["order"] = json!("DOCUMENT_ORDER_LONGEST_IN_STATE");
        luebeck.call(&format!("{SERVICE}/ListDocuments"), body).await
    };
    let (mut found, mut page) = (Vec::new(), String::new());
    loop {
        let part = list(json!({"openOnly": true, "pageSize": 1, "page": page})).await;
        found.extend(part["documents"].as_array().unwrap().iter().map(|one| text(&one["id"])));
        page = text(&part["nextPage"]);
        if page.is_empty() {
            break;
        }
    }
    assert_eq!(found, [&*ids[1], &*ids[3], &*ids[0]]);
    let all = list(json!({})).await;
    assert_eq!(all["documents"].as_array().unwrap().len(), 4);
    // A place in one order is none in the other.
    let body = json!({"page": ids[0], "order": "DOCUMENT_ORDER_LONGEST_IN_STATE"});
    let refused = luebeck
        .try_call(&format!("{SERVICE}/ListDocuments"), body)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "INVALID_ARGUMENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_the_same_time_get_numbers_of_their_own_and_leave_no_gap() {
    let (_here, _there, _bergen, luebeck, link) = two().await;
    let begin = || luebeck.begins("order", json!({"seller": link}));
    let ids = futures_util::future::join_all((0..40).map(|_| begin())).await;
    let mut numbers = Vec::new();
    for id in &ids {
        numbers.push(text(&luebeck.document(id).await.unwrap()["number"]));
    }
    numbers.sort_by_key(|number| number["PO-".len()..].parse::<u32>().unwrap());
    let expected: Vec<_> = (1..=40).map(|number| format!("PO-{number}")).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_every_document_is_listed_once_with_who_led_it_where() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let mut expected = Vec::new();
    for n in 1..=3 {
        let id = issued(&luebeck, &link).await;
        bergen.comes(&id, "issued").await;
        expected.push((
            id.clone(),
            "1".to_owned(),
            "issued".to_owned(),
            "Lübeck Stores".to_owned(),
        ));
        if n == 2 {
            let receipt = json!({"acknowledgement": {"remark": {"reference": "SO-1"}}});
            bergen.acts(&id, "acknowledge", 1, receipt).await.unwrap();
            luebeck.comes(&id, "acknowledged").await;
            expected.push((id, "2".to_owned(), "acknowledged".to_owned(), "Bergen Foods".to_owned()));
        }
    }
    let list = async |of: &Enterprise, mut body: Value| {
        let mut seen = Vec::new();
        loop {
            let part = of.call(&format!("{SERVICE}/ListVersions"), body.clone()).await;
            for one in part["versions"].as_array().unwrap() {
                seen.push((
                    text(&one["documentId"]),
                    text(&one["version"]),
                    text(&one["state"]),
                    text(&one["by"]),
                ));
            }
            match &*text(&part["nextPage"]) {
                "" => return seen,
                page => body["page"] = json!(page),
            }
        }
    };
    for side in [&luebeck, &bergen] {
        assert_eq!(list(side, json!({"pageSize": 3})).await, expected, "{}", side.name);
    }
    assert_eq!(
        list(&luebeck, json!({"documentId": expected[1].0})).await,
        expected[1..3]
    );
    assert_eq!(list(&luebeck, json!({"kind": "order", "linkId": link})).await.len(), 4);
    assert_eq!(list(&luebeck, json!({"kind": "despatch_advice"})).await, []);
    let wrong = luebeck
        .try_call(&format!("{SERVICE}/ListVersions"), json!({"page": "x"}))
        .await;
    assert_eq!(wrong.unwrap_err().reason, "INVALID_ARGUMENT");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_print_the_same_order_with_one_root() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let id = issued(&luebeck, &link).await;
    bergen.comes(&id, "issued").await;
    let print = async |of: &Enterprise, language: &str| {
        let body = json!({"id": id, "language": language});
        text(&of.call(&format!("{SERVICE}/PrintDocument"), body).await["html"])
    };
    let page = print(&luebeck, "en").await;
    assert_eq!(page, print(&bergen, "en").await);
    let root = text(&luebeck.document(&id).await.unwrap()["root"]);
    for part in [
        "Purchase order PO-1",
        "Lübeck Stores",
        "Bergen Foods",
        "TEA-1",
        "10 pcs",
        &root,
    ] {
        assert!(page.contains(part), "{part} is missing: {page}");
    }
    assert!(print(&bergen, "de-DE").await.contains("Fassung 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_no_database_holds_is_refused_for_what_it_is_wherever_it_stands() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    let nul = "a\0b";
    for (method, body) in [
        ("inventory.v1.InventoryStaffService/ListLevels", json!({"page": nul})),
        ("inventory.v1.InventoryStaffService/ListItems", json!({"page": nul})),
        (
            "inventory.v1.InventoryStaffService/PutLocation",
            json!({"location": {"code": "M", "name": nul}}),
        ),
        (
            "directory.v1.DirectoryStaffService/CreateStaff",
            json!({"name": nul, "roles": ["ROLE_BUYER"]}),
        ),
        ("link.v1.LinkStaffService/ListLinks", json!({"group": nul})),
        (
            "conversations.v1.ConversationsStaffService/ListThreads",
            json!({"page": nul}),
        ),
    ] {
        let refused = visby.try_call(method, body).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_ARGUMENT", "{method}: {refused}");
    }
}
