//! What an enterprise of a test does with documents, and waits to see of them.

use std::time::Duration;

use hansa_vocab::Fault;
use serde_json::{Value, json};

use crate::{Enterprise, House, house::text};

const SERVICE: &str = "documents.v1.DocumentsStaffService";

impl Enterprise {
    /// Begins a document; its id.
    pub async fn begins(&self, kind: &str, links: Value) -> String {
        let body = json!({"kind": kind, "links": links});
        let made = self.call(&format!("{SERVICE}/CreateDocument"), body).await;
        text(&made["document"]["id"])
    }

    /// Does something with a document.
    pub async fn acts(&self, id: &str, act: &str, base: u64, contents: Value) -> Result<Value, Fault> {
        let body = json!({"id": id, "act": act, "base": base.to_string(), "contents": contents});
        let answer = self.try_call(&format!("{SERVICE}/ActOnDocument"), body).await;
        answer.map(|answer| answer["document"].clone())
    }

    /// Says something to a proposal.
    pub async fn says(&self, id: &str, word: &str, base: u64, proposal: &str) -> Result<Value, Fault> {
        let body = json!({"id": id, "act": word, "base": base.to_string(), "proposal": proposal});
        let answer = self.try_call(&format!("{SERVICE}/ActOnDocument"), body).await;
        answer.map(|answer| answer["document"].clone())
    }

    /// A document as it is here.
    pub async fn document(&self, id: &str) -> Result<Value, Fault> {
        let answer = self
            .try_call(&format!("{SERVICE}/GetDocument"), json!({"id": id}))
            .await;
        answer.map(|answer| answer["document"].clone())
    }

    /// Waits until it is here as that says.
    pub async fn becomes(&self, id: &str, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..400 {
            match self.document(id).await {
                Ok(document) if so(&document) => return document,
                Ok(document) => last = document,
                Err(fault) => last = fault.to_string().into(),
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{}: never {what}: {last:#}", self.name);
    }

    /// Waits until it is here in that state.
    pub async fn comes(&self, id: &str, state: &str) -> Value {
        self.becomes(id, state, |document| document["state"] == state).await
    }

    /// What its own rows say of a document.
    pub async fn verifies(&self, id: &str) -> Value {
        self.call(&format!("{SERVICE}/VerifyDocument"), json!({"id": id})).await
    }
}

/// Bergen and Lübeck on a node each; Lübeck may order at Bergen by the link.
pub async fn two() -> (House, House, Enterprise, Enterprise, String) {
    let (here, there) = (House::new().await, House::new().await);
    let (bergen, luebeck) = (
        here.enterprise("Bergen Foods").await,
        there.enterprise("Lübeck Stores").await,
    );
    let link = bergen
        .links_with(&luebeck, json!({"documentKinds": ["order"]}), json!({}))
        .await;
    (here, there, bergen, luebeck, link)
}
