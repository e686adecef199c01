//! Approvals: who has to agree inside an enterprise before an act is done, and what the partner sees of it: nothing.
// covers: I3, I13

use std::time::Duration;

use hansa_tests::{Enterprise, House, database, house::text};
use hansa_vocab::{
    Fault,
    clock::{Clock as _, SystemClock},
};
use serde_json::{Value, json};

const SERVICE: &str = "workflow.v1.WorkflowStaffService";

/// Lübeck buys at Bergen. A clerk asks; Ada, Ben and Cleo approve.
pub(super) struct Shop {
    here: House,
    pub(super) there: House,
    pub(super) bergen: Enterprise,
    pub(super) luebeck: Enterprise,
    pub(super) clerk: Enterprise,
    pub(super) ada: (String, Enterprise),
    ben: (String, Enterprise),
    cleo: (String, Enterprise),
    link: String,
}

pub(super) async fn shop() -> Shop {
    let (here, there) = (House::new().await, House::new().await);
    let (bergen, luebeck) = (
        here.enterprise("Bergen Foods").await,
        there.enterprise("Lübeck Stores").await,
    );
    let grant = json!({"documentKinds": ["order"]});
    let link = bergen.links_with(&luebeck, grant.clone(), grant).await;
    let (_, clerk) = luebeck.employs(&there.node, "Carl the clerk", &["store"]).await;
    let ada = luebeck.employs(&there.node, "Ada", &["approver"]).await;
    let ben = luebeck.employs(&there.node, "Ben", &["buyer"]).await;
    let cleo = luebeck.employs(&there.node, "Cleo", &["support"]).await;
    Shop {
        here,
        there,
        bergen,
        luebeck,
        clerk,
        ada,
        ben,
        cleo,
        link,
    }
}

pub(super) fn goods(units: i64, note: &str) -> Value {
    let line = json!({"id": "1", "sku": "TEA-1", "quantity": {"value": units}, "price": {"value": 100, "scale": 0}});
    json!({
        "head": {"head": {"currency": "EUR", "note": note}},
        "lines": {"lines": {"lines": [line]}},
    })
}

pub(super) async fn puts(enterprise: &Enterprise, flow: Value) -> Result<Value, Fault> {
    let body = json!({"definition": flow.to_string()});
    enterprise.try_call(&format!("{SERVICE}/PutFlow"), body).await
}

pub(super) fn flow(steps: Value) -> Value {
    json!({"name": "purchase", "version": 1, "title": {"en": "Purchases"}, "on": {"kind": "order", "act": "issue"}, "steps": steps})
}

pub(super) async fn decides(who: &Enterprise, id: &str, verdict: &str, note: &str) -> Result<Value, Fault> {
    let body = json!({"id": id, "verdict": format!("VERDICT_{verdict}"), "note": note});
    let answer = who.try_call(&format!("{SERVICE}/Decide"), body).await;
    answer.map(|answer| answer["approval"].clone())
}

async fn to_decide(who: &Enterprise) -> Vec<String> {
    let body = json!({"which": "WHICH_TO_DECIDE"});
    let answer = who.call(&format!("{SERVICE}/ListApprovals"), body).await;
    let all = answer["approvals"].as_array().unwrap().iter();
    all.map(|approval| text(&approval["id"])).collect()
}

fn part<'a>(approval: &'a Value, step: usize, who: &str) -> &'a Value {
    let parts = approval["steps"][step]["parts"].as_array().unwrap();
    parts
        .iter()
        .find(|part| part["staffName"] == who)
        .unwrap_or(&Value::Null)
}

impl Shop {
    /// The clerk asks for so many units: the order's id, and the approval's.
    pub(super) async fn asks(&self, units: i64) -> (String, String) {
        let id = self.clerk.begins("order", json!({"seller": self.link})).await;
        let asked = self.clerk.acts(&id, "issue", 0, goods(units, "")).await.unwrap();
        assert_eq!(
            (&asked["state"], &asked["acts"][0]["state"]),
            (&json!("draft"), &json!("held"))
        );
        (id, text(&asked["acts"][0]["id"]))
    }

