//! What an enterprise of a test does with documents, and waits to see of them.

use std::time::Duration;

use base64::Engine as _;
use hansa::client::Refused;
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

    /// Brings a file; what stands for it.
    pub async fn brings(&self, name: &str, media_type: &str, bytes: &[u8]) -> Result<Value, Fault> {
        refusal(self.client().upload(name, media_type, bytes).await)
    }

    /// The bytes of a file that a document names.
    pub async fn reads(&self, document: &str, file: &Value) -> Result<Vec<u8>, Fault> {
        let hash = base64::engine::general_purpose::STANDARD
            .decode(text(&file["hash"]))
            .unwrap();
        refusal(self.client().download(document, hash).await)
    }

    /// What its own rows say of a document.
    pub async fn verifies(&self, id: &str) -> Value {
        self.call(&format!("{SERVICE}/VerifyDocument"), json!({"id": id})).await
    }
}

fn refusal<T>(answer: anyhow::Result<T>) -> Result<T, Fault> {
    answer.map_err(|error| match error.downcast::<Refused>() {
        Ok(Refused(fault)) => fault,
        Err(error) => panic!("{error:#}"),
    })
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
