//! Steps that a partner's people decide: asked over the link, decided there by their rules, and vouched for by the partner.
// covers: I12, I13, I14

use std::time::Duration;

use data_encoding::HEXLOWER;
use hansa_tenancy::Errand;
use hansa_tests::{Enterprise, House, database, house::text};
use serde_json::{Value, json};
use uuid::Uuid;

use super::approvals::{decides, flow, goods, puts};

const SERVICE: &str = "workflow.v1.WorkflowStaffService";

/// A franchisee buys at Bergen; what is large, its franchisor approves.
struct Chain {
    kiosk_house: House,
    hq_house: House,
    _there: House,
    kiosk: Enterprise,
    clerk: Enterprise,
    hq: Enterprise,
    boss: Enterprise,
    bergen: Enterprise,
    supplier: String,
    franchisor: String,
}

async fn chain() -> Chain {
    let (kiosk_house, hq_house, there) = (House::new().await, House::new().await, House::new().await);
    let kiosk = kiosk_house.enterprise("Kiosk Lübeck").await;
    let hq = hq_house.enterprise("Kiosk Franchise").await;
    let bergen = there.enterprise("Bergen Foods").await;
    let orders = json!({"documentKinds": ["order"]});
    let supplier = bergen.links_with(&kiosk, orders.clone(), orders).await;
    let franchisor = hq
        .links_with(&kiosk, json!({"documentKinds": ["workflow.approval"]}), json!({}))
        .await;
    let (_, clerk) = kiosk.employs(&kiosk_house.node, "Carl", &["store"]).await;
    let (_, boss) = hq.employs(&hq_house.node, "Berta", &["approver"]).await;
    Chain {
        kiosk_house,
        hq_house,
        _there: there,
        kiosk,
        clerk,
        hq,
        boss,
        bergen,
        supplier,
        franchisor,
    }
}

impl Chain {
    async fn flows(&self, rule: Value) {
        let partners = json!([{"link": self.franchisor, "role": "approver"}]);
        let mut step = json!({"name": "head_office", "by": {"partners": partners}});
        for (name, value) in rule.as_object().unwrap() {
            step[name] = value.clone();
        }
        puts(&self.kiosk, flow(json!([step]))).await.unwrap();
    }

    /// The clerk asks for so many units: the order's id, and the approval's.
    async fn asks(&self, units: i64) -> (String, String) {
        let id = self.clerk.begins("order", json!({"seller": self.supplier})).await;
        (id.clone(), self.asks_for(&id, units, "").await)
    }

    async fn asks_for(&self, id: &str, units: i64, note: &str) -> String {
        let asked = self.clerk.acts(id, "issue", 0, goods(units, note)).await.unwrap();
        text(&asked["acts"][0]["id"])
    }

    async fn approval(&self, id: &str) -> Value {
        let answer = self
            .kiosk
            .call(&format!("{SERVICE}/GetApproval"), json!({"id": id}))
            .await;
        answer["approval"].clone()
    }

