//! What people do with members: take them in, write down what they agree to, hand pools out and match with them.

use std::time::Duration;

use hansa_proto::members::v1::{
    ImportMembersOptions, ImportMembersRequest, MemberRow, members_staff_service_client::MembersStaffServiceClient,
};
use hansa_vocab::Fault;
use serde_json::{Value, json};

use crate::{Enterprise, house::text};

const SERVICE: &str = "members.v1.MembersStaffService";

/// A row of an import.
#[must_use]
pub fn row(line: u64, phone: &str, fields: &[(&str, &str)]) -> MemberRow {
    MemberRow {
        line,
        phone: phone.to_owned(),
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..MemberRow::default()
    }
}

/// A mobile number in China that is nobody's.
#[must_use]
pub fn phone(number: u64) -> String {
    format!("138{:08}", number)
}

impl Enterprise {
    /// Calls the members' service.
    pub async fn members(&self, method: &str, body: Value) -> Result<Value, Fault> {
        self.try_call(&format!("{SERVICE}/{method}"), body).await
    }

    /// Makes a pool with a few fields.
    pub async fn pools(&self, code: &str) {
        let field = |name: &str, kind: &str| json!({"name": name, "type": format!("FIELD_TYPE_{kind}")});
        let tier = json!({"name": "tier", "type": "FIELD_TYPE_CHOICE", "choices": ["gold", "silver"]});
        let fields = json!([
            field("name", "TEXT"),
            field("city", "TEXT"),
            field("born", "DATE"),
            tier
        ]);
        let pool = json!({"pool": {"code": code, "name": "Members", "fields": fields}});
        self.members("PutPool", pool).await.unwrap();
    }

    /// Takes members into a pool, row by row; numbers without a country are Chinese.
    pub async fn enrols(&self, pool: &str, rows: Vec<MemberRow>, dry_run: bool) -> Value {
        let options = ImportMembersOptions {
            pool: pool.to_owned(),
            region: "CN".to_owned(),
            dry_run,
        };
        let mut chunks: Vec<_> = rows
            .chunks(1_000)
            .map(|rows| ImportMembersRequest {
                options: None,
                rows: rows.to_vec(),
            })
            .collect();
        chunks[0].options = Some(options);
        let mut client = MembersStaffServiceClient::new(self.client().channel.clone());
        let request = self.client().request(tokio_stream::iter(chunks)).unwrap();
        let mut answers = client.import_members(request).await.unwrap().into_inner();
        let (mut totals, mut problems) = (None, Vec::new());
        while let Some(answer) = answers.message().await.unwrap() {
            totals = answer.totals;
            problems.extend(answer.problems);
        }
        let totals = totals.unwrap();
        let problem = |one: &hansa_proto::members::v1::MemberProblem| json!({"line": one.line, "field": one.field, "reason": one.reason});
        json!({
            "rows": totals.rows, "created": totals.created, "changed": totals.changed, "unchanged": totals.unchanged,
            "refused": totals.refused, "problems": problems.iter().map(problem).collect::<Vec<_>>(),
        })
    }

    /// Writes a notice down; its hash.
    pub async fn notice(&self, link: &str, purpose: &str, fields: &[&str]) -> String {
        let text = "We would like to tell our partner that you are a member.";
        let notice = json!({"linkId": link, "purpose": purpose, "fields": fields, "language": "en", "text": text});
        let made = self.members("PutNotice", json!({"notice": notice})).await.unwrap();
        crate::house::text(&made["notice"]["hash"])
    }

    /// These members have agreed to it.
    pub async fn agree(&self, pool: &str, notice: &str, numbers: impl IntoIterator<Item = u64>) -> Value {
        let numbers: Vec<_> = numbers.into_iter().collect();
        let mut last = Value::Null;
        for some in numbers.chunks(1_000) {
            let consents = json!({"pool": pool, "noticeHash": notice, "channel": "counter", "numbers": some});
            last = self.members("RecordConsents", consents).await.unwrap();
        }
        last
    }

    /// Hands a pool out, and waits until it is.
    pub async fn hands_out(&self, pool: &str, link: &str, purpose: &str) -> Value {
        let asked = json!({"pool": pool, "linkId": link, "purpose": purpose});
        let before = self.publication(pool, link, purpose).await;
        self.members("PublishPool", asked).await.unwrap();
        self.publication_becomes(pool, link, purpose, |now| {
            let newer = before["state"] != "live" || now["sequence"] != before["sequence"];
            now["state"] == "live" && newer
        })
        .await
    }

    /// What is handed out of a pool, or null.
    pub async fn publication(&self, pool: &str, link: &str, purpose: &str) -> Value {
        let all = self.members("ListPublications", json!({"linkId": link})).await.unwrap();
        let mine = |one: &&Value| one["pool"] == pool && one["linkId"] == link && one["purpose"] == purpose;
        all["publications"]
            .as_array()
            .unwrap()
            .iter()
            .find(mine)
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until what is handed out is so.
    pub async fn publication_becomes(
        &self,
        pool: &str,
        link: &str,
        purpose: &str,
        so: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let now = self.publication(pool, link, purpose).await;
            if so(&now) {
                return now;
            }
            assert!(tokio::time::Instant::now() < deadline, "it stays {now}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Matches a pool of ours with a partner's, and waits for the end.
    pub async fn matches(&self, link: &str, (theirs, purpose): (&str, &str), ours: &str, mode: &str) -> Value {
        let asked = json!({
            "linkId": link, "partnerPool": theirs, "purpose": purpose, "pool": ours, "mode": format!("MATCH_MODE_{mode}"),
        });
        let begun = self.members("StartMatch", asked).await.unwrap();
        let id = text(&begun["match"]["id"]);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let now = self.members("GetMatch", json!({"id": id})).await.unwrap()["match"].clone();
            if now["state"] != "running" {
                return now;
            }
            assert!(tokio::time::Instant::now() < deadline, "it stays {now}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Our members who are in the partner's pool, with what was released of them.
    pub async fn matched(&self, link: &str, (theirs, purpose): (&str, &str), ours: &str) -> Vec<Value> {
        let asked = json!({"linkId": link, "partnerPool": theirs, "purpose": purpose, "pool": ours, "pageSize": 1000});
        let found = self.members("ListMatched", asked).await.unwrap();
        found["members"].as_array().cloned().unwrap_or_default()
    }
}
