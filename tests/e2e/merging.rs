//! Two members turn out to be one person, or one to be two.
// covers: I16

use hansa_tests::{house::text, members::row};
use serde_json::{Value, json};

use super::{
    loyalty::{balance, known, loyal, loyalty_grant, reason, uuid},
    members::PURPOSE,
};

#[tokio::test(flavor = "multi_thread")]
async fn two_members_who_are_one_person_become_one_with_all_that_they_had() {
    let two = loyal(loyalty_grant(json!({}))).await;
    let store = &two.store;
    known(&two).await;
    // 241 is known by phone, and released to the brand; 301 by address alone, with other points and coupons.
    let mut by_mail = row(1, "", &[("born", "1980-05-01"), ("city", "Kiel")]);
    by_mail.email = "ada@example.org".to_owned();
    store.enrols("loyalty", vec![by_mail], false).await;
    let points = |number: u64, points: u64| json!({"points": {"pool": "loyalty", "number": number, "points": points}});
    store.loyalty("CreditPoints", points(241, 70)).await.unwrap();
    store.loyalty("CreditPoints", points(301, 30)).await.unwrap();
    store
        .loyalty("IssueCoupons", json!({"kind": "autumn", "numbers": [241, 301]}))
        .await
        .unwrap();
    let (held, basket) = (uuid(), json!({"amount": 8_000, "currency": "EUR"}));
    let mut hold = points(241, 20);
    (hold["id"], hold["basket"]) = (json!(held), basket);
    store.loyalty("HoldBooking", hold).await.unwrap();
    let merge = json!({"pool": "loyalty", "from": 241, "into": 301});
    store.members("MergeMembers", merge.clone()).await.unwrap();
    assert_eq!(reason(&store.members("MergeMembers", merge).await), "NOT_FOUND");

    let one = store
        .members("GetMember", json!({"pool": "loyalty", "number": 301}))
        .await
        .unwrap();
    let one = &one["member"];
    let fields = ["born", "city", "name"].map(|name| text(&one["fields"][name]));
    assert_eq!(
        fields,
        ["1980-05-01", "Kiel", "Member 241"],
        "what it lacked is filled in"
    );
    assert_eq!(
        [&one["phone"], &one["email"]],
        [&json!("+8613800000241"), &json!("ada@example.org")]
    );
    assert_eq!(one["consents"][0]["state"], "given");
    let other = store
        .members("GetMember", json!({"pool": "loyalty", "number": 241}))
        .await
        .unwrap();
    let other = &other["member"];
    assert_eq!(
        [&other["state"], &other["mergedInto"]],
        [&json!("erased"), &json!("301")]
    );
    store.books("ConfirmBooking", "", &held).await.unwrap();
    assert_eq!(
        balance(store, 301).await,
        "80",
        "what was held is spent by whoever goes on"
    );
    assert_eq!(balance(store, 241).await, "0");
    let coupons = store
        .loyalty("ListCoupons", json!({"pool": "loyalty", "number": 301}))
        .await
        .unwrap();
    assert_eq!(
        coupons["coupons"].as_array().unwrap().len(),
        1,
        "one of a kind is theirs; the other is whoever's bears it"
    );
    // The brand drops what it held, and gets them anew under another name.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while two
        .matched()
        .await
        .iter()
        .any(|one| one["number"] == "41" && one["pseudonym"] != "")
    {
        assert!(tokio::time::Instant::now() < deadline, "the brand keeps what it held");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let publish = json!({"pool": "loyalty", "linkId": two.link, "purpose": PURPOSE});
    store.members("PublishPool", publish).await.unwrap();
    let changed = |now: &Value| now["sequence"] != 0;
    store.publication_becomes("loyalty", &two.link, PURPOSE, changed).await;
    two.matches("JOINT").await;
    let again = two.matched().await;
    let again = again.iter().find(|one| one["number"] == "41").unwrap();
    assert_eq!(again["fields"], json!({"city": "Kiel"}), "{again}");

    // It was wrong: they are two after all.
    let split = json!({"pool": "loyalty", "number": 301, "kind": "email"});
    let new = store.members("SplitMember", split.clone()).await.unwrap();
    assert_eq!(new["number"], "302");
    let two_of = async |number: u64| {
        store
            .members("GetMember", json!({"pool": "loyalty", "number": number}))
            .await
            .unwrap()["member"]
            .take()
    };
    let (first, second) = (two_of(301).await, two_of(302).await);
    assert_eq!(
        [&first["phone"], &first["email"]],
        [&json!("+8613800000241"), &json!("")]
    );
    assert_eq!(
        [&second["phone"], &second["email"]],
        [&json!(""), &json!("ada@example.org")]
    );
    assert_eq!(
        first["consents"][0]["state"], "withdrawn",
        "nobody knows which of them it was"
    );
    assert_eq!(second["consents"], json!([]));
    assert_eq!(reason(&store.members("SplitMember", split).await), "INVALID_ARGUMENT");
}
