//! Documents that two enterprises hold in common: an order from its issue to the answer, the same on both nodes.
// covers: I3, I6, I8, I11, I12

use std::time::Duration;

use hansa_tests::{Enterprise, House, database, documents::two, house::text};
use hansa_vocab::{
    Fault,
    clock::{IdSource as _, SystemIds},
};
use serde_json::{Value, json};

const SERVICE: &str = "documents.v1.DocumentsStaffService";

/// An order that both have agreed on; its version is 2.
async fn agreed(bergen: &Enterprise, luebeck: &Enterprise, link: &str) -> String {
    let id = issued(luebeck, link).await;
    bergen.comes(&id, "issued").await;
    let accept = [("1", "ACCEPT", None), ("2", "ACCEPT", None), ("3", "ACCEPT", None)];
    bergen.acts(&id, "answer", 1, answers(&accept)).await.unwrap();
    luebeck.comes(&id, "agreed").await;
    bergen.comes(&id, "agreed").await;
    id
}

/// The goods, but so many units of the first line.
fn other_goods(units: i64) -> Value {
    let mut goods = goods();
    goods["lines"]["lines"]["lines"][0]["quantity"]["value"] = units.into();
    goods
}

fn first_units(document: &Value) -> &Value {
    &document["contents"]["lines"]["lines"]["lines"][0]["quantity"]["value"]
}

/// What has become of an act.
fn became<'a>(document: &'a Value, act_id: &str) -> (&'a str, &'a str) {
    let acts = document["acts"].as_array().unwrap();
    let act = acts.iter().find(|act| act["id"] == act_id);
    act.map_or(("", ""), |act| {
        (act["state"].as_str().unwrap(), act["reason"].as_str().unwrap())
    })
}

async fn same_on_both(one: &Enterprise, other: &Enterprise, id: &str) {
    let (here, there) = (one.verifies(id).await, other.verifies(id).await);
    assert_eq!(here["flaws"], json!([]), "{}", one.name);
    assert_eq!(here, there);
}

fn goods() -> Value {
    let line = |id: &str, units: i64| json!({"id": id, "sku": format!("TEA-{id}"), "quantity": {"value": units}, "price": {"value": 250, "scale": 2}});
    json!({
        "head": {"head": {"currency": "EUR", "reference": "for the shop at the harbour", "deliveryFrom": "2026-12-01"}},
        "lines": {"lines": {"lines": [line("1", 10), line("2", 20), line("3", 30)]}},
    })
}

fn answers(verdicts: &[(&str, &str, Option<i64>)]) -> Value {
    let answers = verdicts.iter().map(|(line, verdict, units)| {
        let quantity = units.map(|units| json!({"value": units}));
        json!({"line": line, "verdict": format!("VERDICT_{verdict}"), "quantity": quantity})
    });
    json!({"answers": {"answers": {"answers": answers.collect::<Vec<_>>()}}})
}

