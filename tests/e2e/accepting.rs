//! Orders that are accepted by themselves: at the price that was agreed, when all of it is free, as far as a rule goes.
// covers: I1, I8

use hansa_tests::{Enterprise, House};
use serde_json::{Value, json};

use super::prices::{agreed, order, orders, today, traders};

const BUYING: &str = "procurement.v1.ProcurementStaffService";

/// Bergen sells tea, of which it has 20, and a lamp that it does not keep, at agreed prices.
struct Shop {
    _houses: (House, House),
    bergen: Enterprise,
    luebeck: Enterprise,
    link: String,
}

async fn shop() -> Shop {
    let (one, other, bergen, luebeck, link) = traders().await;
    bergen.has(&[("TEA-1", 20)]).await;
    let line = |id: &str, sku: &str| json!({"id": id, "sku": sku, "name": sku, "unit": "C62", "breaks": [{"price": {"value": 450, "scale": 2}}]});
    let prices = json!({"validFrom": "2020-01-01", "validUntil": "2060-12-31", "lines": [line("1", "TEA-1"), line("2", "LAMP")]});
    let said = json!({"head": {"head": {"currency": "EUR"}}, "prices": {"prices": prices}});
    agreed(&bergen, &luebeck, &link, said).await;
    Shop {
        _houses: (one, other),
        bergen,
        luebeck,
        link,
    }
}

impl Shop {
    async fn rules(&self, rule: Value) -> Result<Value, hansa_vocab::Fault> {
        self.bergen
            .try_call(&format!("{BUYING}/PutAcceptanceRule"), json!({"rule": rule}))
            .await
    }

    /// An order of so many at so many cents, once Bergen has it: its id, and whether Bergen has answered by itself. It answers in the
    /// transaction in which it takes the order, or not at all.
    async fn asks(&self, sku: &str, units: i64, cents: i64) -> (String, bool) {
        let said = order(&today(), &[(sku, "", units, "C62", Some(cents))]);
        let id = orders(&self.luebeck, &self.link, said).await;
        let came = self
            .bergen
            .becomes(&id, "there", |document| document["id"] == id.as_str())
            .await;
        let answered = came["acts"]
            .as_array()
            .unwrap()
            .iter()
            .any(|act| act["act"] == "answer");
        (id, answered)
    }

    async fn stays(&self, sku: &str, units: i64, cents: i64) {
        let (id, answered) = self.asks(sku, units, cents).await;
        assert!(!answered, "{units} {sku} at {cents}");
        assert_eq!(self.bergen.document(&id).await.unwrap()["state"], "issued");
    }

    async fn is_accepted(&self, units: i64) -> String {
        let (id, answered) = self.asks("TEA-1", units, 450).await;
        assert!(answered, "{units}");
        for side in [&self.luebeck, &self.bergen] {
            side.comes(&id, "agreed").await;
        }
        id
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_at_the_agreed_price_is_accepted_by_itself_when_all_is_free_and_a_rule_says_so() {
    let shop = shop().await;
    shop.stays("TEA-1", 1, 450).await;
    shop.rules(json!({"accepts": true})).await.unwrap();
    let id = shop.is_accepted(5).await;
    let seen = shop.luebeck.document(&id).await.unwrap();
    let verdicts: Vec<_> = seen["contents"]["answers"]["answers"]["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["VERDICT_ACCEPT"]);
    assert_eq!(shop.luebeck.verifies(&id).await["flaws"], json!([]));
    // Off the price; more than is free; not kept here.
    shop.stays("TEA-1", 1, 451).await;
    shop.stays("TEA-1", 16, 450).await;
    shop.stays("LAMP", 1, 450).await;
    shop.is_accepted(15).await;
    shop.stays("TEA-1", 1, 450).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_goes_as_far_as_it_says_and_a_partners_own_goes_before_that_of_all() {
    let shop = shop().await;
    shop.rules(json!({"accepts": true, "amountMax": "2000", "currency": "EUR"}))
        .await
        .unwrap();
    shop.stays("TEA-1", 5, 450).await;
    shop.is_accepted(4).await;
    shop.rules(json!({"accepts": true, "amountMax": "2000", "currency": "SEK"}))
        .await
        .unwrap();
    shop.stays("TEA-1", 1, 450).await;
    shop.rules(json!({"accepts": true})).await.unwrap();
    shop.rules(json!({"linkId": shop.link, "accepts": false}))
        .await
        .unwrap();
    shop.stays("TEA-1", 1, 450).await;
    let all = shop
        .bergen
        .call(&format!("{BUYING}/ListAcceptanceRules"), json!({}))
        .await;
    let rules = all["rules"].as_array().unwrap();
    let said: Vec<_> = rules.iter().map(|rule| (&rule["linkId"], &rule["accepts"])).collect();
    assert_eq!(said, [(&json!(""), &json!(true)), (&json!(shop.link), &json!(false))]);
    for wrong in [
        json!({"accepts": true, "amountMax": "0", "currency": "EUR"}),
        json!({"accepts": true, "amountMax": "5"}),
        json!({"accepts": true, "currency": "EUR"}),
        json!({"accepts": true, "amountMax": "5", "currency": "euro"}),
        json!({"accepts": true, "linkId": "x"}),
    ] {
        assert_eq!(
            shop.rules(wrong.clone()).await.unwrap_err().reason,
            "INVALID_ARGUMENT",
            "{wrong}"
        );
    }
}
