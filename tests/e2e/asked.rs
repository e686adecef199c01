//! What is asked for: seen by who approves it, kept after a refusal, printed of a draft alone.
// covers: I8

use hansa_tests::house::text;
use serde_json::json;

use super::approvals::{decides, flow, goods, puts, shop};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_is_seen_by_who_approves_and_kept_for_asking_again_after_a_refusal() {
    let shop = shop().await;
    let one = json!([{"name": "one", "by": {"role": "approver"}}]);
    puts(&shop.luebeck, flow(one)).await.unwrap();
    let (order, asked) = shop.asks(8).await;
    let seen = shop.ada.1.document(&order).await.unwrap();
    let lines = &seen["asked"]["lines"]["lines"]["lines"];
    assert!(
        lines[0]["quantity"]["value"] == "8" && seen["contents"] == json!({}),
        "{seen:#}"
    );
    decides(&shop.ada.1, &asked, "REJECT", "too much").await.unwrap();
    let kept = shop.luebeck.document(&order).await.unwrap();
    assert_eq!(&kept["asked"]["lines"]["lines"]["lines"], lines);
    // Asked again with less, approved, and issued: nothing is asked any more.
    let mut less = kept["asked"].clone();
    less["lines"]["lines"]["lines"][0]["quantity"]["value"] = json!("2");
    let again = shop.clerk.acts(&order, "issue", 0, less).await.unwrap();
    decides(&shop.ada.1, &text(&again["acts"][0]["id"]), "APPROVE", "")
        .await
        .unwrap();
    shop.bergen.comes(&order, "issued").await;
    let issued = shop.luebeck.document(&order).await.unwrap();
    let says = &issued["contents"]["lines"]["lines"]["lines"][0]["quantity"]["value"];
    assert_eq!((&issued["asked"], says), (&json!({}), &json!("2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_approval_is_printed_of_a_draft_and_never_under_the_root_of_what_counts() {
    let shop = shop().await;
    let one = json!([{"name": "one", "by": {"role": "approver"}}]);
    puts(&shop.luebeck, flow(one.clone())).await.unwrap();
    let (order, asked) = shop.asks(8).await;
    let print = async || {
        let path = "documents.v1.DocumentsStaffService/PrintDocument";
        text(&shop.luebeck.call(path, json!({"id": order})).await["html"])
    };
    let draft = print().await;
    assert!(
        draft.contains("8 pcs") && draft.contains("Draft") && !draft.contains("root"),
        "{draft}"
    );
    decides(&shop.ada.1, &asked, "APPROVE", "").await.unwrap();
    shop.bergen.comes(&order, "issued").await;
    let accept = json!({"answers": {"answers": {"answers": [{"line": "1", "verdict": "VERDICT_ACCEPT"}]}}});
    shop.bergen.acts(&order, "answer", 1, accept).await.unwrap();
    shop.luebeck.comes(&order, "agreed").await;
    let mut changes = flow(one);
    (changes["name"], changes["on"]["act"]) = (json!("changes"), json!("change"));
    puts(&shop.luebeck, changes).await.unwrap();
    let held = shop.clerk.acts(&order, "change", 2, goods(2, "")).await.unwrap();
    assert_eq!(held["acts"][0]["state"], "held");
    let agreed = print().await;
    assert!(
        agreed.contains("8 pcs") && !agreed.contains("2 pcs") && agreed.contains("root"),
        "{agreed}"
    );
}
