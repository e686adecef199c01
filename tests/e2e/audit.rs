//! The audit: who did what is signed soon after, and what is changed behind its back is found.
// covers: I20

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER;
use hansa_link::model::evidence;
use hansa_tests::{Enterprise, House, database, house::text};
use serde_json::{Value, json};

const SERVICE: &str = "directory.v1.DirectoryStaffService";

async fn check(enterprise: &Enterprise, witnesses: Value) -> Value {
    let body = json!({"witnesses": witnesses});
    enterprise.call(&format!("{SERVICE}/VerifyAudit"), body).await
}

/// Waits until every line is signed; the check then.
async fn signed(enterprise: &Enterprise) -> Value {
    for _ in 0..200 {
        let found = check(enterprise, json!([])).await;
        if found["unsignedLines"] == "0" {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("some lines are never signed: {}", check(enterprise, json!([])).await);
}

async fn hires(enterprise: &Enterprise, name: &str) {
    let body = json!({"name": name, "roles": ["ROLE_BUYER"]});
    enterprise.call(&format!("{SERVICE}/CreateStaff"), body).await;
}

fn flaws(found: &Value) -> Vec<(u64, String)> {
    let all = found["flaws"].as_array().unwrap().iter();
    all.map(|flaw| (text(&flaw["checkpoint"]).parse().unwrap(), text(&flaw["text"])))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_changed_behind_the_audits_back_is_found_at_its_checkpoint() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    signed(&visby).await;
    hires(&visby, "first").await;
    visby.has(&[("TEA-1", 10), ("TEA-2", 5)]).await;
    signed(&visby).await;
    hires(&visby, "second").await;
    let whole = signed(&visby).await;
    assert_eq!(flaws(&whole), []);
    let checkpoints: u64 = text(&whole["checkpoints"]).parse().unwrap();
    assert!(checkpoints >= 3 && whole["lines"] == "5", "{whole}");

    let schema = visby.tenant.schema();
    let mut admin = house.world.superuser().await;
    let middle = "(select id from audit order by id offset 1 limit 1)";
    let rows = [
        (
            format!(
                "create table kept as select * from audit where id = {middle}; delete from audit where id = {middle}"
            ),
            "insert into audit select * from kept; drop table kept".to_owned(),
            "lines were signed",
        ),
        (
            "update audit set rule = rule || '!'".to_owned(),
            "update audit set rule = left(rule, -1)".to_owned(),
            "is not what was signed",
        ),
        (
            "insert into audit (id, actor, action, resource, rule, xid)
             select '00000000-0000-7000-8000-00000000beef', actor, action, resource, rule, xid from audit order by id limit 1"
                .to_owned(),
            "delete from audit where id = '00000000-0000-7000-8000-00000000beef'".to_owned(),
            "lines were signed",
        ),
        (
            "update ledger set quantity = quantity + 1 where quantity = 10".to_owned(),
            "update ledger set quantity = quantity - 1 where quantity = 11".to_owned(),
            "ledger lines is not what was signed",
        ),
        (
            "update checkpoint set number = -2 where number = 2".to_owned(),
            "update checkpoint set number = 2 where number = -2".to_owned(),
            "checkpoint 2 is missing",
        ),
        (
            "update checkpoint set body = set_byte(body, 40, get_byte(body, 40) # 1) where number = 2".to_owned(),
            "update checkpoint set body = set_byte(body, 40, get_byte(body, 40) # 1) where number = 2".to_owned(),
            "it is not what was signed",
        ),
    ];
    database::run(&mut admin, format!("set search_path to {schema}"))
        .await
        .unwrap();
    for (change, undo, expected) in rows {
        database::run(&mut admin, change.clone()).await.unwrap();
        let found = flaws(&check(&visby, json!([])).await);
        assert!(
            found.iter().any(|(_, text)| text.contains(expected)),
            "{change}: {found:?}"
        );
        database::run(&mut admin, undo).await.unwrap();
        assert_eq!(flaws(&check(&visby, json!([])).await), [], "{change} was undone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_with_all_its_lines_is_found_by_what_a_partner_holds() {
    let (ours, theirs) = (House::new().await, House::new().await);
    let (visby, luebeck) = (ours.enterprise("Visby").await, theirs.enterprise("Lübeck").await);
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true});
    // Visby's receipts answer what Lübeck sends: Lübeck sells here.
    let link = luebeck.links_with(&visby, grant, json!({})).await;
    luebeck.has(&[("TEA-1", 10)]).await;
    hires(&visby, "a clerk").await;
    signed(&visby).await;
    visby.reserves(&link, "", "TEA-1", 1, "60s").await.unwrap();
    while luebeck.link(&link).await["queueDepth"] != "0" {
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let proven = evidence::verify(&super::delivery::evidence_of(&luebeck, &link).await).unwrap();
    let me = visby.call(&format!("{SERVICE}/WhoAmI"), json!({})).await;
    let (number, head) = &proven.witnesses[&text(&me["enterpriseId"])];
    let head = STANDARD.encode(HEXLOWER.decode(head.as_bytes()).unwrap());
    let witness = json!([{"number": number.to_string(), "head": head}]);
    assert_eq!(flaws(&check(&visby, witness.clone()).await), []);

    let mut admin = ours.world.superuser().await;
    let cut = format!(
        "set search_path to {schema};
         delete from audit where not pg_visible_in_snapshot(xid, (select place from checkpoint where number = {number} - 1));
         delete from checkpoint where number >= {number}",
        schema = visby.tenant.schema()
    );
    database::run(&mut admin, cut).await.unwrap();
    assert_eq!(
        flaws(&check(&visby, json!([])).await),
        [],
        "what is left is a whole chain"
    );
    let found = flaws(&check(&visby, witness).await);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.contains("is not there any more"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_says_who_did_what_by_which_rule_page_by_page() {
    let house = House::new().await;
    let visby = house.enterprise("Visby").await;
    for name in ["one", "two", "three"] {
        hires(&visby, name).await;
    }
    let me = visby.call(&format!("{SERVICE}/WhoAmI"), json!({})).await;
    let list = async |page: &str| {
        let body = json!({"pageSize": 3, "page": page});
        visby.call(&format!("{SERVICE}/ListAuditLines"), body).await
    };
    let first = list("").await;
    for line in first["lines"].as_array().unwrap() {
        assert_eq!(
            (&line["actor"], &line["action"]),
            (&me["staff"]["id"], &json!("staff.write"))
        );
        assert!(text(&line["rule"]).contains("owner"), "{line}");
    }
    let second = list(first["nextPage"].as_str().unwrap()).await;
    assert_eq!(second["lines"].as_array().unwrap().len(), 1, "{second}");
    assert_eq!(second["nextPage"], "");
}
