//! Two enterprises on two nodes link, stop, and part.
// covers: I10, I12, I14

use hansa_tests::{House, house::text};
use serde_json::json;

const SEE_AND_RESERVE: &str = r#"{"visibility": "VISIBILITY_EXACT", "mayReserve": true}"#;

fn grant() -> serde_json::Value {
    serde_json::from_str(SEE_AND_RESERVE).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_invite_string_links_two_enterprises_on_two_nodes() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (
        here.enterprise("Visby Distribution").await,
        there.enterprise("Lübeck Stores").await,
    );
    let (id, invite) = visby.invites(grant(), json!({})).await;
    assert_eq!(visby.link(&id).await["state"], "LINK_STATE_INVITED");

    luebeck
        .call("link.v1.LinkStaffService/AcceptInvite", json!({"invite": invite}))
        .await;
    let (one, two) = (
        visby.sees(&id, "LINK_STATE_PENDING").await,
        luebeck.sees(&id, "LINK_STATE_PENDING").await,
    );
    assert_eq!(one["checkCode"], two["checkCode"]);
    assert_eq!(text(&one["checkCode"]).len(), 6);
    assert_eq!(one["termsHash"], two["termsHash"]);
    assert_eq!(one["termsText"], two["termsText"]);
    assert!(text(&one["termsText"][0]).contains("Lübeck Stores sees the exact figures of Visby Distribution's stock"));

    visby.approves(&id).await;
    assert_eq!(luebeck.link(&id).await["state"], "LINK_STATE_PENDING");
    luebeck.approves(&id).await;
    visby.sees(&id, "LINK_STATE_ACTIVE").await;
    luebeck.sees(&id, "LINK_STATE_ACTIVE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_enterprises_of_one_node_take_the_same_road() {
    let house = House::new().await;
    let (visby, bergen) = (house.enterprise("Visby").await, house.enterprise("Bergen").await);
    visby.has(&[("TEA-1", 10)]).await;
    let link = visby.links_with(&bergen, grant(), json!({})).await;
    let held = bergen.reserves(&link, "", "TEA-1", 4, "60s").await.unwrap();
    assert_eq!(held["state"], "RESERVATION_STATE_HELD");
    assert_eq!(visby.level("TEA-1").await, (10, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_is_good_once_and_a_repeat_returns_the_first_answer() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    let third = there.enterprise("Third").await;
    let (id, invite) = visby.invites(grant(), json!({})).await;
    let accept = |who: &hansa_tests::Enterprise| {
        let (who, invite) = (who.clone(), invite.clone());
        async move {
            who.try_call("link.v1.LinkStaffService/AcceptInvite", json!({"invite": invite}))
                .await
        }
    };
    let first = accept(&luebeck).await.unwrap();
    let again = accept(&luebeck).await.unwrap();
    assert_eq!(first["link"]["checkCode"], again["link"]["checkCode"]);
    assert_eq!(accept(&third).await.unwrap_err().reason, "INVITE_NOT_VALID");
    assert_eq!(accept(&visby).await.unwrap_err().reason, "INVITE_OWN");
    assert_eq!(visby.link(&id).await["partner"], "Lübeck");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_altered_and_expired_invites_are_refused_by_name() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    let (_, invite) = visby.invites(grant(), json!({})).await;
    let mut altered = hansa_link::model::invite::Invite::read(&invite).unwrap();
    altered.secret[0] ^= 1;
    let mut other = hansa_link::model::invite::Invite::read(&invite).unwrap();
    other.enterprise = hansa_vocab::EnterpriseId([7; 32]);
    let mut expired = hansa_link::model::invite::Invite::read(&invite).unwrap();
    expired.expires = time::OffsetDateTime::UNIX_EPOCH;
    let mut terms = hansa_link::model::invite::Invite::read(&invite).unwrap();
    terms.terms_hash[0] ^= 1;
    for (text, reason) in [
        ("hello".to_owned(), "INVITE_MALFORMED"),
        (invite[..invite.len() - 1].to_owned(), "INVITE_MALFORMED"),
        (altered.text(), "INVITE_NOT_VALID"),
        (other.text(), "INVITE_OTHER_ENTERPRISE"),
        (expired.text(), "INVITE_EXPIRED"),
        (terms.text(), "INVITE_OTHER_TERMS"),
    ] {
        let refused = luebeck
            .try_call("link.v1.LinkStaffService/AcceptInvite", json!({"invite": text}))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_were_not_shown_cannot_be_approved() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    let (id, invite) = visby.invites(grant(), json!({})).await;
    luebeck
        .call("link.v1.LinkStaffService/AcceptInvite", json!({"invite": invite}))
        .await;
    let body = json!({"id": id, "termsHash": "00".repeat(32)});
    let refused = luebeck
        .try_call("link.v1.LinkStaffService/ApproveLink", body)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "OTHER_TERMS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_stops_calls_from_its_commit_on_and_only_its_side_can_lift_it() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(&[("TEA-1", 10)]).await;
    let link = visby.links_with(&luebeck, grant(), json!({})).await;
    luebeck.reserves(&link, "", "TEA-1", 1, "60s").await.unwrap();

    visby
        .call(
            "link.v1.LinkStaffService/SuspendLink",
            json!({"id": link, "reason": "stocktaking"}),
        )
        .await;
    let refused = luebeck.reserves(&link, "", "TEA-1", 1, "60s").await.unwrap_err();
    assert_eq!(refused.reason, "LINK_SUSPENDED");
    assert!(refused.text.contains("stocktaking"), "{refused}");
    assert_eq!(refused.changeable_by.as_deref(), Some("an admin of Visby"));

    luebeck.sees(&link, "LINK_STATE_SUSPENDED").await;
    luebeck
        .call("link.v1.LinkStaffService/ResumeLink", json!({"id": link}))
        .await;
    assert_eq!(luebeck.link(&link).await["state"], "LINK_STATE_SUSPENDED");
    visby
        .call("link.v1.LinkStaffService/ResumeLink", json!({"id": link}))
        .await;
    luebeck.sees(&link, "LINK_STATE_ACTIVE").await;
    luebeck.reserves(&link, "", "TEA-1", 1, "60s").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_in_another_process_stops_calls_gives_holds_back_and_is_final() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(&[("TEA-1", 10)]).await;
    let link = visby.links_with(&luebeck, grant(), json!({})).await;
    luebeck.reserves(&link, "", "TEA-1", 4, "600s").await.unwrap();
    let second = House::another(&here.world).await;

    visby
        .at(&second)
        .await
        .call(
            "link.v1.LinkStaffService/RevokeLink",
            json!({"id": link, "reason": "end"}),
        )
        .await;
    let stopped = async { while luebeck.reserves(&link, "", "TEA-1", 1, "60s").await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(1), stopped)
        .await
        .expect("calls go on after the revocation");
    luebeck.sees(&link, "LINK_STATE_REVOKED").await;
    for (who, method) in [(&visby, "ResumeLink"), (&luebeck, "ResumeLink")] {
        let refused = who
            .try_call(&format!("link.v1.LinkStaffService/{method}"), json!({"id": link}))
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "LINK_REVOKED");
    }
    for _ in 0..200 {
        if visby.level("TEA-1").await.1 == 0 {
            visby.adds_up().await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!(
        "the revoked link's holds were never given back: {:?}",
        visby.level("TEA-1").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrowed_grant_holds_from_its_commit_on() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(&[("TEA-1", 10)]).await;
    let link = visby.links_with(&luebeck, grant(), json!({})).await;
    let narrow = json!({"visibility": "VISIBILITY_BANDED", "bands": [5, 25], "mayReserve": true, "quantityMax": 2});
    visby
        .call(
            "link.v1.LinkStaffService/SetGrant",
            json!({"id": link, "grant": narrow}),
        )
        .await;
    let refused = luebeck.reserves(&link, "", "TEA-1", 3, "60s").await.unwrap_err();
    assert_eq!(
        (refused.reason.as_ref(), refused.rule.as_deref()),
        ("GRANT", Some("grant.stock.quantity_max"))
    );
    assert_eq!(refused.changeable_by.as_deref(), Some("an admin of Visby"));
    let body = json!({"linkId": link, "items": [{"sku": "TEA-1"}]});
    let seen = luebeck
        .call("inventory.v1.InventoryStaffService/QueryPartners", body)
        .await;
    assert_eq!(seen["answers"][0]["availabilities"][0]["band"], "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_changes_no_state_and_what_was_declared_arrives_afterwards() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    let link = visby.links_with(&luebeck, grant(), json!({})).await;
    // Lübeck's only process stops serving partners; its people still see the link as it was.
    let House { world, node, .. } = there;
    let address = node.link_address;
    node.stop().await.unwrap();
    visby
        .call(
            "link.v1.LinkStaffService/SuspendLink",
            json!({"id": link, "reason": "stocktaking"}),
        )
        .await;
    assert_eq!(visby.link(&link).await["queueDepth"], "1");
    let settings = hansa::Settings {
        link_listen: address,
        ..hansa_tests::house::settings(&world)
    };
    let master = hansa_vault::MasterKey::from_bytes(hansa_tests::database::MASTER);
    let node = hansa::Node::start(settings, master, world.clock.clone(), world.ids.clone())
        .await
        .unwrap();
    luebeck.at(&node).await.sees(&link, "LINK_STATE_SUSPENDED").await;
    for _ in 0..400 {
        if visby.link(&link).await["queueDepth"] == "0" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the suspension was never acknowledged: {}", visby.link(&link).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_another_enterprise_is_not_there() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    let stranger = there.enterprise("Stranger").await;
    let link = visby.links_with(&luebeck, grant(), json!({})).await;
    for method in ["GetLink", "SuspendLink", "RevokeLink", "ResumeLink"] {
        let body = json!({"id": link});
        let refused = stranger
            .try_call(&format!("link.v1.LinkStaffService/{method}"), body)
            .await
            .unwrap_err();
        assert_eq!(refused.reason, "NOT_FOUND", "{method}");
    }
    assert_eq!(
        stranger
            .reserves(&link, "", "TEA-1", 1, "60s")
            .await
            .unwrap_err()
            .reason,
        "NOT_FOUND"
    );
    assert_eq!(visby.link(&link).await["state"], "LINK_STATE_ACTIVE");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_refused_by_what_was_true_of_a_link_before() {
    let (here, there) = (House::new().await, House::new().await);
    let (visby, luebeck) = (here.enterprise("Visby").await, there.enterprise("Lübeck").await);
    visby.has(&[("TEA-1", 10)]).await;
    let link = visby.links_with(&luebeck, grant(), json!({})).await;
    let becomes = async |state: &str| {
        let statement = format!("update link set state = '{state}' where id = '{link}'");
        here.world.in_tenant(visby.tenant, &statement).await;
    };
    let failure = async || {
        let asked = json!({"items": [{"sku": "TEA-1"}]});
        let answer = luebeck
            .call("inventory.v1.InventoryStaffService/QueryPartners", asked)
            .await;
        text(&answer["answers"][0]["failure"])
    };
    assert_eq!(failure().await, "");
    becomes("expired").await;
    // Another link makes the node look at all of them: from then on it remembers this one as over.
    let bergen = there.enterprise("Bergen").await;
    visby.links_with(&bergen, json!({}), json!({})).await;
    for _ in 0..400 {
        if failure().await == "LINK_EXPIRED" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    // A refusal is written down once in a second, and makes the node look too: until that is over.
    for _ in 0..16 {
        assert_eq!(failure().await, "LINK_EXPIRED");
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    // Nobody tells the node that it is not.
    becomes("active").await;
    assert_eq!(failure().await, "");
}
