//! What people do with coupons and points: issue, hold, confirm, give.

use hansa_vocab::Fault;
use serde_json::{Value, json};

use crate::{Enterprise, house::text};

const SERVICE: &str = "loyalty.v1.LoyaltyStaffService";

impl Enterprise {
    /// Calls the service of coupons and points.
    pub async fn loyalty(&self, method: &str, body: Value) -> Result<Value, Fault> {
        self.try_call(&format!("{SERVICE}/{method}"), body).await
    }

    /// 1,000 points of the pool are worth 5.00 EUR.
    pub async fn gives_points(&self, pool: &str) {
        let program = json!({"pool": pool, "unit": "points", "value": 500, "currency": "EUR"});
        self.loyalty("PutProgram", json!({"program": program})).await.unwrap();
    }

    /// A kind of coupon: 10.00 EUR off a basket of 50.00 and more, good everywhere, of which the issuer pays 600 thousandths.
    pub async fn makes_coupons(&self, code: &str, change: Value) -> Result<Value, Fault> {
        let mut kind = json!({
            "code": code, "pool": "loyalty", "benefit": "10 euros off", "currency": "EUR", "amount": 1_000, "basketMin": 5_000,
            "issuerPermille": 600, "scope": "COUPON_SCOPE_PARTNERS", "validFrom": "2020-01-01T00:00:00Z",
            "validUntil": "2060-01-01T00:00:00Z",
        });
        for (name, value) in change.as_object().unwrap() {
            kind[name] = value.clone();
        }
        self.loyalty("PutCouponKind", json!({"kind": kind})).await
    }

    /// The code of a coupon for whoever bears it.
    pub async fn issues(&self, kind: &str) -> String {
        let issued = self.loyalty("IssueCoupons", json!({"kind": kind, "count": 1})).await;
        text(&issued.unwrap()["coupons"][0]["code"])
    }

    /// Holds a coupon for a basket of 80.00 EUR; at our own counter when there is no link.
    pub async fn holds_coupon(&self, link: &str, id: &str, code: &str) -> Result<Value, Fault> {
        let basket = json!({"amount": 8_000, "currency": "EUR"});
        let body = json!({"id": id, "linkId": link, "coupon": code, "basket": basket});
        Ok(self.loyalty("HoldBooking", body).await?["booking"].take())
    }

    /// Goes on with a booking.
    pub async fn books(&self, method: &str, link: &str, id: &str) -> Result<Value, Fault> {
        let body = json!({"id": id, "linkId": link});
        Ok(self.loyalty(method, body).await?["booking"].take())
    }

    /// Waits until a booking is in this state.
    pub async fn booking_becomes(&self, link: &str, id: &str, state: &str) -> Value {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        loop {
            let all = self
                .loyalty("ListBookings", json!({"atPartners": !link.is_empty()}))
                .await;
            let all = all.unwrap();
            let mut rows = all["bookings"].as_array().into_iter().flatten();
            let now = rows.find(|row| row["booking"]["id"] == id).cloned().unwrap_or_default();
            if now["booking"]["state"] == format!("BOOKING_STATE_{state}") {
                return now["booking"].clone();
            }
            assert!(tokio::time::Instant::now() < deadline, "it stays {now}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}
