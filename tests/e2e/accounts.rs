//! What is owed on a link: both nodes read the same balance and ages out of the same signed documents, and name what they do not share.
// covers: I8

use hansa_tests::{Enterprise, House};
use serde_json::{Value, json};

const ACCOUNTS: &str = "procurement.v1.AccountsStaffService";

async fn traders() -> (House, House, Enterprise, Enterprise, String) {
    let (here, there) = (House::new().await, House::new().await);
    let (bergen, luebeck) = (
        here.enterprise("Bergen Import").await,
        there.enterprise("Tea House Lübeck").await,
    );
    let kinds = json!({"documentKinds": ["invoice", "credit_note"]});
    let link = bergen.links_with(&luebeck, kinds.clone(), kinds).await;
    (here, there, bergen, luebeck, link)
}

/// Something to be paid, or given back: so many units at so many cents, with 19 % on top.
async fn issues(seller: &Enterprise, kind: &str, link: &str, due: &str, lines: &[(i64, i64)]) -> String {
    let id = seller.begins(kind, json!({"buyer": link})).await;
    let lines: Vec<_> = lines.iter().enumerate().map(|(place, (units, cents))| json!({
        "id": (place + 1).to_string(), "name": "tea", "quantity": {"value": units}, "price": {"value": cents, "scale": 2},
        "tax": {"category": "S", "percent": {"value": 19}},
    })).collect();
    let head = json!({"currency": "EUR", "issueDate": "2026-01-05", "dueDate": due});
    let contents = json!({"head": {"head": head}, "lines": {"lines": {"lines": lines}}});
    seller.acts(&id, "issue", 0, contents).await.unwrap();
    id
}

async fn statement(who: &Enterprise, link: &str) -> Value {
    who.call(&format!("{ACCOUNTS}/GetStatement"), json!({"linkId": link}))
        .await
}

