//! The chain of an order: what is agreed is held and expected, what is despatched leaves one house, what is received comes into the
//! other.
// covers: I1, I2, I3, I8, I11, I13

use std::time::Duration;

use hansa_tests::{Enterprise, House, house::text};
use serde_json::{Value, json};

pub struct Trade {
    pub _houses: (House, House),
    pub bergen: Enterprise,
    pub luebeck: Enterprise,
    pub link: String,
}

/// Bergen sells, Lübeck buys; both keep TEA-1 and TEA-2, which Lübeck calls OUR-1 and OUR-2.
pub async fn trade(stock: &[(&str, i64)]) -> Trade {
    let (here, there) = (House::new().await, House::new().await);
    let (bergen, luebeck) = (
        here.enterprise("Bergen Foods").await,
        there.enterprise("Lübeck Stores").await,
    );
    bergen.has(stock).await;
    luebeck.has(&[("OUR-1", 0), ("OUR-2", 0)]).await;
    let grant = json!({"documentKinds": ["order", "despatch_advice", "return", "credit_note"], "visibility": "VISIBILITY_EXACT", "mayReserve": true, "ttlMaxSeconds": 900});
    let link = bergen.links_with(&luebeck, grant.clone(), grant).await;
    Trade {
        _houses: (here, there),
        bergen,
        luebeck,
        link,
    }
}

pub fn line(n: u32, units: i64) -> Value {
    json!({"id": n.to_string(), "sku": format!("TEA-{n}"), "buyerSku": format!("OUR-{n}"), "quantity": {"value": units}})
}

pub fn order(lines: &[(u32, i64)]) -> Value {
    let lines: Vec<_> = lines.iter().map(|(n, units)| line(*n, *units)).collect();
    json!({"head": {"head": {"currency": "EUR", "deliveryLocation": "MAIN"}}, "lines": {"lines": {"lines": lines}}})
}

pub fn advice(order: &str, lines: &[(u32, i64)]) -> Value {
    let lines = lines.iter().map(|(n, units)| {
        let mut line = line(*n, *units);
        line["ofLine"] = n.to_string().into();
        line
    });
    let lines: Vec<_> = lines.collect();
    json!({"head": {"head": {"refersTo": order}}, "lines": {"lines": {"lines": lines}}})
}

pub fn receipts(lines: &[(u32, i64, &str)]) -> Value {
    let receipts = lines
        .iter()
        .map(|(n, units, reason)| json!({"line": n.to_string(), "received": {"value": units}, "reason": reason}));
    json!({"receipts": {"receipts": {"receipts": receipts.collect::<Vec<_>>()}}})
}

pub fn answers(verdicts: &[(u32, &str, Option<i64>)]) -> Value {
    let answers = verdicts.iter().map(|(line, verdict, units)| {
        let quantity = units.map(|units| json!({"value": units}));
        json!({"line": line.to_string(), "verdict": format!("VERDICT_{verdict}"), "quantity": quantity})
    });
    json!({"answers": {"answers": {"answers": answers.collect::<Vec<_>>()}}})
}

/// Units on hand, reserved and incoming.
pub async fn level(enterprise: &Enterprise, sku: &str) -> (i64, i64, i64) {
    let body = json!({"item": {"sku": sku}});
    let answer = enterprise
        .call("inventory.v1.InventoryStaffService/ListLevels", body)
        .await;
    let sum = |name: &str| {
        let levels = answer["levels"].as_array().unwrap().iter();
        levels
            .map(|level| text(&level[name]["value"]).parse::<i64>().unwrap())
            .sum()
    };
    (sum("onHand"), sum("reserved"), sum("incoming"))
}

