//! Segments: members of both by what was released of them, and what is sent to a segment.
// covers: I17

use hansa_tests::{
    house::text,
    members::{phone, row},
};
use serde_json::{Value, json};

use super::members::{PURPOSE, pool_grant, two};

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_is_those_of_whom_the_partner_has_released_such_values() {
    let two = two(pool_grant(json!({"fields": ["city", "name", "tier"]}))).await;
    two.agreed().await;
    // 241..=260 are members of both who agree; five of them move.
    let moved = (243..=247).map(|who| row(who, &phone(who), &[("city", "Visby")]));
    two.store.enrols("loyalty", moved.collect(), false).await;
    two.store.hands_out("loyalty", &two.link, PURPOSE).await;
    let having = async |having: Value, size: u64| {
        let mut asked = json!({
            "linkId": two.link, "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans", "having": having, "pageSize": size,
        });
        let mut numbers = Vec::new();
        loop {
            let page = two.brand.members("ListMatched", asked.clone()).await.unwrap();
            let members = page["members"].as_array().unwrap().clone();
            assert!(members.len() as u64 <= size);
            numbers.extend(members.iter().map(|one| text(&one["number"]).parse::<u64>().unwrap()));
            if page["nextAfter"] == "0" {
                return numbers;
            }
            asked["after"] = page["nextAfter"].clone();
        }
    };
    two.matches("OWN").await;
    assert_eq!(having(json!({}), 7).await, (41..=60).collect::<Vec<_>>());
    // Nothing is released of them yet.
    assert!(having(json!({"city": "Visby"}), 7).await.is_empty());
    two.matches("JOINT").await;
    assert_eq!(having(json!({"city": "Visby"}), 2).await, (43..=47).collect::<Vec<_>>());
    assert_eq!(having(json!({"city": "Visby", "name": "Member 245"}), 7).await, [45]);
    assert_eq!(having(json!({"city": "Lübeck"}), 1_000).await.len(), 15);
    // The member has not agreed to the tier: it is released of nobody.
    assert!(having(json!({"tier": "gold"}), 7).await.is_empty());
    let eleven: serde_json::Map<_, _> = (0..11).map(|one| (format!("f{one}"), json!("x"))).collect();
    let asked =
        json!({"linkId": two.link, "partnerPool": "loyalty", "purpose": PURPOSE, "pool": "fans", "having": eleven});
    assert!(
        two.brand
            .members("ListMatched", asked)
            .await
            .unwrap_err()
            .reason
            .starts_with("INVALID")
    );
}
