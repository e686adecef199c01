//! The same for many documents at once, from a file or by state.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use hansa_vocab::clock::{IdSource as _, SystemIds};
use serde_json::{Map, Value, json};

use super::{Target, document, fill};

const SERVICE: &str = "documents.v1.DocumentsStaffService";
/// Documents of one call.
const MANY_MAX: usize = 500;

/// A document for each.
#[derive(Args, Debug)]
pub struct BeginMany {
    /// What they are.
    kind: String,
    /// What is done with each, e.g. send.
    act: String,
    /// CSV with a head line: a column for each other role with the link to who takes it, and columns of fields that are each one's alone:
    /// store,region.
    #[arg(long)]
    recipients: PathBuf,
    /// A field of a form, the same for all: "heading=New prices".
    #[arg(long = "set", value_parser = fill::field)]
    fields: Vec<(String, String)>,
    /// Of the request, a UUID: the same again goes on where it was.
    #[arg(long)]
    request_id: Option<String>,
    #[command(flatten)]
    target: Target,
}

/// An act on many.
#[derive(Args, Debug)]
pub struct ActMany {
    /// Documents of this kind.
    kind: String,
    /// What is done with each, e.g. remind.
    act: String,
    /// Those in this state.
    #[arg(long)]
    state: String,
    /// Only those that are overdue.
    #[arg(long)]
    overdue: bool,
    /// A field of a form, the same for all.
    #[arg(long = "set", value_parser = fill::field)]
    fields: Vec<(String, String)>,
    #[command(flatten)]
    target: Target,
}

fn request(given: Option<String>) -> String {
    given.unwrap_or_else(|| SystemIds.uuid().to_string())
}

impl BeginMany {
    pub async fn run(self) -> anyhow::Result<Value> {
        let kind = json!(self.kind);
        let roles = document::definition(&self.target, &kind).await?["roles"].clone();
        let recipients = self.read(&roles)?;
        let mut set = self.fields.clone();
        // Fields that are each one's alone stand in the form as well, so that it is whole.
        for name in recipients
            .iter()
            .flat_map(|one| one["fields"].as_object())
            .flat_map(Map::keys)
        {
            if !set.iter().any(|(known, _)| known == name) {
                set.push((name.clone(), "-".to_owned()));
            }
        }
        let contents = fill::contents(&self.target, &kind, &self.act, &set).await?;
        if recipients.len() > MANY_MAX {
            bail!("at most {MANY_MAX} lines in a file");
        }
        let body = json!({
            "requestId": request(self.request_id), "kind": kind, "act": self.act, "contents": contents, "recipients": recipients,
        });
        self.target.call(&format!("{SERVICE}/BeginMany"), body).await
    }

    fn read(&self, roles: &Value) -> anyhow::Result<Vec<Value>> {
        let name = || self.recipients.display().to_string();
        let mut reader = csv::Reader::from_path(&self.recipients).with_context(name)?;
        let heads = reader.headers().with_context(name)?.clone();
        let is_role = |head: &str| {
            roles
                .as_array()
                .is_some_and(|roles| roles.iter().any(|role| role == head))
        };
        let mut recipients = Vec::new();
        for row in reader.records() {
            let (mut links, mut fields) = (Map::new(), Map::new());
            for (head, value) in heads.iter().zip(&row.with_context(name)?) {
                let into = if is_role(head) { &mut links } else { &mut fields };
                into.insert(head.to_owned(), json!(value));
            }
            recipients.push(json!({"links": links, "fields": fields}));
        }
        Ok(recipients)
    }
}

impl ActMany {
    pub async fn run(self) -> anyhow::Result<Value> {
        let kind = json!(self.kind);
        let contents = fill::contents(&self.target, &kind, &self.act, &self.fields).await?;
        let (mut outcomes, mut page) = (Vec::new(), String::new());
        loop {
            let list =
                json!({"kind": kind, "state": self.state, "overdueOnly": self.overdue, "pageSize": 200, "page": page});
            let list = self.target.call(&format!("{SERVICE}/ListDocuments"), list).await?;
            let which: Vec<_> = list["documents"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| one["id"].clone())
                .collect();
            if !which.is_empty() {
                let body =
                    json!({"requestId": request(None), "documentIds": which, "act": self.act, "contents": contents});
                let done = self.target.call(&format!("{SERVICE}/ActOnMany"), body).await?;
                outcomes.extend(done["outcomes"].as_array().cloned().unwrap_or_default());
            }
            page = list["nextPage"].as_str().unwrap_or_default().to_owned();
            if page.is_empty() {
                return Ok(json!({"outcomes": outcomes}));
            }
        }
    }
}
