//! Requests that come at the same moment share a transaction, and each of them is still on its own.
// covers: I1, I2

use std::{collections::BTreeSet, time::Duration};

use hansa_tests::{Enterprise, House};
use hansa_vocab::Fault;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Asks for all of these at once, while the owner can write nothing; the answers in the order of the requests.
async fn at_once(
    houses: (&House, &House),
    firms: (&Enterprise, &Enterprise),
    link: &str,
    requests: Vec<Value>,
) -> Vec<Result<Value, Fault>> {
    let (visby, luebeck) = firms;
    let mut admin = houses.0.world.superuser().await;
    let mut shut = admin.begin().await.unwrap();
    let lock = format!("lock table {}.level in exclusive mode", visby.tenant.schema());
    sqlx::query(AssertSqlSafe(lock)).execute(&mut *shut).await.unwrap();
    let without_id = requests.iter().filter(|body| body["id"].is_null()).count();
    let ids: BTreeSet<_> = requests.iter().filter_map(|body| body["id"].as_str()).collect();
    let (asked, mut buyers) = (i64::try_from(without_id + ids.len()).unwrap(), JoinSet::new());
    for (n, mut body) in requests.into_iter().enumerate() {
        body["linkId"] = link.into();
        let luebeck = luebeck.clone();
        buyers.spawn(async move {
            let method = "inventory.v1.InventoryStaffService/ReserveAtPartner";
            (n, luebeck.try_call(method, body).await)
        });
    }
    // Each is written down at the buyer before it is sent.
    let mut there = houses.1.world.superuser().await;
    let sent = format!("select count(*) from {}.partner_reservation", luebeck.tenant.schema());
    while sqlx::query(AssertSqlSafe(sent.clone()))
        .fetch_one(&mut there)
        .await
        .unwrap()
        .get::<i64, _>(0)
        < asked
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    shut.rollback().await.unwrap();
    let mut answers = buyers.join_all().await;
    answers.sort_by_key(|(n, _)| *n);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn lines(lines: &[(&str, i64)]) -> Value {
    let lines = lines
        .iter()
        .map(|(sku, units)| json!({"item": {"sku": sku}, "quantity": {"value": units}}));
    json!({"lines": lines.collect::<Vec<_>>(), "ttl": "600s"})
}

async fn linked(stock: &[(&str, i64)]) -> (House, House, Enterprise, Enterprise, String) {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(stock).await;
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true, "ttlMaxSeconds": 900});
    let link = visby.links_with(&luebeck, grant, json!({})).await;
    (here, there, visby, luebeck, link)
}

fn reasons(answers: &[Result<Value, Fault>]) -> Vec<&str> {
    answers
        .iter()
        .map(|answer| answer.as_ref().map_or_else(|fault| &*fault.reason, |_| "held"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_transactions_and_each_movement_has_its_own_line_in_the_ledger() {
    let (here, there, visby, luebeck, link) = linked(&[("TEA-1", 1_000), ("TEA-2", 1_000)]).await;
    let requests = (0..60).map(|n| lines(&[("TEA-1", 1 + n % 3), ("TEA-2", 2)])).collect();
    let answers = at_once((&here, &there), (&visby, &luebeck), &link, requests).await;
    assert!(answers.iter().all(Result::is_ok), "{:?}", reasons(&answers));
    assert_eq!(
        (visby.level("TEA-1").await, visby.level("TEA-2").await),
        ((1_000, 120), (1_000, 120))
    );
    visby.adds_up().await;
    let mut admin = here.world.superuser().await;
    let count = format!(
        "select count(distinct xid::text), count(*), count(distinct (item_id, version)) from {}.ledger where kind = 'hold'",
        visby.tenant.schema()
    );
    let row = sqlx::query(AssertSqlSafe(count)).fetch_one(&mut admin).await.unwrap();
    let (transactions, movements, versions): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((movements, versions), (120, 120));
    assert!(transactions < 60, "{transactions} transactions for 60 requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_takes_nothing_from_those_beside_it() {
    let (here, there, visby, luebeck, link) = linked(&[("TEA-1", 20), ("TEA-2", 1)]).await;
    let mut requests = Vec::new();
    for _ in 0..10 {
        // Wants more of TEA-2 than there is, and so must leave TEA-1 to the others.
        requests.push(lines(&[("TEA-1", 20), ("TEA-2", 2)]));
        requests.push(lines(&[("TEA-1", 2)]));
        requests.push(lines(&[("NONE", 1)]));
    }
    let answers = at_once((&here, &there), (&visby, &luebeck), &link, requests).await;
    for (n, reason) in reasons(&answers).into_iter().enumerate() {
        let expected = if n % 3 == 1 { "held" } else { "OUT_OF_STOCK" };
        assert_eq!(reason, expected, "request {n}");
    }
    assert_eq!(
        (visby.level("TEA-1").await, visby.level("TEA-2").await),
        ((20, 20), (1, 0))
    );
    visby.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_units_go_to_as_many_as_they_are_enough_for() {
    let (here, there, visby, luebeck, link) = linked(&[("TEA-1", 7)]).await;
    let requests = (0..40).map(|_| lines(&[("TEA-1", 2)])).collect();
    let answers = at_once((&here, &there), (&visby, &luebeck), &link, requests).await;
    let reasons = reasons(&answers);
    assert_eq!(reasons.iter().filter(|reason| **reason == "held").count(), 3);
    assert!(reasons.iter().all(|reason| ["held", "OUT_OF_STOCK"].contains(reason)));
    assert_eq!(visby.level("TEA-1").await, (7, 6));
    visby.adds_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_many_times_at_once_holds_once() {
    let (here, there, visby, luebeck, link) = linked(&[("TEA-1", 100)]).await;
    let id = Uuid::from_u128(9).to_string();
    let mut same = lines(&[("TEA-1", 4)]);
    same["id"] = id.clone().into();
    let others = (0..10).map(|_| lines(&[("TEA-1", 1)]));
    let requests = others.chain((0..10).map(|_| same.clone())).collect();
    let answers = at_once((&here, &there), (&visby, &luebeck), &link, requests).await;
    assert!(answers.iter().all(Result::is_ok), "{:?}", reasons(&answers));
    assert_eq!(visby.level("TEA-1").await, (100, 14));
    visby.adds_up().await;
}
