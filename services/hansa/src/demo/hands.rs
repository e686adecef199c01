//! What people do in the purchase, call by call.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::ensure;
use hansa_proto::directory::v1::{
    WatchChangesRequest, WatchChangesResponse, directory_staff_service_client::DirectoryStaffServiceClient,
    watch_changes_response::Update,
};
use serde_json::{Value, json};
use tokio::time::sleep;
use tonic::Streaming;

use super::{
    judge::number,
    steps::{STOCK, new_id, text, until},
};
use crate::{client::Client, processes::Firm};

pub(super) const DOCUMENTS: &str = "hansa.documents.v1.DocumentsStaffService";
pub(super) const WORKFLOW: &str = "hansa.workflow.v1.WorkflowStaffService";
const LINK: &str = "hansa.link.v1.LinkStaffService";
const DIRECTORY: &str = "hansa.directory.v1.DirectoryStaffService";

/// A colleague: their id, and a connection by their key.
#[derive(Debug)]
pub(super) struct Person {
    pub id: String,
    pub client: Client,
}

pub(super) async fn person(firm: &Firm, name: &str, role: &str) -> anyhow::Result<Person> {
    let owner = firm.client().await?;
    let body = json!({"name": name, "roles": [format!("ROLE_{}", role.to_uppercase())]});
    let made = owner.call(&format!("{DIRECTORY}/CreateStaff"), &body).await?;
    let id = text(&made["staff"]["id"]);
    let key = owner
        .call(&format!("{DIRECTORY}/CreateApiKey"), &json!({"staffId": id}))
        .await?;
    let client = Client::connect(&firm.address.to_string(), &text(&key["secret"])).await?;
    Ok(Person { id, client })
}

/// Links two enterprises; each takes documents of these kinds of the other, and sees its stock.
pub(super) async fn linked(one: &Firm, other: &Firm, kinds: &[&str]) -> anyhow::Result<String> {
    let mut invite = vec!["link", "invite", "--see", "exact"];
    for kind in kinds {
        invite.extend(["--documents", kind]);
    }
    let made = one.command(&invite).await?;
    let (id, invite) = (text(&made["link"]["id"]), text(&made["invite"]));
    other.command(&["link", "accept", &invite]).await?;
    one.command(&["link", "approve", &id]).await?;
    other.command(&["link", "approve", &id]).await?;
    for side in [one, other] {
        let (client, body) = (side.client().await?, json!({"id": id}));
        let path = format!("{LINK}/GetLink");
        let active = |seen: &Value| seen["link"]["state"] == "LINK_STATE_ACTIVE";
        let seen = until(|| client.call(&path, &body), active).await?;
        ensure!(active(&seen), "{}: {}", side.name, seen["link"]["state"]);
    }
    let grant = json!({"id": id, "grant": {"visibility": "VISIBILITY_EXACT", "documentKinds": kinds}});
    other.client().await?.call(&format!("{LINK}/SetGrant"), &grant).await?;
    Ok(id)
}

pub(super) async fn put_flow(firm: &Firm, act: &str, steps: Value) -> anyhow::Result<()> {
    let flow = json!({"name": "purchases", "version": 1, "title": {"en": "Purchases"},
        "on": {"kind": "franchise_requisition", "act": act}, "steps": steps});
    let body = json!({"definition": flow.to_string()});
    firm.client().await?.call(&format!("{WORKFLOW}/PutFlow"), &body).await?;
    Ok(())
}

pub(super) async fn begin(client: &Client, kind: &str, links: Value) -> anyhow::Result<String> {
    let body = json!({"kind": kind, "links": links});
    let made = client.call(&format!("{DOCUMENTS}/CreateDocument"), &body).await?;
    Ok(text(&made["document"]["id"]))
}

pub(super) async fn act(client: &Client, id: &str, act: &str, base: u64, contents: Value) -> anyhow::Result<Value> {
    let body = json!({"id": id, "act": act, "base": base.to_string(), "contents": contents});
    Ok(client.call(&format!("{DOCUMENTS}/ActOnDocument"), &body).await?["document"].clone())
}

pub(super) async fn say(client: &Client, id: &str, word: &str, base: u64, proposal: &str) -> anyhow::Result<Value> {
    let body = json!({"id": id, "act": word, "base": base.to_string(), "proposal": proposal});
    client.call(&format!("{DOCUMENTS}/ActOnDocument"), &body).await
}