    async fn becomes(&self, id: &str, state: &str) -> Value {
        for _ in 0..400 {
            let approval = self.approval(id).await;
            if approval["state"] == state {
                return approval;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("never {state}: {:#}", self.approval(id).await);
    }
}

/// What waits for somebody, once there are so many.
async fn waits_for(who: &Enterprise, many: usize) -> Vec<Value> {
    for _ in 0..400 {
        let body = json!({"which": "WHICH_TO_DECIDE"});
        let answer = who.call(&format!("{SERVICE}/ListApprovals"), body).await;
        let all = answer["approvals"].as_array().unwrap().clone();
        if all.len() == many {
            return all;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{}: never {many} to decide", who.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_decided_by_the_franchisors_people_and_then_the_order_goes_out() {
    let chain = chain().await;
    chain.flows(json!({"hours": 8})).await;
    let preview = json!({"id": chain.clerk.begins("order", json!({"seller": chain.supplier})).await, "act": "issue", "contents": goods(9, "")});
    let preview = chain
        .clerk
        .call("documents.v1.DocumentsStaffService/PreviewAct", preview)
        .await;
    assert_eq!(preview["steps"][0]["people"], json!(["Kiosk Franchise (approver)"]));
    let (order, approval) = chain.asks(9).await;
    let question = &waits_for(&chain.boss, 1).await[0];
    assert_eq!(
        (&question["total"], &question["currency"]),
        (&json!("90000"), &json!("EUR"))
    );
    assert_eq!(question["requesterName"], "Kiosk Lübeck");
    assert_eq!(question["title"], "PO-2 with Bergen Foods", "{question:#}");
    assert_eq!(question["requesterId"], "");
    let facts: Value = serde_json::from_str(&text(&question["facts"])).unwrap();
    assert_eq!(facts["lines"][0]["sku"], "TEA-1", "what they decide on: {facts:#}");
    assert_eq!(
        facts["requester_roles"],
        json!([]),
        "who asks inside is nobody's business"
    );
    assert!(question["steps"][0]["parts"][0]["dueAt"].is_string(), "{question:#}");
    let open = chain.approval(&approval).await;
    let part = &open["steps"][0]["parts"][0];
    assert_eq!(
        (&part["partnerName"], &part["state"]),
        (&json!("Kiosk Franchise"), &json!("open"))
    );
    decides(&chain.boss, &text(&question["id"]), "APPROVE", "fine")
        .await
        .unwrap();
    chain.bergen.comes(&order, "issued").await;
    let done = chain.becomes(&approval, "approved").await;
    let part = &done["steps"][0]["parts"][0];
    assert_eq!((&part["state"], &part["note"]), (&json!("approved"), &json!("fine")));
    let by = text(&part["decidedByName"]);
    assert!(
        by.starts_with("approver ") && by.len() == 21 && !by.contains("Berta"),
        "{by}"
    );
    assert!(waits_for(&chain.boss, 0).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_franchisor_refuses_or_sends_back_is_not_done_and_who_asked_reads_why() {
    let chain = chain().await;
    chain.flows(json!({})).await;
    for (verdict, state) in [("REJECT", "rejected"), ("RETURN", "returned")] {
        let (order, approval) = chain.asks(9).await;
        let question = text(&waits_for(&chain.boss, 1).await[0]["id"]);
        assert!(
            decides(&chain.boss, &question, verdict, "").await.is_err(),
            "a reason is wanted"
        );
        decides(&chain.boss, &question, verdict, "too much").await.unwrap();
        let over = chain.becomes(&approval, state).await;
        assert_eq!(over["reason"], "too much");
        assert_eq!(chain.clerk.document(&order).await.unwrap()["state"], "draft");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_taken_back_or_asked_anew_is_over_at_the_partner_too() {
    let chain = chain().await;
    chain.flows(json!({})).await;
    let (order, first) = chain.asks(9).await;
    let question = text(&waits_for(&chain.boss, 1).await[0]["id"]);
    // Of no weight: the decisions so far are kept, and the partner is asked about the newer request.
    let second = chain.asks_for(&order, 9, "please").await;
    for _ in 0..400 {
        let left = waits_for(&chain.boss, 1).await;
        if left[0]["id"] != question.as_str() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(chain.approval(&first).await["state"], "replaced");
    let refused = decides(&chain.boss, &question, "APPROVE", "").await.unwrap_err();
    assert_eq!(refused.reason, "NOT_OPEN");
    let withdrawn = json!({"id": second});
    chain.clerk.call(&format!("{SERVICE}/WithdrawRequest"), withdrawn).await;
    assert!(waits_for(&chain.boss, 0).await.is_empty());
    assert_eq!(chain.clerk.document(&order).await.unwrap()["state"], "draft");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_cannot_be_asked_leaves_the_step_to_the_owners() {
    let chain = chain().await;
    chain.flows(json!({})).await;
    let suspend = json!({"id": chain.franchisor, "reason": "holidays"});
    chain.hq.call("link.v1.LinkStaffService/SuspendLink", suspend).await;
    chain.kiosk.sees(&chain.franchisor, "LINK_STATE_SUSPENDED").await;
    let (_, approval) = chain.asks(9).await;
    let own = waits_for(&chain.kiosk, 1).await;
    assert_eq!(own[0]["id"], approval.as_str());
    // And so without a grant.
    chain
        .hq
        .call("link.v1.LinkStaffService/ResumeLink", json!({"id": chain.franchisor}))
        .await;
    let nothing = json!({"id": chain.franchisor, "grant": {}});
    chain.hq.call("link.v1.LinkStaffService/SetGrant", nothing).await;
    chain.kiosk.sees(&chain.franchisor, "LINK_STATE_ACTIVE").await;
    for _ in 0..400 {
        let kinds = chain.kiosk.link(&chain.franchisor).await["received"]["documentKinds"].clone();
        if kinds == json!([]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    chain.asks(9).await;
    assert_eq!(waits_for(&chain.kiosk, 2).await.len(), 2);
    assert!(waits_for(&chain.boss, 0).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_partner_is_gone_before_it_has_decided_those_who_run_the_enterprise_do() {
    let chain = chain().await;
    chain.flows(json!({})).await;
    let (order, approval) = chain.asks(9).await;
    waits_for(&chain.boss, 1).await;
    let refused = decides(&chain.kiosk, &approval, "APPROVE", "").await.unwrap_err();
    assert_eq!(refused.reason, "NOT_ASKED", "as long as the partner can answer");
    let end = json!({"id": chain.franchisor, "reason": "the contract has ended"});
    chain.hq.call("link.v1.LinkStaffService/RevokeLink", end).await;
    chain.kiosk.sees(&chain.franchisor, "LINK_STATE_REVOKED").await;
    assert_eq!(chain.approval(&approval).await["ours"], true);
    decides(&chain.kiosk, &approval, "APPROVE", "").await.unwrap();
    chain.bergen.comes(&order, "issued").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_comes_back_hears_that_it_was_decided_without_it() {
    let chain = chain().await;
    chain.flows(json!({})).await;
    let (order, approval) = chain.asks(9).await;
    waits_for(&chain.boss, 1).await;
    let suspend = json!({"id": chain.franchisor, "reason": "holidays"});
    chain.hq.call("link.v1.LinkStaffService/SuspendLink", suspend).await;
    chain.kiosk.sees(&chain.franchisor, "LINK_STATE_SUSPENDED").await;
    decides(&chain.kiosk, &approval, "APPROVE", "").await.unwrap();
    chain.bergen.comes(&order, "issued").await;
    let resume = json!({"id": chain.franchisor});
    chain.hq.call("link.v1.LinkStaffService/ResumeLink", resume).await;
    assert!(waits_for(&chain.boss, 0).await.is_empty());
}

/// What is known of a request, with another amount, sealed as the node does: in hex.
async fn changed(house: &House, who: &Enterprise, (approval, facts): (&str, &[u8])) -> String {
    let tenancy = house.world.tenancy().await;
    let mut tx = tenancy
        .begin("test.seal", &Errand::new("test", who.tenant))
        .await
        .unwrap();
    let seal = house.vault().seal(&mut tx).await.unwrap();
    let id: Uuid = approval.parse().unwrap();
    let place = [b"approval\0", &id.as_bytes()[..]].concat();
    let known = String::from_utf8(seal.open(&place, facts).unwrap().to_vec()).unwrap();
    assert!(known.contains("90000"), "{known}");
    HEXLOWER.encode(&seal.close(&place, known.replace("90000", "90").as_bytes()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_something_else_than_what_was_asked_does_not_count() {
    let chain = chain().await;
    chain.flows(json!({})).await;
    let (order, approval) = chain.asks(9).await;
    let question = text(&waits_for(&chain.boss, 1).await[0]["id"]);
    // What was shown to them is not what lies here any more.
    let (mut admin, schema) = (chain.kiosk_house.world.superuser().await, chain.kiosk.tenant.schema());
    let facts = format!("select facts from {schema}.approval where id = '{approval}'");
    let facts: Vec<u8> = sqlx::query_scalar(sqlx::AssertSqlSafe(facts))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    let changed = changed(&chain.kiosk_house, &chain.kiosk, (&approval, &facts)).await;
    let change = format!("update {schema}.approval set facts = '\\x{changed}' where id = '{approval}'");
    database::run(&mut admin, change).await.unwrap();
    decides(&chain.boss, &question, "APPROVE", "").await.unwrap();
    let refused = format!("select count(*) from {schema}.inbox where state = 'refused' and reason = 'OTHER_REQUEST'");
    for _ in 0..400 {
        let many: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(refused.clone()))
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if many == 1 {
            assert_eq!(chain.approval(&approval).await["state"], "open");
            assert_eq!(chain.clerk.document(&order).await.unwrap()["state"], "draft");
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the decision was never refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_partners_each_counts_once_and_a_person_has_another_name_on_every_link() {
    let chain = chain().await;
    let second = chain
        .hq
        .links_with(&chain.kiosk, json!({"documentKinds": ["workflow.approval"]}), json!({}))
        .await;
    let other = chain.hq_house.enterprise("Bank").await;
    let bank = other
        .links_with(&chain.kiosk, json!({"documentKinds": ["workflow.approval"]}), json!({}))
        .await;
    let partner = |link: &str| json!({"link": link, "role": "approver"});
    let partners = json!([partner(&chain.franchisor), partner(&second), partner(&bank)]);
    let step = json!({"name": "two", "by": {"partners": partners}, "rule": {"n_of": 2}});
    puts(&chain.kiosk, flow(json!([step]))).await.unwrap();
    let (_, approval) = chain.asks(9).await;
    for question in waits_for(&chain.boss, 2).await {
        decides(&chain.boss, &text(&question["id"]), "APPROVE", "")
            .await
            .unwrap();
    }
    let done = chain.becomes(&approval, "approved").await;
    let parts = done["steps"][0]["parts"].as_array().unwrap();
    let names: Vec<_> = parts.iter().map(|part| text(&part["decidedByName"])).collect();
    assert_ne!(names[0], names[1], "{names:?}");
    assert_eq!(parts[2]["state"], "moot");
    // Whoever is not needed any more is told so.
    assert!(waits_for(&other, 0).await.is_empty());
    let all = other
        .call(&format!("{SERVICE}/ListApprovals"), json!({"which": "WHICH_ALL"}))
        .await;
    let mut state = text(&all["approvals"][0]["state"]);
    for _ in 0..400 {
        if state != "open" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
        let all = other
            .call(&format!("{SERVICE}/ListApprovals"), json!({"which": "WHICH_ALL"}))
            .await;
        state = text(&all["approvals"][0]["state"]);
    }
    assert_eq!(state, "withdrawn");
}