/// A new order of Lübeck's at Bergen's, issued.
async fn issued(luebeck: &Enterprise, link: &str) -> String {
    let body = json!({"kind": "order", "links": {"seller": link}});
    let made = luebeck.call(&format!("{SERVICE}/CreateDocument"), body).await["document"].clone();
    assert_eq!(
        (&made["state"], &made["openActs"]),
        (&json!("draft"), &json!(["cancel", "issue"]))
    );
    let id = text(&made["id"]);
    let issued = luebeck.acts(&id, "issue", 0, goods()).await.unwrap();
    assert_eq!(
        (&issued["state"], &issued["waitsForName"]),
        (&json!("issued"), &json!("Bergen Foods"))
    );
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_answered_line_by_line_and_both_nodes_hold_the_same() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let id = issued(&luebeck, &link).await;
    let seen = bergen.comes(&id, "issued").await;
    assert_eq!((&seen["number"], &seen["ourRole"]), (&json!("PO-1"), &json!("seller")));
    assert_eq!(seen["contents"]["lines"]["lines"]["lines"][1]["sku"], "TEA-2");
    let verdicts = [("1", "ACCEPT", None), ("2", "CHANGE", Some(15)), ("3", "DECLINE", None)];
    let sent = bergen.acts(&id, "answer", 1, answers(&verdicts)).await.unwrap();
    assert_eq!(sent["acts"][0]["state"], "sent", "it counts when the issuer says so");
    let answered = luebeck.comes(&id, "answered").await;
    assert_eq!(
        answered["contents"]["answers"]["answers"]["answers"][1]["quantity"]["value"],
        "15"
    );
    bergen.comes(&id, "answered").await;
    luebeck.acts(&id, "agree", 2, json!({})).await.unwrap();
    let (ours, theirs) = (luebeck.comes(&id, "agreed").await, bergen.comes(&id, "agreed").await);
    assert_eq!((&ours["version"], &ours["root"]), (&theirs["version"], &theirs["root"]));
    assert_eq!(ours["contents"], theirs["contents"]);
    assert_eq!(theirs["acts"][0]["state"], "counted");
    for side in [&luebeck, &bergen] {
        let checked = side.verifies(&id).await;
        assert_eq!((&checked["versions"], &checked["flaws"]), (&json!("3"), &json!([])));
        assert_eq!(checked["root"], ours["root"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_on_an_old_version_does_not_count_and_its_sender_is_told() {
    let (_here, there, bergen, luebeck, link) = two().await;
    let id = issued(&luebeck, &link).await;
    bergen.comes(&id, "issued").await;
    // The answer and the cancellation cross: what Bergen sends is held back until Lübeck has cancelled.
    let mut admin = there.world.superuser().await;
    let mut shut = sqlx::Connection::begin(&mut admin).await.unwrap();
    let lock = format!("lock table {}.inbox in exclusive mode", luebeck.tenant.schema());
    sqlx::query(sqlx::AssertSqlSafe(lock))
        .execute(&mut *shut)
        .await
        .unwrap();
    let accept = [("1", "ACCEPT", None), ("2", "ACCEPT", None), ("3", "ACCEPT", None)];
    bergen.acts(&id, "answer", 1, answers(&accept)).await.unwrap();
    luebeck.acts(&id, "cancel", 1, json!({})).await.unwrap();
    shut.rollback().await.unwrap();
    let cancelled = bergen.comes(&id, "cancelled").await;
    let mut told = cancelled;
    for _ in 0..400 {
        if told["acts"][0]["state"] == "refused" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        told = bergen.document(&id).await.unwrap();
    }
    assert_eq!(
        (&told["acts"][0]["state"], &told["acts"][0]["reason"]),
        (&json!("refused"), &json!("SUPERSEDED"))
    );
    assert_eq!(bergen.verifies(&id).await["flaws"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_act_again_changes_nothing_and_a_wrong_one_says_why() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let id = issued(&luebeck, &link).await;
    bergen.comes(&id, "issued").await;
    let act_id = SystemIds.uuid().to_string();
    let accept = [("1", "ACCEPT", None), ("2", "ACCEPT", None), ("3", "ACCEPT", None)];
    let body = json!({"id": id, "actId": act_id, "act": "answer", "base": "1", "contents": answers(&accept)});
    for _ in 0..3 {
        bergen.call(&format!("{SERVICE}/ActOnDocument"), body.clone()).await;
    }
    let mut other = body;
    other["contents"]["answers"]["answers"]["note"] = "something else".into();
    let reused = bergen.try_call(&format!("{SERVICE}/ActOnDocument"), other).await;
    assert_eq!(reused.unwrap_err().reason, "ID_REUSED");
    let create = json!({"id": id, "kind": "order", "links": {"seller": link}});
    let same = luebeck.call(&format!("{SERVICE}/CreateDocument"), create.clone()).await;
    assert_eq!(same["document"]["number"], "PO-1");
    bergen
        .try_call(&format!("{SERVICE}/CreateDocument"), create)
        .await
        .unwrap_err();
    let agreed = luebeck.comes(&id, "agreed").await;
    assert_eq!(agreed["version"], "2");
    bergen.comes(&id, "agreed").await;
    let reason = |done: Result<Value, Fault>| done.unwrap_err().reason.into_owned();
    assert_eq!(reason(bergen.acts(&id, "answer", 2, answers(&accept)).await), "NOT_NOW");
    assert_eq!(
        reason(luebeck.acts(&id, "answer", 2, answers(&accept)).await),
        "NOT_YOURS"
    );
    assert_eq!(reason(luebeck.acts(&id, "sing", 2, json!({})).await), "NO_SUCH_ACT");
    assert_eq!(reason(luebeck.acts(&id, "agree", 1, json!({})).await), "SUPERSEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_issues_what_the_grant_does_not_name_and_a_draft_stays_at_home() {
    let (here, _there, bergen, luebeck, link) = two().await;
    let create = |kind: &str, link: &str| json!({"kind": kind, "links": {"seller": link}});
    let draft = luebeck
        .call(&format!("{SERVICE}/CreateDocument"), create("order", &link))
        .await;
    let other = bergen
        .try_call(&format!("{SERVICE}/CreateDocument"), create("order", &link))
        .await;
    assert_eq!(other.unwrap_err().rule.as_deref(), Some("grant.document_kinds"));
    // Behind the back of the issuer's own check the owner still refuses.
    let grant = json!({"id": link, "grant": {"visibility": "VISIBILITY_NONE"}});
    bergen.call("link.v1.LinkStaffService/SetGrant", grant).await;
    let id = text(&draft["document"]["id"]);
    luebeck.acts(&id, "issue", 0, goods()).await.unwrap();
    let mut admin = here.world.superuser().await;
    let refused = format!(
        "select reason from {}.inbox where type = 'documents.version.v1'",
        bergen.tenant.schema()
    );
    let reason = loop {
        let row: Option<(String,)> = sqlx::query_as(sqlx::AssertSqlSafe(refused.clone()))
            .fetch_optional(&mut admin)
            .await
            .unwrap();
        match row {
            Some((reason,)) => break reason,
            None => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    };
    assert_eq!(reason, "GRANT");
    assert_eq!(bergen.document(&id).await.unwrap_err().reason, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_is_found_on_the_node_where_it_was() {
    let (here, _there, bergen, luebeck, link) = two().await;
    let id = issued(&luebeck, &link).await;
    bergen.comes(&id, "issued").await;
    let mut admin = here.world.superuser().await;
    let schema = bergen.tenant.schema();
    let change = format!(
        "update {schema}.document_text set content = set_byte(content, 12, get_byte(content, 12) # 1) where section = 'lines'"
    );
    database::run(&mut admin, change).await.unwrap();
    let flaws = bergen.verifies(&id).await["flaws"].clone();
    assert_eq!(flaws, json!(["version 1: the text of lines is not what was signed"]));
    assert_eq!(luebeck.verifies(&id).await["flaws"], json!([]));
    let change = format!("update {schema}.document_version set body = set_byte(body, 60, get_byte(body, 60) # 1)");
    database::run(&mut admin, change).await.unwrap();
    let flaws = bergen.verifies(&id).await["flaws"].clone();
    assert!(
        text(&flaws[0]).contains("its issuer has not signed it") || text(&flaws[0]).contains("decode"),
        "{flaws}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_is_given_up_is_never_told() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let body = json!({"kind": "order", "links": {"seller": link}});
    let draft = luebeck.call(&format!("{SERVICE}/CreateDocument"), body).await["document"].clone();
    let id = text(&draft["id"]);
    let given_up = luebeck.acts(&id, "cancel", 0, json!({})).await.unwrap();
    assert_eq!(
        (&given_up["state"], &given_up["openActs"]),
        (&json!("cancelled"), &json!([]))
    );
    // What was posted later has come, and it alone.
    let next = issued(&luebeck, &link).await;
    bergen.comes(&next, "issued").await;
    let all = bergen.call(&format!("{SERVICE}/ListDocuments"), json!({})).await;
    assert_eq!(all["documents"].as_array().unwrap().len(), 1, "{all}");
    assert_eq!(all["documents"][0]["id"], next);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_counts_while_the_other_side_could_not_hear_of_it() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let id = issued(&luebeck, &link).await;
    bergen.comes(&id, "issued").await;
    let stop = json!({"id": link, "reason": "stocktaking"});
    bergen.call("link.v1.LinkStaffService/SuspendLink", stop).await;
    luebeck.sees(&link, "LINK_STATE_SUSPENDED").await;
    let create = json!({"kind": "order", "links": {"seller": link}});
    for refused in [
        luebeck.acts(&id, "cancel", 1, json!({})).await,
        luebeck.try_call(&format!("{SERVICE}/CreateDocument"), create).await,
    ] {
        let fault = refused.unwrap_err();
        assert_eq!(fault.reason, "LINK_SUSPENDED");
        assert!(fault.changeable_by.unwrap().contains("Bergen"));
    }
    assert_eq!(luebeck.document(&id).await.unwrap()["state"], "issued");
    bergen
        .call("link.v1.LinkStaffService/ResumeLink", json!({"id": link}))
        .await;
    luebeck.sees(&link, "LINK_STATE_ACTIVE").await;
    luebeck.acts(&id, "cancel", 1, json!({})).await.unwrap();
    bergen.comes(&id, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_side_proposes_counts_when_the_other_accepts_and_not_before() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let id = agreed(&bergen, &luebeck, &link).await;
    // By the seller, who is not the issuer; then by the buyer, who is.
    for (round, proposer, other) in [(0, &bergen, &luebeck), (1, &luebeck, &bergen)] {
        let (base, units) = (2 + round, 7 + i64::try_from(round).unwrap());
        proposer.acts(&id, "change", base, other_goods(units)).await.unwrap();
        for side in [proposer, other] {
            let open = side
                .becomes(&id, "open", |document| document["proposals"][0].is_object())
                .await;
            assert_eq!(open["version"], base.to_string());
            assert_eq!(open["waitsForName"], other.name, "where it is stuck, on both sides");
            assert_eq!(first_units(&open["proposals"][0]), units.to_string().as_str());
        }
        let proposal = text(&other.document(&id).await.unwrap()["proposals"][0]["id"]);
        let refused = proposer.says(&id, "accept", base, &proposal).await;
        assert_eq!(refused.unwrap_err().reason, "NOT_YOURS");
        other.says(&id, "accept", base, &proposal).await.unwrap();
        let next = (base + 1).to_string();
        for side in [proposer, other] {
            let done = side
                .becomes(&id, "agreed anew", |document| document["version"] == next.as_str())
                .await;
            assert_eq!(first_units(&done), units.to_string().as_str());
            assert_eq!(
                (&done["proposals"], &done["contents"]["answers"]),
                (&json!([]), &Value::Null)
            );
            assert_eq!(became(&done, &proposal).0, "counted");
            let acts = done["acts"].as_array().unwrap();
            assert!(acts.iter().all(|act| act["state"] == "counted"), "{acts:?}");
        }
    }
    same_on_both(&bergen, &luebeck, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_that_is_rejected_or_withdrawn_leaves_all_as_it_was() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let id = agreed(&bergen, &luebeck, &link).await;
    for (proposer, who, word, reason) in [
        (&bergen, &luebeck, "reject", "REJECTED"),
        (&luebeck, &bergen, "reject", "REJECTED"),
        (&bergen, &bergen, "withdraw", "WITHDRAWN"),
        (&luebeck, &luebeck, "withdraw", "WITHDRAWN"),
    ] {
        proposer.acts(&id, "cancel_agreed", 2, json!({})).await.unwrap();
        let open = who
            .becomes(&id, "open", |document| document["proposals"][0].is_object())
            .await;
        let proposal = text(&open["proposals"][0]["id"]);
        // Its proposer has heard that it is open, and may take it back from then on.
        proposer
            .becomes(&id, "open", |document| became(document, &proposal).0 == "open")
            .await;
        who.says(&id, word, 2, &proposal).await.unwrap();
        for side in [&bergen, &luebeck] {
            let over = side
                .becomes(&id, "over", |document| became(document, &proposal).0 == "refused")
                .await;
            assert_eq!(became(&over, &proposal).1, reason);
            assert_eq!((&over["version"], &over["state"]), (&json!("2"), &json!("agreed")));
            assert_eq!(over["proposals"], json!([]));
            let late = side.says(&id, "accept", 2, &proposal).await.unwrap_err();
            assert_eq!(late.reason, "NOT_OPEN");
        }
        let said = who.becomes(&id, "settled", |document| {
            document["acts"]
                .as_array()
                .unwrap()
                .iter()
                .all(|act| act["state"] != "sent")
        });
        said.await;
    }
    same_on_both(&bergen, &luebeck, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proposals_that_cross_end_in_one_agreed_version_on_both_nodes() {
    let (_here, _there, bergen, luebeck, link) = two().await;
    let id = agreed(&bergen, &luebeck, &link).await;
    for base in 2..5_u64 {
        // Each proposes before it hears of the other's, and each accepts what it hears of.
        let (ours, theirs) = tokio::join!(
            luebeck.acts(&id, "change", base, other_goods(100)),
            bergen.acts(&id, "change", base, other_goods(200)),
        );
        let (ours, theirs) = (
            text(&ours.unwrap()["acts"][0]["id"]),
            text(&theirs.unwrap()["acts"][0]["id"]),
        );
        let knows = |document: &Value, proposal: &str| !became(document, proposal).0.is_empty();
        bergen.becomes(&id, "there", |document| knows(document, &ours)).await;
        luebeck.becomes(&id, "there", |document| knows(document, &theirs)).await;
        let said = tokio::join!(
            luebeck.says(&id, "accept", base, &theirs),
            bergen.says(&id, "accept", base, &ours),
        );
        // Who hears of the new version first can't accept any more; the other's answer is superseded at the issuer.
        for refused in [said.0, said.1].into_iter().filter_map(Result::err) {
            assert!(["SUPERSEDED", "NOT_OPEN"].contains(&&*refused.reason), "{refused:?}");
        }
        let next = (base + 1).to_string();
        let settled = |document: &Value| {
            let acts = document["acts"].as_array().unwrap();
            document["version"] == next.as_str() && acts.iter().all(|act| act["state"] != "sent")
        };
        let (here, there) = (
            luebeck.becomes(&id, "one version on", settled).await,
            bergen.becomes(&id, "one version on", settled).await,
        );
        assert_eq!(here["root"], there["root"]);
        for side in [&here, &there] {
            assert_eq!(side["proposals"], json!([]));
            let both = [became(side, &ours), became(side, &theirs)];
            assert!(both.contains(&("counted", "")), "{both:?}");
            assert!(both.contains(&("refused", "SUPERSEDED")), "{both:?}");
        }
        assert_eq!(became(&here, &ours), became(&there, &ours));
    }
    same_on_both(&bergen, &luebeck, &id).await;
}

/// A kind that no code knows: a sample is asked for, and sent or not.
fn sample() -> Value {
    json!({
        "name": "sample_request", "version": 1, "title": {"en": "Sample request", "de": "Musteranfrage"}, "prefix": "SR",
        "roles": ["asker", "maker"],
        "sections": {
            "wish": {"is": "head", "audience": ["asker", "maker"]},
            "samples": {"is": "lines", "audience": ["asker", "maker"]},
        },
        "begins": "draft",
        "states": {"draft": {"waits_for": "asker"}, "asked": {"waits_for": "maker"}, "sent": {"end": true}, "refused": {"end": true}},
        "acts": {
            "ask": {"by": ["asker"], "from": ["draft"], "writes": ["wish", "samples"], "to": "asked"},
            "send": {"by": ["maker"], "from": ["asked"], "to": "sent"},
            "refuse": {"by": ["maker"], "from": ["asked"], "to": "refused"},
        },
    })
}

async fn puts_kind(enterprise: &Enterprise, kind: &Value) -> Result<Value, Fault> {
    let body = json!({"definition": kind.to_string()});
    enterprise.try_call(&format!("{SERVICE}/PutKind"), body).await
}

async fn two_with(kinds: Value) -> (House, House, Enterprise, Enterprise, String) {
    let (here, there) = (House::new().await, House::new().await);
    let (bergen, luebeck) = (
        here.enterprise("Bergen Foods").await,
        there.enterprise("Lübeck Stores").await,
    );
    let link = bergen
        .links_with(&luebeck, json!({"documentKinds": kinds}), json!({}))
        .await;
    (here, there, bergen, luebeck, link)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_is_added_with_data_alone_and_both_sides_go_through_its_states() {
    let (_here, _there, bergen, luebeck, link) = two_with(json!(["sample_request"])).await;
    let added = puts_kind(&luebeck, &sample()).await.unwrap();
    // The same data with other spaces is the same kind.
    let spaced = json!({"definition": serde_json::to_string_pretty(&sample()).unwrap()});
    let same = bergen.call(&format!("{SERVICE}/PutKind"), spaced).await;
    assert_eq!(added, same);
    let id = luebeck.begins("sample_request", json!({"maker": link})).await;
    let samples = json!({
        "wish": {"head": {"note": "for the tasting"}},
        "samples": {"lines": {"lines": [{"id": "1", "name": "smoked tea", "quantity": {"value": 1}}]}},
    });
    luebeck.acts(&id, "ask", 0, samples).await.unwrap();
    let asked = bergen.comes(&id, "asked").await;
    assert_eq!(
        (&asked["number"], &asked["title"]["de"], &asked["openActs"]),
        (&json!("SR-1"), &json!("Musteranfrage"), &json!(["refuse", "send"]))
    );
    bergen.acts(&id, "send", 1, json!({})).await.unwrap();
    luebeck.comes(&id, "sent").await;
    bergen.comes(&id, "sent").await;
    same_on_both(&bergen, &luebeck, &id).await;
    let kinds = bergen.call(&format!("{SERVICE}/ListKinds"), json!({})).await;
    let shipped = |kind: &Value| (text(&kind["name"]), kind["shipped"] == true);
    let names: Vec<_> = kinds["kinds"].as_array().unwrap().iter().map(shipped).collect();
    for expected in [("despatch_advice", true), ("order", true), ("sample_request", false)] {
        assert!(names.contains(&(expected.0.to_owned(), expected.1)), "{names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_a_kind_that_the_partner_has_otherwise_is_shown_as_one_sided_with_the_reason() {
    let (_here, _there, bergen, luebeck, link) = two_with(json!(["sample_request"])).await;
    puts_kind(&luebeck, &sample()).await.unwrap();
    let ask = async || {
        let id = luebeck.begins("sample_request", json!({"maker": link})).await;
        let samples = json!({
            "wish": {"head": {}},
            "samples": {"lines": {"lines": [{"id": "1", "name": "tea", "quantity": {"value": 1}}]}},
        });
        luebeck.acts(&id, "ask", 0, samples).await.unwrap();
        id
    };
    let trouble = async |id: &str, trouble: &str| {
        let stuck = |document: &Value| document["parties"][1]["trouble"] == trouble;
        let seen = luebeck.becomes(id, trouble, stuck).await;
        assert_eq!(seen["parties"][1]["hasVersion"], "0");
    };
    trouble(&ask().await, "UNKNOWN_KIND").await;
    let mut other = sample();
    other["states"]["refused"] = json!({"end": true, "waits_for": "asker"});
    puts_kind(&bergen, &other).await.unwrap();
    let id = ask().await;
    trouble(&id, "BAD_VERSION").await;
    assert_eq!(bergen.document(&id).await.unwrap_err().reason, "NOT_FOUND");
    // What has come is said to have come.
    let grant = json!({"id": link, "grant": {"documentKinds": ["order"]}});
    bergen.call("link.v1.LinkStaffService/SetGrant", grant).await;
    let id = issued(&luebeck, &link).await;
    luebeck
        .becomes(&id, "there", |document| document["parties"][1]["hasVersion"] == "1")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_does_not_hold_or_would_change_what_was_begun_is_refused() {
    let house = House::new().await;
    let bergen = house.enterprise("Bergen Foods").await;
    let refused = async |kind: &Value| puts_kind(&bergen, kind).await.unwrap_err().text.into_owned();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut kind = sample();
        change(&mut kind);
        kind
    };
    let named = with(&|kind| kind["name"] = "order".into());
    assert!(refused(&named).await.contains("take another name"));
    let broken = with(&|kind| kind["acts"]["send"]["to"] = "nowhere".into());
    assert!(refused(&broken).await.contains("there is no state nowhere"));
    let second = with(&|kind| kind["version"] = 2.into());
    assert_eq!(refused(&second).await, "the first version is 1");
    puts_kind(&bergen, &sample()).await.unwrap();
    puts_kind(&bergen, &sample()).await.unwrap();
    let changed = with(&|kind| kind["prefix"] = "S".into());
    assert_eq!(refused(&changed).await, "the next version of sample_request is 2");
    puts_kind(&bergen, &second).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_begin_at_the_same_moment_have_numbers_of_their_own_without_a_gap() {
    let (_here, _there, _bergen, luebeck, link) = two().await;
    let mut beginning = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (luebeck, link) = (luebeck.clone(), link.clone());
        beginning.spawn(async move {
            let id = luebeck.begins("order", json!({"seller": link})).await;
            text(&luebeck.document(&id).await.unwrap()["number"])
        });
    }
    let mut numbers = beginning.join_all().await;
    numbers.sort_by_key(|number| number[3..].parse::<u32>().unwrap());
    assert_eq!(numbers, (1..=20).map(|n| format!("PO-{n}")).collect::<Vec<_>>());
}
