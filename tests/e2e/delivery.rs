//! Events over a link: one effect each, in order, receipted, whatever is interrupted.
// covers: I6, I7, I9

use std::time::Duration;

use hansa_link::model::evidence;
use hansa_proto::link::v1::{ExportEvidenceRequest, link_staff_service_client::LinkStaffServiceClient};
use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::Kind;
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _};

const STOCK: &str = "inventory.v1.InventoryStaffService";

fn may_reserve() -> Value {
    json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true})
}

fn id() -> String {
    SystemIds.uuid().to_string()
}

/// What we believe of what we hold at partners, without asking them.
async fn believes(enterprise: &Enterprise, link: &str) -> Vec<Value> {
    let answer = enterprise
        .call(&format!("{STOCK}/ListPartnerReservations"), json!({"linkId": link}))
        .await;
    answer["reservations"].as_array().unwrap().clone()
}

async fn comes_to_believe(enterprise: &Enterprise, link: &str, state: &str, count: usize) {
    for _ in 0..400 {
        let all = believes(enterprise, link).await;
        if all.iter().filter(|one| one["reservation"]["state"] == state).count() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!(
        "{} never holds {count} {state}: {:?}",
        enterprise.name,
        believes(enterprise, link).await
    );
}

/// Waits until nothing is under way on the link.
pub(super) async fn settles(enterprise: &Enterprise, link: &str) {
    for _ in 0..400 {
        if enterprise.link(link).await["queueDepth"] == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("something is always under way: {}", enterprise.link(link).await);
}

pub async fn evidence_of(enterprise: &Enterprise, link: &str) -> String {
    let request = enterprise
        .client()
        .request(ExportEvidenceRequest { id: link.to_owned() })
        .unwrap();
    let mut client = LinkStaffServiceClient::new(enterprise.client().channel.clone());
    let mut chunks = client.export_evidence(request).await.unwrap().into_inner();
    let mut file = Vec::new();
    while let Some(chunk) = chunks.message().await.unwrap() {
        file.extend_from_slice(&chunk.lines);
    }
    String::from_utf8(file).unwrap()
}

async fn two() -> (House, House, Enterprise, Enterprise, String) {
    let (ours, theirs) = (House::new().await, House::new().await);
    let visby = ours.enterprise("Visby Distribution").await;
    let luebeck = theirs.enterprise("Lübeck Stores").await;
    let link = visby.links_with(&luebeck, may_reserve(), json!({})).await;
    visby.has(&[("A", 1_000)]).await;
    (ours, theirs, visby, luebeck, link)
}

#[tokio::test]
async fn the_buyer_hears_that_its_goods_were_shipped_without_asking() {
    let (_ours, _theirs, visby, luebeck, link) = two().await;
    let reservation = id();
    luebeck.reserves(&link, &reservation, "A", 5, "600s").await.unwrap();
    luebeck
        .call(
            &format!("{STOCK}/ConfirmAtPartner"),
            json!({"linkId": link, "id": reservation}),
        )
        .await;
    visby
        .call(
            &format!("{STOCK}/FulfilReservation"),
            json!({"linkId": link, "id": reservation}),
        )
        .await;
    comes_to_believe(&luebeck, &link, "RESERVATION_STATE_FULFILLED", 1).await;
    settles(&visby, &link).await;
}

#[tokio::test]
async fn what_happened_while_the_partner_was_away_comes_when_it_is_back() {
    let (_ours, theirs, visby, luebeck, link) = two().await;
    for _ in 0..20 {
        luebeck.reserves(&link, &id(), "A", 1, "600s").await.unwrap();
    }
    settles(&visby, &link).await;
    let House { world, node, .. } = theirs;
    node.stop().await.unwrap();
    let held = visby
        .call(&format!("{STOCK}/ListReservations"), json!({"linkId": link}))
        .await;
    for one in held["reservations"].as_array().unwrap() {
        visby
            .call(
                &format!("{STOCK}/ReleaseReservation"),
                json!({"linkId": link, "id": one["reservation"]["id"], "reason": "damaged"}),
            )
            .await;
    }
    assert_ne!(visby.link(&link).await["queueDepth"], "0");
    let back = House::another(&world).await;
    let luebeck = luebeck.at(&back).await;
    comes_to_believe(&luebeck, &link, "RESERVATION_STATE_RELEASED", 20).await;
    settles(&visby, &link).await;
    back.stop().await.unwrap();
}

#[tokio::test]
async fn two_processes_of_one_node_deliver_every_event_once() {
    let (ours, _theirs, visby, luebeck, link) = two().await;
    let second = House::another(&ours.world).await;
    for _ in 0..30 {
        luebeck.reserves(&link, &id(), "A", 1, "600s").await.unwrap();
    }
    settles(&visby, &link).await;
    let proven = evidence::verify(&evidence_of(&visby, &link).await).unwrap();
    assert_eq!(proven.messages, 30);
    second.stop().await.unwrap();
}

// covers: I9
#[tokio::test]
async fn both_sides_export_evidence_that_verifies_and_a_changed_line_is_named() {
    let (_ours, _theirs, visby, luebeck, link) = two().await;
    for _ in 0..3 {
        luebeck.reserves(&link, &id(), "A", 1, "600s").await.unwrap();
        settles(&visby, &link).await;
    }
    for side in [&visby, &luebeck] {
        let file = evidence_of(side, &link).await;
        let proven = evidence::verify(&file).unwrap();
        assert_eq!((proven.declarations, proven.messages), (2, 3), "{}", side.name);
        let lines: Vec<&str> = file.split_inclusive('\n').collect();
        for place in 0..lines.len() {
            let mut without = lines.clone();
            without.remove(place);
            assert_eq!(evidence::verify(&without.concat()).unwrap_err().line, place as u64 + 1);
        }
    }
    assert_eq!(visby.link(&link).await["health"], "LINK_HEALTH_UP");
}

#[tokio::test]
async fn a_message_that_breaks_its_effect_is_parked_and_holds_up_its_own_key_alone() {
    let (_ours, theirs, visby, luebeck, link) = two().await;
    let (broken, other) = (id(), id());
    luebeck.reserves(&link, &broken, "A", 1, "600s").await.unwrap();
    luebeck.reserves(&link, &other, "A", 1, "600s").await.unwrap();
    settles(&visby, &link).await;
    // A rule that this one row can't meet: what a bug in an effect looks like from outside.
    let rule = format!("alter table partner_reservation add constraint broken check (id <> '{broken}' or version < 2)");
    theirs.world.in_tenant(luebeck.tenant, &rule).await;
    for reservation in [&broken, &broken, &other] {
        let method = if *reservation == broken { "Confirm" } else { "Release" };
        let body = json!({"linkId": link, "id": reservation});
        luebeck.call(&format!("{STOCK}/{method}AtPartner"), body).await;
    }
    visby
        .call(
            &format!("{STOCK}/FulfilReservation"),
            json!({"linkId": link, "id": broken}),
        )
        .await;
    settles(&visby, &link).await;
    let parked = luebeck
        .call("link.v1.LinkStaffService/ListParked", json!({"id": link}))
        .await;
    let parked = parked["messages"].as_array().unwrap().clone();
    assert_eq!(parked.len(), 2, "{parked:?}");
    assert_eq!(parked[0]["reason"], "EFFECT_FAILED");
    assert_eq!(
        (&parked[0]["waiting"], &parked[1]["waiting"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(text(&luebeck.link(&link).await["parked"]), "2");
    let replay = json!({"id": link, "number": parked[0]["number"]});
    let still = luebeck
        .call("link.v1.LinkStaffService/ReplayParked", replay.clone())
        .await;
    assert_eq!(
        (&still["processed"], &still["reason"]),
        (&json!("0"), &json!("EFFECT_FAILED"))
    );
    theirs
        .world
        .in_tenant(luebeck.tenant, "alter table partner_reservation drop constraint broken")
        .await;
    let mended = luebeck.call("link.v1.LinkStaffService/ReplayParked", replay).await;
    assert_eq!(mended["processed"], "2");
    comes_to_believe(&luebeck, &link, "RESERVATION_STATE_FULFILLED", 1).await;
    assert_eq!(text(&luebeck.link(&link).await["parked"]), "0");
}

// covers: I10
#[tokio::test]
async fn a_partner_that_went_back_to_an_old_backup_is_noticed_and_nothing_is_overwritten() {
    let (_ours, theirs, visby, luebeck, link) = two().await;
    luebeck.reserves(&link, &id(), "A", 1, "600s").await.unwrap();
    settles(&visby, &link).await;
    theirs
        .world
        .in_tenant(
            luebeck.tenant,
            "update cursor set received = 0, my_head = ''; delete from receipt; delete from inbox",
        )
        .await;
    luebeck.reserves(&link, &id(), "A", 1, "600s").await.unwrap();
    for _ in 0..400 {
        let seen = visby.link(&link).await;
        if text(&seen["reason"]).contains("refused a batch") {
            assert_ne!(seen["queueDepth"], "0", "what it lacks is kept");
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nothing is said: {}", visby.link(&link).await);
}

/// Partners that do not take their messages must not fill our disk; what ends something goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_what_is_new_says_so_and_takes_it_again_when_it_is_emptied() {
    let (ours, theirs) = (
        House::with(|settings| settings.queue_max = 10).await,
        House::new().await,
    );
    let (visby, luebeck) = (ours.enterprise("Visby").await, theirs.enterprise("Lübeck").await);
    visby.has(&[("TEA-1", 100_000)]).await;
    let link = visby.links_with(&luebeck, may_reserve(), json!({})).await;
    let mut admin = theirs.world.superuser().await;
    let mut shut = admin.begin().await.unwrap();
    let lock = format!("lock table {}.inbox in exclusive mode", luebeck.tenant.schema());
    sqlx::query(AssertSqlSafe(lock)).execute(&mut *shut).await.unwrap();
    let mut held = Vec::new();
    let refused = loop {
        match luebeck.reserves(&link, "", "TEA-1", 1, "600s").await {
            Ok(one) => held.push(text(&one["id"])),
            Err(fault) => break fault,
        }
    };
    assert_eq!((&*refused.reason, refused.kind), ("QUEUE_FULL", Kind::Exhausted));
    assert!(refused.retry_after.is_some());
    let shown = visby.link(&link).await;
    assert_eq!(shown["queueMax"], "10");
    assert!(text(&shown["queueDepth"]).parse::<u64>().unwrap() >= 10);
    let ours = json!({"linkId": link, "id": held.last(), "reason": "counted again"});
    visby.call(&format!("{STOCK}/ReleaseReservation"), ours).await;
    shut.rollback().await.unwrap();
    comes_to_believe(&luebeck, &link, "RESERVATION_STATE_RELEASED", 1).await;
    settles(&visby, &link).await;
    while luebeck.reserves(&link, "", "TEA-1", 1, "600s").await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    visby.adds_up().await;
}