pub(super) async fn decide(client: &Client, approval: &str) -> anyhow::Result<Value> {
    let body = json!({"id": approval, "verdict": "VERDICT_APPROVE"});
    Ok(client.call(&format!("{WORKFLOW}/Decide"), &body).await?["approval"].clone())
}

pub(super) async fn get(client: &Client, id: &str) -> anyhow::Result<Value> {
    Ok(client
        .call(&format!("{DOCUMENTS}/GetDocument"), &json!({"id": id}))
        .await?["document"]
        .clone())
}

pub(super) async fn verify(client: &Client, id: &str) -> anyhow::Result<Value> {
    client
        .call(&format!("{DOCUMENTS}/VerifyDocument"), &json!({"id": id}))
        .await
}

/// What changes at an enterprise, as its people are told on their stream.
pub(super) struct Followed(Streaming<WatchChangesResponse>);

impl Followed {
    /// From now on: it has caught up when this returns.
    pub async fn open(client: &Client) -> anyhow::Result<Self> {
        let asked = WatchChangesRequest {
            topics: vec!["document".to_owned()],
            ..WatchChangesRequest::default()
        };
        let mut directory = DirectoryStaffServiceClient::new(client.channel.clone());
        let mut stream = directory.watch_changes(client.request(asked)?).await?.into_inner();
        while let Some(told) = stream.message().await? {
            if let Some(Update::CaughtUp(_)) = told.update {
                break;
            }
        }
        Ok(Self(stream))
    }

    /// Waits until it tells of this document.
    pub async fn until(&mut self, document: &str) -> anyhow::Result<()> {
        let told = async {
            while let Some(told) = self.0.message().await? {
                if matches!(&told.update, Some(Update::Change(change)) if change.id == document) {
                    return Ok(());
                }
            }
            anyhow::bail!("the stream has ended")
        };
        tokio::time::timeout(Duration::from_secs(10), told).await?
    }
}

/// Waits until a document is here in that state.
pub(super) async fn comes(client: &Client, id: &str, state: &str) -> anyhow::Result<Value> {
    let ask = || async { Ok(get(client, id).await.unwrap_or(Value::Null)) };
    let seen = until(ask, |seen| seen["state"] == state).await?;
    ensure!(seen["state"] == state, "{id} is {} and never {state}", seen["state"]);
    Ok(seen)
}

/// On hand, reserved and incoming of an article, lots and places added up.
pub(super) async fn figures(client: &Client, gtin: &str) -> anyhow::Result<[i64; 3]> {
    let body = json!({"item": {"gtin": gtin}});
    let answer = client.call(&format!("{STOCK}/ListLevels"), &body).await?;
    let sum = |name: &str| {
        let levels = answer["levels"].as_array().into_iter().flatten();
        levels.map(|level| number(&level[name]["value"])).sum()
    };
    Ok([sum("onHand"), sum("reserved"), sum("incoming")])
}

/// An order from its issue to the supplier's acceptance; every act is asked again with its id until it is done.
pub(super) async fn bought(luebeck: &Firm, bergen: &Firm, link: &str, goods: Value) -> anyhow::Result<String> {
    let id = new_id();
    let create = json!({"id": id, "kind": "order", "links": {"seller": link}});
    let accept = json!({"answers": {"answers": {"answers": [{"line": "1", "verdict": "VERDICT_ACCEPT"}]}}});
    let issue = json!({"id": id, "actId": new_id(), "act": "issue", "base": "0", "contents": goods});
    let answer = json!({"id": id, "actId": new_id(), "act": "answer", "base": "1", "contents": accept});
    for (firm, method, body) in [
        (luebeck, "CreateDocument", create),
        (luebeck, "ActOnDocument", issue),
        (bergen, "ActOnDocument", answer),
    ] {
        let begun = Instant::now();
        loop {
            let done = match firm.client().await {
                Ok(client) => client.call(&format!("{DOCUMENTS}/{method}"), &body).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(_) => break,
                Err(error) if begun.elapsed() > Duration::from_secs(30) => return Err(error),
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }
    Ok(id)
}

/// Files below a folder that hold these bytes.
pub(super) fn found(folder: &Path, needle: &[u8]) -> anyhow::Result<usize> {
    let mut many = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            many += found(&path, needle)?;
        } else if let Ok(bytes) = std::fs::read(&path) {
            many += usize::from(memchr::memmem::find(&bytes, needle).is_some());
        }
    }
    Ok(many)
}