pub async fn levels_become(enterprise: &Enterprise, sku: &str, expected: (i64, i64, i64)) {
    for _ in 0..400 {
        if level(enterprise, sku).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!(
        "{} {sku}: {:?}, not {expected:?}",
        enterprise.name,
        level(enterprise, sku).await
    );
}

impl Trade {
    pub async fn ordered(&self, lines: &[(u32, i64)]) -> String {
        let id = self.luebeck.begins("order", json!({"seller": self.link})).await;
        self.luebeck.acts(&id, "issue", 0, order(lines)).await.unwrap();
        self.bergen.comes(&id, "issued").await;
        id
    }

    /// An order of ten and five that Bergen has accepted as it is.
    pub async fn agreed(&self) -> String {
        let id = self.ordered(&[(1, 10), (2, 5)]).await;
        let accept = answers(&[(1, "ACCEPT", None), (2, "ACCEPT", None)]);
        self.bergen.acts(&id, "answer", 1, accept).await.unwrap();
        self.luebeck.comes(&id, "agreed").await;
        self.bergen.comes(&id, "agreed").await;
        id
    }

    pub async fn despatched(&self, order: &str, lines: &[(u32, i64)]) -> String {
        let id = self.bergen.begins("despatch_advice", json!({"buyer": self.link})).await;
        self.bergen.acts(&id, "issue", 0, advice(order, lines)).await.unwrap();
        self.luebeck.comes(&id, "despatched").await;
        id
    }

    pub async fn adds_up(&self, documents: &[&str]) {
        self.bergen.adds_up().await;
        self.luebeck.adds_up().await;
        for id in documents {
            let (here, there) = (self.bergen.verifies(id).await, self.luebeck.verifies(id).await);
            assert_eq!(here["flaws"], json!([]));
            assert_eq!(here, there);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_held_despatched_in_two_parts_and_received_with_stock_right_at_both_ends() {
    let trade = trade(&[("TEA-1", 12), ("TEA-2", 5)]).await;
    let (bergen, luebeck) = (&trade.bergen, &trade.luebeck);
    let id = trade.agreed().await;
    levels_become(luebeck, "OUR-1", (0, 0, 10)).await;
    assert_eq!(level(bergen, "TEA-1").await, (12, 10, 0));
    let first = trade.despatched(&id, &[(1, 6), (2, 5)]).await;
    assert_eq!(level(bergen, "TEA-1").await, (6, 4, 0));
    assert_eq!(level(bergen, "TEA-2").await, (0, 0, 0));
    let progress = bergen.document(&id).await.unwrap()["progress"].clone();
    assert_eq!(progress[0]["agreed"]["value"], "10");
    assert_eq!(progress[0]["done"]["value"], "6");
    // Two of the second line are missing.
    let short = receipts(&[(1, 6, ""), (2, 3, "two crushed")]);
    luebeck.acts(&first, "receive", 1, short).await.unwrap();
    bergen.comes(&first, "received_short").await;
    luebeck.comes(&first, "received_short").await;
    levels_become(luebeck, "OUR-1", (6, 0, 4)).await;
    levels_become(luebeck, "OUR-2", (3, 0, 0)).await;
    let seen = bergen.document(&first).await.unwrap();
    assert_eq!(
        seen["contents"]["receipts"]["receipts"]["receipts"][1]["reason"],
        "two crushed"
    );
    let second = trade.despatched(&id, &[(1, 4)]).await;
    luebeck
        .acts(&second, "receive", 1, receipts(&[(1, 4, "")]))
        .await
        .unwrap();
    bergen.comes(&second, "received").await;
    levels_become(luebeck, "OUR-1", (10, 0, 0)).await;
    assert_eq!(level(bergen, "TEA-1").await, (2, 0, 0));
    // One of the crushed ones was good after all.
    luebeck
        .acts(&first, "correct", 2, receipts(&[(1, 6, ""), (2, 4, "one crushed")]))
        .await
        .unwrap();
    luebeck
        .becomes(&first, "corrected", |document| document["version"] == "3")
        .await;
    levels_become(luebeck, "OUR-2", (4, 0, 0)).await;
    trade.adds_up(&[&id, &first, &second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_accepts_or_despatches_what_is_not_there() {
    let trade = trade(&[("TEA-1", 12), ("TEA-2", 3)]).await;
    let (bergen, luebeck) = (&trade.bergen, &trade.luebeck);
    let id = trade.ordered(&[(1, 10), (2, 5)]).await;
    let both = answers(&[(1, "ACCEPT", None), (2, "ACCEPT", None)]);
    let fault = bergen.acts(&id, "answer", 1, both).await.unwrap_err();
    assert_eq!(
        (&*fault.reason, &*fault.text),
        ("OUT_OF_STOCK", "line 2: 3 C62 are free")
    );
    assert_eq!(level(bergen, "TEA-1").await, (12, 0, 0), "all lines or none");
    // What is offered is held while the buyer thinks about it.
    let less = answers(&[(1, "ACCEPT", None), (2, "CHANGE", Some(3))]);
    bergen.acts(&id, "answer", 1, less).await.unwrap();
    assert_eq!(level(bergen, "TEA-2").await, (3, 3, 0));
    let taken = luebeck.reserves(&trade.link, "", "TEA-1", 3, "60s").await;
    assert_eq!(
        taken.unwrap_err().reason,
        "OUT_OF_STOCK",
        "orders and reservations share the shelf"
    );
    luebeck.comes(&id, "answered").await;
    luebeck.acts(&id, "agree", 2, json!({})).await.unwrap();
    bergen.comes(&id, "agreed").await;
    // A count takes one away; then only what is there can leave.
    let count = json!({"item": {"sku": "TEA-2"}, "location": "MAIN", "onHand": {"value": 2}});
    let counted = bergen
        .try_call("inventory.v1.InventoryStaffService/CountStock", count)
        .await;
    assert!(counted.is_ok(), "{counted:?}");
    let advice_id = bergen.begins("despatch_advice", json!({"buyer": trade.link})).await;
    let fault = bergen
        .acts(&advice_id, "issue", 0, advice(&id, &[(2, 3)]))
        .await
        .unwrap_err();
    assert_eq!(
        (&*fault.reason, &*fault.text),
        ("OUT_OF_STOCK", "line 2: 2 C62 are free")
    );
    let more = bergen
        .acts(&advice_id, "issue", 0, advice(&id, &[(1, 11)]))
        .await
        .unwrap_err();
    assert_eq!(more.text, "line 1 of PO-1 comes to more than was agreed");
    let other = bergen
        .acts(&advice_id, "issue", 0, advice(&id, &[(3, 1)]))
        .await
        .unwrap_err();
    assert_eq!(other.text, "PO-1 has no line 3 that is still to come");
    trade.adds_up(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_agreed_order_moves_what_is_held_only_as_far_as_both_want_it() {
    let trade = trade(&[("TEA-1", 12), ("TEA-2", 9)]).await;
    let (bergen, luebeck) = (&trade.bergen, &trade.luebeck);
    let id = trade.agreed().await;
    let proposal = async |by: &Enterprise, to: &Enterprise, base: u64, lines: &[(u32, i64)]| {
        by.acts(&id, "change", base, order(lines)).await.unwrap();
        let open = |document: &Value| document["proposals"][0].is_object();
        by.becomes(&id, "open", open).await;
        text(&to.becomes(&id, "open", open).await["proposals"][0]["id"])
    };
    // Who sells holds what it offers from the moment it signs.
    let more = proposal(bergen, luebeck, 2, &[(1, 12), (2, 2)]).await;
    assert_eq!(level(bergen, "TEA-1").await, (12, 12, 0));
    assert_eq!(level(bergen, "TEA-2").await, (9, 5, 0), "and still what was agreed");
    luebeck.says(&id, "reject", 2, &more).await.unwrap();
    levels_become(bergen, "TEA-1", (12, 10, 0)).await;
    let less = proposal(luebeck, bergen, 2, &[(1, 4), (2, 9)]).await;
    assert_eq!(
        level(bergen, "TEA-1").await,
        (12, 10, 0),
        "what the other side wants binds nobody"
    );
    bergen.says(&id, "accept", 2, &less).await.unwrap();
    levels_become(bergen, "TEA-1", (12, 4, 0)).await;
    levels_become(bergen, "TEA-2", (9, 9, 0)).await;
    levels_become(luebeck, "OUR-1", (0, 0, 4)).await;
    levels_become(luebeck, "OUR-2", (0, 0, 9)).await;
    luebeck.acts(&id, "cancel_agreed", 3, json!({})).await.unwrap();
    let open = |document: &Value| document["proposals"][0].is_object();
    let cancel = text(&bergen.becomes(&id, "open", open).await["proposals"][0]["id"]);
    bergen.says(&id, "accept", 3, &cancel).await.unwrap();
    levels_become(bergen, "TEA-2", (9, 0, 0)).await;
    levels_become(luebeck, "OUR-2", (0, 0, 0)).await;
    trade.adds_up(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_despatches_on_an_order_that_is_not_agreed_or_not_its_own() {
    let trade = trade(&[("TEA-1", 12), ("TEA-2", 9)]).await;
    let (bergen, luebeck) = (&trade.bergen, &trade.luebeck);
    let id = trade.ordered(&[(1, 10)]).await;
    let advice_id = bergen.begins("despatch_advice", json!({"buyer": trade.link})).await;
    let field = async |contents| {
        let fault = bergen.acts(&advice_id, "issue", 0, contents).await.unwrap_err();
        (fault.reason.into_owned(), fault.text)
    };
    let (reason, text) = field(advice(&id, &[(1, 1)])).await;
    assert_eq!((&*reason, &*text), ("INVALID_ARGUMENT", "PO-1 is issued"));
    let unknown = uuid::Uuid::from_u128(7).to_string();
    let (_, text) = field(advice(&unknown, &[(1, 1)])).await;
    assert_eq!(text, "there is no order of that id here");
    let (_, text) = field(order(&[(1, 1)])).await;
    assert!(text.starts_with("the id of the document"), "{text}");
    // Somebody else's order, at the same seller.
    let other = trade._houses.1.enterprise("Reval Stores").await;
    let grant = json!({"documentKinds": ["order", "despatch_advice"]});
    let theirs = bergen.links_with(&other, grant.clone(), grant).await;
    let order_id = other.begins("order", json!({"seller": theirs})).await;
    other.acts(&order_id, "issue", 0, order(&[(1, 1)])).await.unwrap();
    bergen.comes(&order_id, "issued").await;
    bergen
        .acts(&order_id, "answer", 1, answers(&[(1, "ACCEPT", None)]))
        .await
        .unwrap();
    bergen.comes(&order_id, "agreed").await;
    let (_, text) = field(advice(&order_id, &[(1, 1)])).await;
    assert_eq!(text, "PO-1 is between others");
    assert_eq!(luebeck.document(&advice_id).await.unwrap_err().reason, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_adds_up_to_what_was_sent_and_says_why_it_is_less() {
    let trade = trade(&[("TEA-1", 12), ("TEA-2", 9)]).await;
    let id = trade.agreed().await;
    let advice_id = trade.despatched(&id, &[(1, 6)]).await;
    for (wrong, field) in [
        (receipts(&[(1, 7, "")]), "received"),
        (receipts(&[(1, 5, "")]), "reason"),
        (receipts(&[]), "receipts"),
        (receipts(&[(1, 6, ""), (2, 1, "")]), "receipts"),
        (receipts(&[(1, -1, "gone")]), "received"),
    ] {
        let fault = trade.luebeck.acts(&advice_id, "receive", 1, wrong).await.unwrap_err();
        assert_eq!(fault.parameters["field"], field, "{fault:?}");
    }
    assert_eq!(level(&trade.luebeck, "OUR-1").await.0, 0);
    trade
        .luebeck
        .acts(&advice_id, "receive", 1, receipts(&[(1, 0, "all wet")]))
        .await
        .unwrap();
    trade.bergen.comes(&advice_id, "refused").await;
    trade.luebeck.comes(&advice_id, "refused").await;
    trade.adds_up(&[&id, &advice_id]).await;
}

const BUYING: &str = "procurement.v1.ProcurementStaffService";

async fn makes(buyer: &Enterprise, id: u128, lines: &[(&str, &str, &str)]) -> Result<Value, hansa_vocab::Fault> {
    let assignments = lines
        .iter()
        .map(|(requisition, line, link)| json!({"requisitionId": requisition, "line": line, "linkId": link}));
    let body = json!({"id": uuid::Uuid::from_u128(id), "assignments": assignments.collect::<Vec<_>>(), "head": {"deliveryLocation": "MAIN"}});
    buyer.try_call(&format!("{BUYING}/MakeOrders"), body).await
}

/// A requisition of Lübeck's own people, approved.
async fn asked(luebeck: &Enterprise, lines: &[(u32, i64)]) -> String {
    let id = luebeck.begins("requisition", json!({})).await;
    let approved = luebeck.acts(&id, "submit", 0, order(lines)).await.unwrap();
    assert_eq!(approved["state"], "approved", "nobody has to approve it here");
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_many_stores_become_one_order_for_each_supplier_and_each_line_is_ordered_once() {
    let trade = trade(&[("TEA-1", 50), ("TEA-2", 50)]).await;
    let (bergen, luebeck) = (&trade.bergen, &trade.luebeck);
    let visby = trade._houses.0.enterprise("Visby").await;
    let grant = json!({"documentKinds": ["order"]});
    let other = visby.links_with(luebeck, grant, json!({})).await;
    let (one, two) = (
        asked(luebeck, &[(1, 10), (2, 5)]).await,
        asked(luebeck, &[(1, 3)]).await,
    );
    let lines = [
        (&*one, "1", &*trade.link),
        (&*one, "2", &*other),
        (&*two, "1", &*trade.link),
    ];
    let made = makes(luebeck, 7, &lines).await.unwrap();
    assert_eq!(
        makes(luebeck, 7, &lines).await.unwrap(),
        made,
        "the same request again changes nothing"
    );
    let orders = made["orders"].as_array().unwrap();
    assert_eq!(orders.len(), 2);
    let at = |link: &str| text(&orders.iter().find(|order| order["linkId"] == link).unwrap()["documentId"]);
    let seen = bergen.comes(&at(&trade.link), "issued").await;
    let bought = seen["contents"]["lines"]["lines"]["lines"].as_array().unwrap();
    assert_eq!((bought.len(), &bought[0]["quantity"]["value"]), (1, &json!("13")));
    visby.comes(&at(&other), "issued").await;
    for requisition in [&one, &two] {
        assert_eq!(luebeck.document(requisition).await.unwrap()["state"], "ordered");
    }
    let sources = json!({"documentId": at(&trade.link)});
    let sources = luebeck.call(&format!("{BUYING}/ListOrderSources"), sources).await;
    assert_eq!(sources["sources"].as_array().unwrap().len(), 2);
    let theirs = json!({"documentId": at(&trade.link)});
    let theirs = bergen.call(&format!("{BUYING}/ListOrderSources"), theirs).await;
    assert_eq!(
        theirs["sources"],
        json!([]),
        "the supplier does not see who asked for which part"
    );
    let again = makes(luebeck, 8, &lines[..1]).await.unwrap_err();
    assert_eq!(again.reason, "NOT_APPROVED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_may_be_ordered_anew_when_its_order_has_come_to_nothing() {
    let trade = trade(&[("TEA-1", 50), ("TEA-2", 50)]).await;
    let luebeck = &trade.luebeck;
    let id = asked(luebeck, &[(1, 10), (2, 5)]).await;
    let first = makes(luebeck, 7, &[(&id, "1", &trade.link)]).await.unwrap();
    assert_eq!(
        first["orderedRequisitionIds"],
        json!([]),
        "the second line is not ordered yet"
    );
    let lines = [(&*id, "1", &*trade.link), (&*id, "2", &*trade.link)];
    let refused = makes(luebeck, 8, &lines).await.unwrap_err();
    assert_eq!(refused.reason, "ALREADY_ORDERED");
    let order_id = text(&first["orders"][0]["documentId"]);
    assert_eq!(refused.parameters["order_id"], order_id);
    luebeck.acts(&order_id, "cancel", 1, json!({})).await.unwrap();
    let second = makes(luebeck, 8, &lines).await.unwrap();
    assert_eq!(second["orderedRequisitionIds"], json!([id]));
    trade
        .bergen
        .comes(&text(&second["orders"][0]["documentId"]), "issued")
        .await;
    // Another enterprise's request, and none at all, are the same.
    let bergens = asked(&trade.bergen, &[(1, 1)]).await;
    let nobodys = uuid::Uuid::from_u128(9).to_string();
    for (wrong, reason) in [
        (vec![(&*bergens, "1", &*trade.link)], "NOT_FOUND"),
        (vec![(&*nobodys, "1", &*trade.link)], "NOT_FOUND"),
        (vec![], "INVALID_ARGUMENT"),
        (vec![(&*order_id, "1", &*trade.link)], "INVALID_ARGUMENT"),
        (vec![(&*id, "9", &*trade.link)], "NOT_APPROVED"),
    ] {
        assert_eq!(makes(luebeck, 9, &wrong).await.unwrap_err().reason, reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_franchisee_asks_its_franchisor_decides_with_its_own_people_and_orders_at_a_supplier() {
    let trade = trade(&[("TEA-1", 50), ("TEA-2", 50)]).await;
    let (bergen, luebeck) = (&trade.bergen, &trade.luebeck);
    let (house, node) = (&trade._houses.1, &trade._houses.1.node);
    let shop = house.enterprise("Corner Shop").await;
    let kinds = json!({"documentKinds": ["franchise_requisition"]});
    let link = luebeck.links_with(&shop, kinds.clone(), kinds).await;
    let (_, clerk) = shop.employs(node, "Carl", &["store"]).await;
    let (_, manager) = shop.employs(node, "Mia", &["approver"]).await;
    let puts = async |who: &Enterprise, act: &str| {
        let flow = json!({"name": "asking", "version": 1, "title": {}, "on": {"kind": "franchise_requisition", "act": act},
            "steps": [{"name": "one", "by": {"role": "approver"}}]});
        let body = json!({"definition": flow.to_string()});
        who.call("workflow.v1.WorkflowStaffService/PutFlow", body).await;
    };
    puts(&shop, "submit").await;
    puts(luebeck, "decide").await;
    let id = clerk.begins("franchise_requisition", json!({"franchisor": link})).await;
    let held = clerk.acts(&id, "submit", 0, order(&[(1, 10), (2, 5)])).await.unwrap();
    assert_eq!(
        luebeck.document(&id).await.unwrap_err().reason,
        "NOT_FOUND",
        "it is not approved in the shop"
    );
    let approve = async |who: &Enterprise, document: &Value| {
        let body = json!({"id": document["acts"][0]["id"], "verdict": "VERDICT_APPROVE"});
        who.call("workflow.v1.WorkflowStaffService/Decide", body).await;
    };
    approve(&manager, &held).await;
    luebeck.comes(&id, "submitted").await;
    let (_, head) = luebeck.employs(node, "Hanna", &["approver"]).await;
    let less = answers(&[(1, "CHANGE", Some(8)), (2, "DECLINE", None)]);
    let held = luebeck.acts(&id, "decide", 1, less).await.unwrap();
    assert_eq!(held["acts"][0]["state"], "held");
    approve(&head, &held).await;
    luebeck.comes(&id, "approved_in_part").await;
    shop.comes(&id, "approved_in_part").await;
    let made = makes(luebeck, 7, &[(&id, "1", &trade.link)]).await.unwrap();
    let order_id = text(&made["orders"][0]["documentId"]);
    let seen = bergen.comes(&order_id, "issued").await;
    assert_eq!(seen["contents"]["lines"]["lines"]["lines"][0]["quantity"]["value"], "8");
    shop.comes(&id, "ordered").await;
    assert_eq!(
        shop.document(&order_id).await.unwrap_err().reason,
        "NOT_FOUND",
        "the order is the franchisor's"
    );
}