    async fn became(&self, document: &str, act: &str) -> (String, String) {
        let document = self.clerk.document(document).await.unwrap();
        let acts = document["acts"].as_array().unwrap();
        let act = acts.iter().find(|one| one["id"] == act).unwrap();
        (text(&act["state"]), text(&act["reason"]))
    }

    async fn approval(&self, id: &str) -> Value {
        let answer = self
            .luebeck
            .call(&format!("{SERVICE}/GetApproval"), json!({"id": id}))
            .await;
        answer["approval"].clone()
    }

    /// The time of all who are asked is over, and the watcher has seen it.
    async fn time_passes(&self) {
        let mut admin = self.there.world.superuser().await;
        let schema = self.luebeck.tenant.schema();
        let past =
            format!("update {schema}.approval_part set due_at = now() - interval '1 hour' where due_at is not null");
        database::run(&mut admin, past).await.unwrap();
        let late = format!(
            "select count(*) from {schema}.approval_part p join {schema}.approval a on a.id = p.approval_id where p.due_at < now() and p.state = 'open' and a.state = 'open'"
        );
        for _ in 0..600 {
            let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(late.clone()))
                .fetch_one(&mut admin)
                .await
                .unwrap();
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nobody has seen to what is overdue");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_request_goes_to_one_and_a_large_one_to_two_more_in_turn_and_the_supplier_sees_neither_before() {
    let shop = shop().await;
    let turn = json!([shop.ben.0, shop.cleo.0]);
    let steps = json!([
        {"name": "store_manager", "by": {"role": "approver"}},
        {"name": "head_office", "when": "total >= money('80000', 'EUR')", "by": {"staff": turn}, "rule": "in_turn"},
    ]);
    puts(&shop.luebeck, flow(steps)).await.unwrap();
    let (small, first) = shop.asks(8).await;
    assert_eq!(to_decide(&shop.ada.1).await, std::slice::from_ref(&first));
    let done = decides(&shop.ada.1, &first, "APPROVE", "").await.unwrap();
    assert_eq!((&done["state"], &done["total"]), (&json!("approved"), &json!("80000")));
    assert_eq!(done["title"], "PO-1 with Bergen Foods");
    shop.bergen.comes(&small, "issued").await;
    let (large, second) = shop.asks(800).await;
    decides(&shop.ada.1, &second, "APPROVE", "").await.unwrap();
    let early = decides(&shop.cleo.1, &second, "APPROVE", "").await.unwrap_err();
    assert_eq!(early.reason, "NOT_ASKED", "Ben comes first");
    decides(&shop.ben.1, &second, "APPROVE", "we need it").await.unwrap();
    assert_eq!(shop.became(&large, &second).await.0, "held");
    assert_eq!(shop.bergen.document(&large).await.unwrap_err().reason, "NOT_FOUND");
    let done = decides(&shop.cleo.1, &second, "APPROVE", "").await.unwrap();
    assert_eq!(part(&done, 1, "Ben")["note"], "we need it");
    shop.bergen.comes(&large, "issued").await;
    assert_eq!(shop.became(&large, &second).await.0, "counted");
    // What Bergen holds says nothing of who approved it.
    let mut admin = shop.here.world.superuser().await;
    let said = format!(
        "select count(*) from {}.document_version where position('we need it'::bytea in body) > 0",
        shop.bergen.tenant.schema()
    );
    let said: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(said))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(said, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_the_supplier_could_not_hear_of_is_not_taken_down_and_can_be_taken_later() {
    let shop = shop().await;
    puts(
        &shop.luebeck,
        flow(json!([{"name": "one", "by": {"role": "approver"}}])),
    )
    .await
    .unwrap();
    let (order, asked) = shop.asks(8).await;
    let stop = json!({"id": shop.link, "reason": "stocktaking"});
    shop.bergen.call("link.v1.LinkStaffService/SuspendLink", stop).await;
    shop.luebeck.sees(&shop.link, "LINK_STATE_SUSPENDED").await;
    let refused = decides(&shop.ada.1, &asked, "APPROVE", "").await.unwrap_err();
    assert_eq!(refused.reason, "LINK_SUSPENDED");
    assert!(refused.changeable_by.unwrap().contains("Bergen"));
    assert_eq!(shop.approval(&asked).await["state"], "open");
    assert_eq!(shop.became(&order, &asked).await.0, "held");
    let body = json!({"id": shop.link});
    shop.bergen.call("link.v1.LinkStaffService/ResumeLink", body).await;
    shop.luebeck.sees(&shop.link, "LINK_STATE_ACTIVE").await;
    decides(&shop.ada.1, &asked, "APPROVE", "").await.unwrap();
    shop.bergen.comes(&order, "issued").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_rejected_returned_or_withdrawn_is_over_with_the_reason_and_may_be_asked_again() {
    let shop = shop().await;
    puts(
        &shop.luebeck,
        flow(json!([{"name": "one", "by": {"staff": [shop.ada.0, shop.ben.0]}, "rule": "all"}])),
    )
    .await
    .unwrap();
    let (id, first) = shop.asks(8).await;
    let silent = decides(&shop.ada.1, &first, "REJECT", " ").await.unwrap_err();
    assert_eq!(silent.parameters["field"], "note");
    decides(&shop.ada.1, &first, "APPROVE", "").await.unwrap();
    let over = decides(&shop.ben.1, &first, "REJECT", "too dear").await.unwrap();
    assert_eq!(
        (&over["state"], &over["reason"]),
        (&json!("rejected"), &json!("too dear"))
    );
    assert_eq!(shop.became(&id, &first).await, ("refused".into(), "REJECTED".into()));
    let late = decides(&shop.ada.1, &first, "APPROVE", "").await.unwrap_err();
    assert_eq!(late.reason, "NOT_OPEN");
    let again = async || {
        let asked = shop.clerk.acts(&id, "issue", 0, goods(7, "")).await.unwrap();
        text(&asked["acts"][0]["id"])
    };
    let second = again().await;
    decides(&shop.ada.1, &second, "RETURN", "which shop is it for?")
        .await
        .unwrap();
    assert_eq!(shop.became(&id, &second).await, ("refused".into(), "RETURNED".into()));
    let third = again().await;
    let back = json!({"id": third});
    let other = shop
        .ada
        .1
        .try_call(&format!("{SERVICE}/WithdrawRequest"), back.clone())
        .await;
    assert_eq!(other.unwrap_err().reason, "NOT_ASKED");
    shop.clerk.call(&format!("{SERVICE}/WithdrawRequest"), back).await;
    assert_eq!(shop.became(&id, &third).await, ("refused".into(), "WITHDRAWN".into()));
    assert!(to_decide(&shop.ada.1).await.is_empty());
    assert_eq!(shop.clerk.document(&id).await.unwrap()["version"], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_weight_begins_anew_and_any_other_keeps_what_was_decided() {
    let shop = shop().await;
    puts(
        &shop.luebeck,
        flow(json!([{"name": "one", "by": {"staff": [shop.ada.0, shop.ben.0]}, "rule": "all"}])),
    )
    .await
    .unwrap();
    let (id, first) = shop.asks(8).await;
    decides(&shop.ada.1, &first, "APPROVE", "").await.unwrap();
    let noted = shop
        .clerk
        .acts(&id, "issue", 0, goods(8, "the back door"))
        .await
        .unwrap();
    let second = text(&noted["acts"][0]["id"]);
    assert_eq!(shop.became(&id, &first).await, ("refused".into(), "REPLACED".into()));
    assert_eq!(shop.approval(&first).await["state"], "replaced");
    assert_eq!(part(&shop.approval(&second).await, 0, "Ada")["state"], "approved");
    let more = shop
        .clerk
        .acts(&id, "issue", 0, goods(9, "the back door"))
        .await
        .unwrap();
    let third = text(&more["acts"][0]["id"]);
    assert_eq!(
        part(&shop.approval(&third).await, 0, "Ada")["state"],
        "open",
        "nine are not eight"
    );
    decides(&shop.ada.1, &third, "APPROVE", "").await.unwrap();
    decides(&shop.ben.1, &third, "APPROVE", "").await.unwrap();
    let issued = shop.bergen.comes(&id, "issued").await;
    assert_eq!(
        issued["contents"]["lines"]["lines"]["lines"][0]["quantity"]["value"],
        "9"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delegate_decides_in_somebodys_place_for_a_while_and_never_on_a_request_of_their_own() {
    let shop = shop().await;
    puts(
        &shop.luebeck,
        flow(json!([{"name": "one", "by": {"staff": [shop.ada.0]}}])),
    )
    .await
    .unwrap();
    let at = |hours: i64| {
        let at = SystemClock.now() + time::Duration::hours(hours);
        at.format(&time::format_description::well_known::Rfc3339).unwrap()
    };
    let (_, first) = shop.asks(8).await;
    assert_eq!(
        decides(&shop.cleo.1, &first, "APPROVE", "").await.unwrap_err().reason,
        "NOT_FOUND",
        "it is none of hers"
    );
    let clerk = shop
        .clerk
        .call("directory.v1.DirectoryStaffService/WhoAmI", json!({}))
        .await;
    let clerk = text(&clerk["staff"]["id"]);
    let delegate = async |to: &str, from: Option<String>, until: String| {
        let body = json!({"toStaffId": to, "beginsAt": from, "endsAt": until, "reason": "holiday"});
        shop.ada.1.try_call(&format!("{SERVICE}/Delegate"), body).await
    };
    let later = delegate(&shop.cleo.0, Some(at(5)), at(9)).await.unwrap();
    assert_eq!(
        decides(&shop.cleo.1, &first, "APPROVE", "").await.unwrap_err().reason,
        "NOT_FOUND",
        "not yet"
    );
    assert_eq!(later["delegation"]["toStaffName"], "Cleo");
    delegate(&clerk, None, at(9)).await.unwrap();
    let own = decides(&shop.clerk, &first, "APPROVE", "").await.unwrap_err();
    assert_eq!(own.reason, "OWN_REQUEST");
    let now = delegate(&shop.cleo.0, None, at(9)).await.unwrap();
    assert_eq!(to_decide(&shop.cleo.1).await, std::slice::from_ref(&first));
    let done = decides(&shop.cleo.1, &first, "APPROVE", "").await.unwrap();
    let of_ada = part(&done, 0, "Ada");
    assert_eq!(
        (&of_ada["state"], &of_ada["decidedByName"]),
        (&json!("approved"), &json!("Cleo"))
    );
    // What has ended has ended.
    let (_, second) = shop.asks(9).await;
    let end = json!({"id": now["delegation"]["id"]});
    let not_hers = shop
        .cleo
        .1
        .try_call(&format!("{SERVICE}/EndDelegation"), end.clone())
        .await;
    assert_eq!(not_hers.unwrap_err().reason, "NOT_FOUND");
    shop.ada.1.call(&format!("{SERVICE}/EndDelegation"), end).await;
    assert_eq!(
        decides(&shop.cleo.1, &second, "APPROVE", "").await.unwrap_err().reason,
        "NOT_FOUND"
    );
    assert!(delegate(&shop.cleo.0, None, at(-1)).await.is_err());
    assert!(delegate(&shop.ada.0, None, at(1)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_never_stuck() {
    let shop = shop().await;
    let state = async |id: &str| {
        let approval = shop.approval(id).await;
        (text(&approval["state"]), text(&approval["reason"]))
    };
    let asks = async |units: i64| {
        let id = shop.ada.1.begins("order", json!({"seller": shop.link})).await;
        let asked = shop.ada.1.acts(&id, "issue", 0, goods(units, "")).await.unwrap();
        (text(&asked["state"]), text(&asked["acts"][0]["id"]))
    };
    // No step applies.
    puts(
        &shop.luebeck,
        flow(json!([{"name": "large", "when": "total > money('500', 'EUR')", "by": {"role": "approver"}}])),
    )
    .await
    .unwrap();
    let (issued, id) = asks(1).await;
    assert_eq!(
        (&*issued, state(&id).await),
        ("issued", ("passed".into(), "no step of purchase applies".into()))
    );
    // Whoever approves asks: somebody who runs the enterprise decides.
    let (draft, id) = asks(9).await;
    assert_eq!(draft, "draft");
    assert_eq!(
        decides(&shop.ada.1, &id, "APPROVE", "").await.unwrap_err().reason,
        "OWN_REQUEST"
    );
    assert_eq!(to_decide(&shop.luebeck).await, std::slice::from_ref(&id));
    decides(&shop.luebeck, &id, "APPROVE", "").await.unwrap();
    // A price is missing: the stricter branch, and it says so.
    let id = shop.clerk.begins("order", json!({"seller": shop.link})).await;
    let mut unpriced = goods(1, "");
    unpriced["lines"]["lines"]["lines"][0]["price"] = Value::Null;
    let asked = shop.clerk.acts(&id, "issue", 0, unpriced).await.unwrap();
    let approval = shop.approval(&text(&asked["acts"][0]["id"])).await;
    assert_eq!(approval["state"], "open");
    assert!(text(&approval["steps"][0]["unknown"]).contains("total"), "{approval}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_is_reminded_of_escalated_or_refused() {
    let shop = shop().await;
    let step = |overdue: Value| json!([{"name": "one", "by": {"staff": [shop.ada.0]}, "rule": "all", "hours": 1, "overdue": overdue}]);
    let versions = [
        json!("remind"),
        json!({"escalate": {"staff": [shop.ben.0]}}),
        json!("reject"),
    ];
    for (overdue, version) in versions.into_iter().zip(1..) {
        let mut flow = flow(step(overdue));
        flow["version"] = version.into();
        puts(&shop.luebeck, flow).await.unwrap();
        let (id, approval) = shop.asks(8 + version).await;
        shop.time_passes().await;
        let shown = shop.approval(&approval).await;
        match version {
            1 => {
                assert_eq!(
                    (&shown["state"], &part(&shown, 0, "Ada")["overdue"]),
                    (&json!("open"), &json!(true))
                );
                decides(&shop.ada.1, &approval, "APPROVE", "").await.unwrap();
            }
            2 => {
                assert_eq!(part(&shown, 0, "Ben")["asked"], "escalated");
                decides(&shop.ben.1, &approval, "APPROVE", "").await.unwrap();
                shop.bergen.comes(&id, "issued").await;
            }
            _ => {
                assert_eq!(
                    (&shown["state"], &shown["reason"]),
                    (&json!("rejected"), &json!("nobody decided in time"))
                );
                assert_eq!(shop.became(&id, &approval).await, ("refused".into(), "REJECTED".into()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_more_colleague_can_be_asked_and_a_changed_flow_leaves_open_requests_alone() {
    let shop = shop().await;
    puts(
        &shop.luebeck,
        flow(json!([{"name": "one", "by": {"staff": [shop.ada.0]}, "rule": "all"}])),
    )
    .await
    .unwrap();
    let (id, approval) = shop.asks(8).await;
    let mut other = flow(json!([{"name": "other", "by": {"staff": [shop.cleo.0]}}]));
    other["version"] = 2.into();
    puts(&shop.luebeck, other).await.unwrap();
    let add = async |who: &Enterprise, whom: &str| {
        let body = json!({"id": approval, "staffId": whom});
        who.try_call(&format!("{SERVICE}/AddApprover"), body).await
    };
    assert_eq!(add(&shop.luebeck, &shop.ben.0).await.unwrap_err().reason, "NOT_ASKED");
    add(&shop.ada.1, &shop.ben.0).await.unwrap();
    assert!(add(&shop.ada.1, &shop.ben.0).await.is_err(), "once is enough");
    decides(&shop.ada.1, &approval, "APPROVE", "").await.unwrap();
    assert_eq!(shop.became(&id, &approval).await.0, "held");
    let done = decides(&shop.ben.1, &approval, "APPROVE", "").await.unwrap();
    assert_eq!((&done["flowVersion"], &done["state"]), (&json!(1), &json!("approved")));
    // The same decision again, and its id for another one.
    let (_, second) = shop.asks(9).await;
    let mut body = json!({"id": second, "verdict": "VERDICT_APPROVE", "decisionId": uuid::Uuid::from_u128(7)});
    for _ in 0..2 {
        let answer = shop.cleo.1.call(&format!("{SERVICE}/Decide"), body.clone()).await;
        assert_eq!(answer["approval"]["state"], "approved");
    }
    body["verdict"] = "VERDICT_REJECT".into();
    body["note"] = "no".into();
    let reused = shop.cleo.1.try_call(&format!("{SERVICE}/Decide"), body).await;
    assert_eq!(reused.unwrap_err().reason, "ID_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_staff_ask_where_somebody_approves_and_are_told_when_nobody_does() {
    let shop = shop().await;
    let id = shop.clerk.begins("order", json!({"seller": shop.link})).await;
    let alone = shop.clerk.acts(&id, "issue", 0, goods(8, "")).await.unwrap_err();
    assert_eq!(alone.reason, "NO_FLOW");
    puts(
        &shop.luebeck,
        flow(json!([{"name": "one", "by": {"role": "approver"}}])),
    )
    .await
    .unwrap();
    let body = json!({"id": id, "act": "issue", "contents": goods(8, "")});
    let preview = shop
        .clerk
        .call("documents.v1.DocumentsStaffService/PreviewAct", body)
        .await;
    assert_eq!(
        (&preview["flow"], &preview["steps"][0]["people"]),
        (&json!("purchase"), &json!(["Ada"]))
    );
    let asked = shop.clerk.acts(&id, "issue", 0, goods(8, "")).await.unwrap();
    assert_eq!(asked["acts"][0]["state"], "held");
    // Ben buys alone; and what he does ends what was asked for on an older version.
    shop.luebeck
        .call(&format!("{SERVICE}/RetireFlow"), json!({"name": "purchase"}))
        .await;
    shop.ben.1.acts(&id, "issue", 0, goods(3, "")).await.unwrap();
    let held = text(&asked["acts"][0]["id"]);
    assert_eq!(shop.became(&id, &held).await, ("refused".into(), "REPLACED".into()));
    assert_eq!(shop.approval(&held).await["state"], "replaced");
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_what_the_other_side_proposes_is_judged_by_what_it_proposes() {
    let shop = shop().await;
    let id = shop.ben.1.begins("order", json!({"seller": shop.link})).await;
    shop.ben.1.acts(&id, "issue", 0, goods(8, "")).await.unwrap();
    shop.bergen.comes(&id, "issued").await;
    let accept = json!({"answers": {"answers": {"answers": [{"line": "1", "verdict": "VERDICT_ACCEPT"}]}}});
    shop.bergen.acts(&id, "answer", 1, accept).await.unwrap();
    shop.luebeck.comes(&id, "agreed").await;
    shop.bergen.comes(&id, "agreed").await;
    let mut dear =
        flow(json!([{"name": "dear", "when": "total > money('5000', 'EUR')", "by": {"staff": [shop.ada.0]}}]));
    dear["on"]["act"] = "accept".into();
    puts(&shop.luebeck, dear).await.unwrap();
    for (base, units, state) in [(2, 9, "counted"), (3, 90, "held")] {
        shop.bergen.acts(&id, "change", base, goods(units, "")).await.unwrap();
        let open = |document: &Value| document["proposals"][0].is_object();
        let proposal = shop.luebeck.becomes(&id, "open", open).await["proposals"][0]["id"].clone();
        let said = shop
            .ben
            .1
            .says(&id, "accept", base, proposal.as_str().unwrap())
            .await
            .unwrap();
        let accept = said["acts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|act| act["proposal"] == proposal)
            .cloned()
            .unwrap();
        assert_eq!(accept["state"], state, "{units} units");
        if state == "held" {
            decides(&shop.ada.1, accept["id"].as_str().unwrap(), "APPROVE", "")
                .await
                .unwrap();
        }
        let next = (base + 1).to_string();
        shop.bergen
            .becomes(&id, "agreed", |document| document["version"] == next.as_str())
            .await;
    }
}
