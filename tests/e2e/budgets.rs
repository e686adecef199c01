//! What an approver sees beside a request: stock and budget; what is approved is bound, and what is given up is free again.
// covers: I12

use hansa_tests::{Enterprise, House, house::text};
use hansa_vocab::Fault;
use serde_json::{Value, json};

const PROCUREMENT: &str = "procurement.v1.ProcurementStaffService";
const WORKFLOW: &str = "workflow.v1.WorkflowStaffService";

struct Shop {
    _house: House,
    owner: Enterprise,
    clerk: Enterprise,
    approver: Enterprise,
}

async fn shop() -> Shop {
    let house = House::new().await;
    let owner = house.enterprise("Visby Tools").await;
    owner.has(&[("TEA-1", 10)]).await;
    let clerk = owner.employs(&house.node, "Carl", &["store"]).await.1;
    let approver = owner.employs(&house.node, "Ada", &["approver"]).await.1;
    let flow = json!({
        "name": "purchases", "version": 1, "title": {}, "on": {"kind": "requisition", "act": "submit"},
        "steps": [{"name": "one", "by": {"role": "approver"}}],
    });
    let flow = json!({"definition": flow.to_string()});
    owner.call(&format!("{WORKFLOW}/PutFlow"), flow).await;
    Shop {
        _house: house,
        owner,
        clerk,
        approver,
    }
}

async fn puts(of: &Enterprise, cost: &str, days: (&str, &str), amount: i64) -> Result<Value, Fault> {
    let budget =
        json!({"accountingCost": cost, "beginsOn": days.0, "endsOn": days.1, "currency": "EUR", "amount": amount});
    of.try_call(&format!("{PROCUREMENT}/PutBudget"), json!({"budget": budget}))
        .await
}

impl Shop {
    /// Carl asks for so many, a hundred euro each: the requisition, and the act that waits.
    async fn asks(&self, units: i64, cost: &str) -> (String, String) {
        let id = self.clerk.begins("requisition", json!({})).await;
        let line = json!({"id": "1", "sku": "TEA-1", "quantity": {"value": units}, "price": {"value": 100}});
        let other = json!({"id": "2", "name": "a new broom", "quantity": {"value": 1}, "price": {"value": 0}});
        let head = json!({"head": {"currency": "EUR", "accountingCost": cost}});
        let contents = json!({"head": head, "lines": {"lines": {"lines": [line, other]}}});
        let held = self.clerk.acts(&id, "submit", 0, contents).await.unwrap();
        (id, text(&held["acts"][0]["id"]))
    }

    async fn approves(&self, approval: &str) {
        let body = json!({"id": approval, "verdict": "VERDICT_APPROVE"});
        self.approver.call(&format!("{WORKFLOW}/Decide"), body).await;
    }
}

async fn outlook(of: &Enterprise, document: &str) -> Value {
    of.call(&format!("{PROCUREMENT}/GetOutlook"), json!({"documentId": document}))
        .await
}

fn money(outlook: &Value) -> (String, String, bool) {
    let (bound, request) = (text(&outlook["budget"]["bound"]), text(&outlook["thisRequest"]));
    (bound, request, outlook["overBudget"] == true)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approver_sees_stock_and_budget_and_what_is_approved_is_bound_until_it_is_given_up() {
    let shop = shop().await;
    puts(&shop.owner, "MARKETING", ("2026-01-01", "2099-12-31"), 100_000)
        .await
        .unwrap();
    let (first, asked) = shop.asks(3, "MARKETING").await;
    let seen = outlook(&shop.approver, &first).await;
    assert_eq!(money(&seen), ("0".into(), "30000".into(), false));
    assert_eq!(
        (&seen["stock"][0]["line"], &seen["stock"][0]["onHand"]["value"]),
        (&json!("1"), &json!("10"))
    );
    assert_eq!(seen["stock"].as_array().unwrap().len(), 1, "a new article has no stock");
    shop.approves(&asked).await;
    assert_eq!(
        money(&outlook(&shop.approver, &first).await),
        ("30000".into(), "0".into(), false)
    );
    let (second, asked) = shop.asks(8, "MARKETING").await;
    assert_eq!(
        money(&outlook(&shop.approver, &second).await),
        ("30000".into(), "80000".into(), true)
    );
    shop.owner.acts(&first, "cancel", 1, json!({})).await.unwrap();
    assert_eq!(
        money(&outlook(&shop.approver, &second).await),
        ("0".into(), "80000".into(), false)
    );
    shop.approves(&asked).await;
    let listed = shop
        .approver
        .call(&format!("{PROCUREMENT}/ListBudgets"), json!({}))
        .await;
    assert_eq!(
        (&listed["budgets"][0]["bound"], &listed["budgets"][1]),
        (&json!("80000"), &Value::Null)
    );
    let (third, _) = shop.asks(1, "").await;
    assert_eq!(outlook(&shop.approver, &third).await["budget"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_sees_no_budget_and_a_budget_that_can_not_be_is_refused() {
    let shop = shop().await;
    puts(&shop.owner, "MARKETING", ("2026-01-01", "2099-12-31"), 100_000)
        .await
        .unwrap();
    let (first, _) = shop.asks(3, "MARKETING").await;
    let seen = outlook(&shop.clerk, &first).await;
    assert_eq!(
        (&seen["budget"], &seen["stock"][0]["onHand"]["value"]),
        (&Value::Null, &json!("10"))
    );
    for (cost, days, amount) in [
        ("MARKETING", ("2027-01-01", "2027-12-31"), 1),
        ("", ("2026-01-01", "2026-12-31"), 1),
        ("IT", ("2026-02-01", "2026-01-31"), 1),
        ("IT", ("2026-01-01", "2026-12-31"), -1),
        ("IT", ("1.1.2026", "2026-12-31"), 1),
    ] {
        let refused = puts(&shop.owner, cost, days, amount).await.unwrap_err();
        assert_eq!(refused.reason, "INVALID_ARGUMENT", "{cost} {days:?} {amount}");
    }
    // The same first day again changes it.
    let changed = puts(&shop.owner, "MARKETING", ("2026-01-01", "2099-12-31"), 5)
        .await
        .unwrap();
    assert_eq!(changed["budget"]["amount"], "5");
}
