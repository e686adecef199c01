//! How people become members, are asked and are written to.

use hansa_vocab::Fault;
use serde_json::{Value, json};

use crate::Enterprise;

const SERVICE: &str = "outreach.v1.OutreachStaffService";

impl Enterprise {
    /// Calls the service of ways, invitations and messages.
    pub async fn outreach(&self, method: &str, body: Value) -> Result<Value, Fault> {
        self.try_call(&format!("{SERVICE}/{method}"), body).await
    }

    /// Members of this pool may be written to at any hour.
    pub async fn writes_at_any_hour(&self, pool: &str, messages_max: u32) {
        let courtesy = json!({
            "pool": pool, "zone": "Asia/Shanghai", "quietFrom": "08:00", "quietUntil": "08:00", "messagesMax": messages_max,
            "withinDays": 30,
        });
        self.outreach("PutCourtesy", json!({"courtesy": courtesy}))
            .await
            .unwrap();
    }

    /// A member, by phone; null when there is none.
    pub async fn known_by(&self, pool: &str, phone: &str) -> Value {
        let found = self.members("GetMember", json!({"pool": pool, "phone": phone})).await;
        found.map(|mut found| found["member"].take()).unwrap_or_default()
    }
}