/// The statement once both have come to the same root.
async fn both(bergen: &Enterprise, luebeck: &Enterprise, link: &str) -> (Value, Value) {
    for _ in 0..400 {
        let (here, there) = (statement(bergen, link).await, statement(luebeck, link).await);
        if here["root"] == there["root"] {
            return (here, there);
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the two never say the same: {}", statement(luebeck, link).await);
}

fn sides(statement: &Value) -> [Vec<String>; 4] {
    let balance = &statement["balances"][0];
    let one = |name: &str| vec![balance[name].as_str().unwrap().to_owned()];
    let all = |name: &str| serde_json::from_value(balance[name].clone()).unwrap();
    [
        one("receivable"),
        one("payable"),
        all("receivableAges"),
        all("payableAges"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn both_nodes_come_to_the_same_balance_and_ages_with_what_is_disputed_and_why() {
    let (_one, _other, bergen, luebeck, link) = traders().await;
    let old = issues(&bergen, "invoice", &link, "2026-01-31", &[(10, 450), (2, 1_000)]).await;
    let new = issues(&bergen, "invoice", &link, "2099-01-31", &[(1, 100)]).await;
    let mine = issues(&luebeck, "invoice", &link, "2099-01-31", &[(5, 100)]).await;
    for (who, id) in [(&luebeck, &old), (&luebeck, &new), (&bergen, &mine)] {
        who.comes(id, "issued").await;
    }
    // 65.00 and 1.00 with 19 % are 77.35 and 1.19; 5.00 the other way are 5.95.
    let (here, there) = both(&bergen, &luebeck, &link).await;
    let [receivable, payable, over, owed] = sides(&here);
    assert_eq!((&*receivable[0], &*payable[0]), ("7854", "595"));
    assert_eq!(over, ["119", "0", "0", "0", "7735"]);
    assert_eq!(
        sides(&there),
        [payable, receivable, owed, over],
        "what one is owed the other owes"
    );
    assert_eq!(
        (&here["balances"][0]["balance"], &there["balances"][0]["balance"]),
        (&json!("7259"), &json!("-7259"))
    );

    // One line is not what was agreed.
    let said = json!({
        "answers": {"answers": {"answers": [{"line": "1", "verdict": "VERDICT_ACCEPT"},
            {"line": "2", "verdict": "VERDICT_DECLINE", "reason": "never ordered"}]}},
        "evidence": {"remark": {"reference": "PO-117"}},
    });
    luebeck.acts(&old, "check", 1, said).await.unwrap();
    luebeck.comes(&old, "disputed").await;
    let (here, there) = both(&bergen, &luebeck, &link).await;
    for seen in [&here, &there] {
        let item = seen["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["documentId"] == json!(old))
            .unwrap();
        assert_eq!(
            (&item["disputed"], &item["reason"], &item["evidence"]),
            (&json!("2380"), &json!("2: never ordered"), &json!("PO-117"))
        );
        assert_eq!(
            (&item["state"], &item["age"], &item["dueOn"]),
            (&json!("disputed"), &json!(4), &json!("2026-01-31"))
        );
        assert!(item["deadline"].is_string(), "{item}");
    }
    assert_eq!(here["balances"][0]["receivableDisputed"], "2380");

    // A credit note counts once it is agreed, and what is paid or set off is open no more.
    let back = issues(&bergen, "credit_note", &link, "2099-01-31", &[(2, 1_000)]).await;
    luebeck.comes(&back, "issued").await;
    assert_eq!(sides(&both(&bergen, &luebeck, &link).await.0)[1], ["595"]);
    luebeck.acts(&back, "agree", 1, json!({})).await.unwrap();
    bergen.comes(&back, "agreed").await;
    luebeck.comes(&back, "agreed").await;
    let (here, _) = both(&bergen, &luebeck, &link).await;
    assert_eq!(sides(&here)[1], ["2975"]);
    luebeck.acts(&old, "approve", 2, json!({})).await.unwrap();
    luebeck.comes(&old, "approved").await;
    luebeck.acts(&old, "pay", 3, json!({})).await.unwrap();
    luebeck.acts(&back, "settle", 2, json!({})).await.unwrap();
    for id in [&old, &back] {
        let state = if *id == old { "paid" } else { "settled" };
        bergen.comes(id, state).await;
        luebeck.comes(id, state).await;
    }
    let (here, _) = both(&bergen, &luebeck, &link).await;
    assert_eq!(
        (&sides(&here)[0][0], &sides(&here)[1][0]),
        (&"119".to_owned(), &"595".to_owned())
    );
    let asked = json!({"linkId": link});
    let same = bergen
        .call(&format!("{ACCOUNTS}/CompareWithPartner"), asked.clone())
        .await;
    assert_eq!(
        (&same["same"], &same["differences"]),
        (&json!(true), &json!([])),
        "{same}"
    );
    // Nobody asks what will be open.
    let later = json!({"linkId": link, "asOf": "2099-01-01T00:00:00Z"});
    let refused = bergen
        .try_call(&format!("{ACCOUNTS}/GetStatement"), later)
        .await
        .unwrap_err();
    assert_eq!(refused.parameters["field"], "as_of");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_moment_was_stays_what_it_was() {
    let (here, _other, bergen, luebeck, link) = traders().await;
    let first = issues(&bergen, "invoice", &link, "2099-01-31", &[(1, 100)]).await;
    luebeck.comes(&first, "issued").await;
    let yesterday = "update account_entry set at = at - interval '1 day'";
    here.world.in_tenant(bergen.tenant, yesterday).await;
    let hour_ago = hansa_vocab::Clock::now(&hansa_vocab::clock::SystemClock) - time::Duration::hours(1);
    let hour_ago = hour_ago.format(&time::format_description::well_known::Rfc3339).unwrap();
    let asked = json!({"linkId": link, "asOf": hour_ago});
    let ask = async || bergen.call(&format!("{ACCOUNTS}/GetStatement"), asked.clone()).await;
    let before = ask().await;
    assert_eq!(before["items"][0]["documentId"], json!(first));
    let second = issues(&bergen, "invoice", &link, "2099-01-31", &[(1, 100)]).await;
    bergen.acts(&first, "void", 1, json!({})).await.unwrap();
    assert_eq!(ask().await, before);
    let now = statement(&bergen, &link).await;
    assert_ne!(now["root"], before["root"]);
    let open: Vec<_> = now["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["documentId"].clone())
        .collect();
    assert_eq!(open, [json!(second)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_nodes_do_not_share_is_named() {
    let (here, _other, bergen, luebeck, link) = traders().await;
    let mut all = Vec::new();
    for _ in 0..3 {
        let id = issues(&bergen, "invoice", &link, "2099-01-31", &[(1, 100)]).await;
        luebeck.comes(&id, "issued").await;
        all.push(id);
    }
    both(&bergen, &luebeck, &link).await;
    // Somebody has laid hands on Bergen's own rows: one is gone, and one is another.
    let change = format!(
        "delete from account_entry where document_id = '{}';
         update account_entry set root = repeat('0', 64) where document_id = '{}'",
        all[0], all[1],
    );
    here.world.in_tenant(bergen.tenant, &change).await;
    let asked = json!({"linkId": link});
    for (who, versions) in [
        (&bergen, [("0", "1"), ("1", "1")]),
        (&luebeck, [("1", "0"), ("1", "1")]),
    ] {
        let told = who.call(&format!("{ACCOUNTS}/CompareWithPartner"), asked.clone()).await;
        assert_eq!(told["same"], false);
        let mut named: Vec<_> = told["differences"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                (
                    one["documentId"].as_str().unwrap(),
                    one["ourVersion"].as_str().unwrap(),
                    one["theirVersion"].as_str().unwrap(),
                )
            })
            .collect();
        named.sort_unstable();
        let mut expected = vec![
            (&*all[0], versions[0].0, versions[0].1),
            (&*all[1], versions[1].0, versions[1].1),
        ];
        expected.sort_unstable();
        assert_eq!(named, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn turnover_is_what_was_invoiced_less_what_credit_notes_took_back_month_by_month() {
    let (_here, _other, bergen, luebeck, link) = traders().await;
    let invoice = issues(&bergen, "invoice", &link, "2099-01-31", &[(10, 1_000)]).await;
    luebeck.comes(&invoice, "issued").await;
    let void = issues(&bergen, "invoice", &link, "2099-01-31", &[(1, 100)]).await;
    luebeck.comes(&void, "issued").await;
    bergen.acts(&void, "void", 1, json!({})).await.unwrap();
    luebeck.comes(&void, "voided").await;
    let credit = issues(&bergen, "credit_note", &link, "2099-01-31", &[(2, 1_000)]).await;
    luebeck.comes(&credit, "issued").await;
    let months = json!({"from": "2025-12", "to": "2026-02"});
    let turnover =
        async |who: &Enterprise, months: &Value| who.call(&format!("{ACCOUNTS}/GetTurnover"), months.clone()).await;
    both(&bergen, &luebeck, &link).await;
    let here = turnover(&bergen, &months).await;
    let there = turnover(&luebeck, &months).await;
    let figures = |answer: &Value| {
        let row = &answer["turnovers"][0];
        ["month", "bought", "sold", "documents", "partner"].map(|name| row[name].as_str().unwrap().to_owned())
    };
    assert_eq!(figures(&here)[..4], ["2026-01", "0", "11900", "1"]);
    assert_eq!(figures(&there)[..], ["2026-01", "11900", "0", "1", "Bergen Import"]);
    luebeck.acts(&credit, "agree", 1, json!({})).await.unwrap();
    luebeck.comes(&credit, "agreed").await;
    both(&bergen, &luebeck, &link).await;
    assert_eq!(
        figures(&turnover(&luebeck, &months).await)[..4],
        ["2026-01", "9520", "0", "2"]
    );
    let now = turnover(&luebeck, &json!({"from": "2026-02", "to": "2026-02"})).await;
    assert_eq!(now["turnovers"], json!([]));
    for wrong in [
        json!({"from": "2026-13"}),
        json!({"from": "2026-02", "to": "2026-01"}),
        json!({"from": "2020-01", "to": "2026-01"}),
    ] {
        let refused = luebeck.try_call(&format!("{ACCOUNTS}/GetTurnover"), wrong).await;
        assert_eq!(refused.unwrap_err().kind, hansa_vocab::Kind::Invalid);
    }
}
