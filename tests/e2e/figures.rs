//! Figures that people look at: what runs low, how long decisions take, how a link has done.
// covers: I4, I9

use hansa_tests::{Enterprise, House, house::text};
use serde_json::{Value, json};

use super::approvals::{decides, flow, puts, shop};

const STOCK: &str = "inventory.v1.InventoryStaffService";

async fn keeps_back(who: &Enterprise, item: Value, units: i64) -> Value {
    let body = json!({"item": item, "location": "MAIN", "safetyStock": {"value": units}});
    who.call(&format!("{STOCK}/SetSafetyStock"), body).await["level"].clone()
}

/// What the partner is shown.
async fn shown(who: &Enterprise, link: &str, sku: &str) -> Value {
    let body = json!({"linkId": link, "items": [{"sku": sku}]});
    let answer = who.call(&format!("{STOCK}/QueryPartners"), body).await;
    answer["answers"][0]["availabilities"][0]["exact"]["value"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_back_is_shown_to_nobody_and_is_named_when_less_is_there() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(&[("TEA-1", 10), ("TEA-2", 10), ("TEA-3", 10)]).await;
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true});
    let link = visby.links_with(&luebeck, grant, json!({})).await;
    assert_eq!(shown(&luebeck, &link, "TEA-1").await, "10");
    let level = keeps_back(&visby, json!({"sku": "TEA-1"}), 4).await;
    assert_eq!(
        (text(&level["safetyStock"]["value"]), text(&level["onHand"]["value"])),
        ("4".into(), "10".into())
    );
    assert_eq!(shown(&luebeck, &link, "TEA-1").await, "6");
    keeps_back(&visby, json!({"sku": "TEA-2"}), 20).await;
    let refused = luebeck.reserves(&link, "", "TEA-2", 1, "60s").await.unwrap_err();
    assert_eq!(refused.reason, "OUT_OF_STOCK");
    luebeck.reserves(&link, "", "TEA-1", 6, "600s").await.unwrap();
    let low = async || visby.call(&format!("{STOCK}/ListLow"), json!({})).await;
    let answer = low().await;
    assert_eq!((&answer["all"], &answer["watched"]), (&json!("1"), &json!("2")));
    keeps_back(&visby, json!({"sku": "TEA-1"}), 8).await;
    let answer = low().await;
    let named: Vec<_> = answer["levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(&row["sku"]))
        .collect();
    // Two quarters of what is kept back are half of it, and so are ten of twenty: then by article.
    assert_eq!(named, ["TEA-1", "TEA-2"]);
    let moved = visby
        .call(&format!("{STOCK}/ListMovements"), json!({"item": {"sku": "TEA-1"}}))
        .await;
    let kinds: Vec<_> = moved["movements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| text(&row["kind"]))
        .collect();
    assert_eq!(kinds, ["safety", "hold", "safety", "import"]);
    visby.adds_up().await;
    // 0 = it is not watched any more.
    keeps_back(&visby, json!({"sku": "TEA-2"}), 0).await;
    assert_eq!(shown(&luebeck, &link, "TEA-2").await, "10");
    assert_eq!(low().await["watched"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_says_what_is_kept_back_and_says_nothing_where_the_column_is_empty() {
    let here = House::new().await;
    let visby = here.enterprise("Visby").await;
    let import = async |units: &str, kept: &str| {
        let row = json!({"line": 2, "sku": "TEA-1", "gtin": "04006381333931", "name": "tea", "quantity": units, "safetyStock": kept});
        let body = json!({"options": {"location": "MAIN"}, "rows": [row]});
        visby.call(&format!("{STOCK}/ImportRows"), body).await
    };
    assert_eq!(import("10", "4").await["totals"]["created"], "1");
    assert_eq!(import("9", "").await["totals"]["changed"], "1");
    assert_eq!(import("9", "4").await["totals"]["unchanged"], "1");
    assert_eq!(import("8", "5").await["totals"]["changed"], "1");
    let wrong = import("8", "some").await;
    assert_eq!(
        (&wrong["problems"][0]["field"], &wrong["problems"][0]["reason"]),
        (&json!("safety_stock"), &json!("NOT_A_NUMBER"))
    );
    let level = keeps_back(&visby, json!({"gtin": "4006381333931"}), 5).await;
    assert_eq!(level["safetyStock"]["value"], "5");
    visby.adds_up().await;
    // What is kept back moves nothing: three imports are told, also where a row said both. Others' transactions may hold a few up.
    let mut events = Value::Null;
    for _ in 0..400 {
        events = visby.call(&format!("{STOCK}/ExportMovements"), json!({})).await["events"].clone();
        if events.as_u64() >= Some(3) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(events, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_by_gtin_reaches_an_article_that_has_no_level_yet() {
    let here = House::new().await;
    let visby = here.enterprise("Visby").await;
    let row = json!({"line": 2, "sku": "TEA-1", "gtin": "4006381333931", "name": "tea", "quantity": "1"});
    let body = json!({"options": {"location": "MAIN"}, "rows": [row]});
    visby.call(&format!("{STOCK}/ImportRows"), body).await;
    here.world
        .in_tenant(visby.tenant, "with gone as (delete from level) delete from ledger")
        .await;
    let body = json!({"item": {"gtin": "4006381333931"}, "location": "MAIN", "onHand": {"value": 7}});
    let level = visby.call(&format!("{STOCK}/CountStock"), body).await;
    assert_eq!(level["level"]["sku"], "TEA-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_decisions_took_is_told_by_flow_and_month_to_whoever_may_see_them() {
    let shop = shop().await;
    let step = json!([{"name": "head", "by": {"role": "approver"}}]);
    puts(&shop.luebeck, flow(step)).await.unwrap();
    for (units, verdict) in [(1, "APPROVE"), (2, "REJECT")] {
        let (_, asked) = shop.asks(units).await;
        decides(&shop.ada.1, &asked, verdict, "so it is").await.unwrap();
    }
    shop.asks(3).await;
    let times = async |who: &Enterprise| {
        who.call("workflow.v1.WorkflowStaffService/GetApprovalTimes", json!({}))
            .await
    };
    let answer = times(&shop.luebeck).await;
    let [row] = &answer["times"].as_array().unwrap()[..] else {
        panic!("{answer}");
    };
    assert_eq!(
        (&row["flow"], &row["decided"], &row["refused"]),
        (&json!("purchase"), &json!("2"), &json!("1"))
    );
    assert_eq!(
        (&answer["open"][0]["flow"], &answer["open"][0]["many"]),
        (&json!("purchase"), &json!("1"))
    );
    assert_eq!(times(&shop.clerk).await["times"][0]["decided"], "2");
    let (_, outsider) = shop.luebeck.employs(&shop.there.node, "Olaf", &["store"]).await;
    let nothing = times(&outsider).await;
    assert_eq!((&nothing["times"], &nothing["open"]), (&json!([]), &json!([])));
    let far = json!({"months": 37});
    let refused = shop
        .luebeck
        .try_call("workflow.v1.WorkflowStaffService/GetApprovalTimes", far)
        .await;
    assert!(refused.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_link_has_done_counts_what_went_and_came_and_how_long_it_was_on_its_way() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(&[("TEA-1", 10)]).await;
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true});
    let link = visby.links_with(&luebeck, grant, json!({})).await;
    let history = async |who: &Enterprise| {
        let answer = who
            .call("link.v1.LinkStaffService/GetLinkHistory", json!({"id": link}))
            .await;
        answer["days"].clone()
    };
    let before: u64 = history(&visby).await[0]["sent"]
        .as_str()
        .map_or(0, |sent| sent.parse().unwrap());
    let held = luebeck.reserves(&link, "", "TEA-1", 1, "600s").await.unwrap();
    let body = json!({"linkId": link, "id": held["id"], "reason": "damaged"});
    visby.call(&format!("{STOCK}/ReleaseReservation"), body).await;
    let mut day = Value::Null;
    for _ in 0..400 {
        day = history(&visby).await[0].clone();
        let sent: u64 = day["sent"].as_str().map_or(0, |sent| sent.parse().unwrap());
        if sent > before && day["unanswered"] == "0" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(day["unanswered"], "0", "{day}");
    assert_ne!(history(&luebeck).await[0]["received"], "0");
    // An hour on its way is an hour, and what came before a day is known says nothing.
    let late = "update receipt set sealed_at = applied_at - interval '1 hour' where sent";
    here.world.in_tenant(visby.tenant, late).await;
    let longest = history(&visby).await[0]["longest"].clone();
    assert_eq!(longest, "3600s");
    here.world
        .in_tenant(visby.tenant, "update receipt set sealed_at = null")
        .await;
    assert_eq!(history(&visby).await, json!([]));
    let far = json!({"id": link, "days": 91});
    assert!(
        visby
            .try_call("link.v1.LinkStaffService/GetLinkHistory", far)
            .await
            .is_err()
    );
}
