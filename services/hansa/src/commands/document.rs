//! Commands for documents that are held in common with partners.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::{Printer, Target, files, fill, many};

const SERVICE: &str = "documents.v1.DocumentsStaffService";

/// Something that is done with a document.
#[derive(Args, Debug)]
pub struct Act {
    /// Which.
    id: String,
    /// What, e.g. issue, answer or agree; to a proposal accept, reject or withdraw.
    act: String,
    /// The proposal that you answer.
    #[arg(long, default_value = "")]
    proposal: String,
    /// JSON of the sections that the act writes, by their names. A file beside it that goes with them is named by its path:
    /// "files": [{"path": "photo.jpg"}].
    #[arg(long)]
    file: Option<PathBuf>,
    /// Instead of a file: as that document says, or as it was asked for last. To order again, or to ask again with its own id.
    #[arg(long, conflicts_with = "file")]
    like: Option<String>,
    /// A field of a form that the act writes, instead of a file: region=Gotland, "price=12.50 EUR", product=4006381333931,
    /// photo=PATH.
    #[arg(long = "set", value_parser = fill::field, conflicts_with_all = ["file", "like"])]
    fields: Vec<(String, String)>,
    /// The version that you looked at; without it, the newest here.
    #[arg(long)]
    base: Option<u64>,
    #[command(flatten)]
    target: Target,
}

/// `hansa document`.
#[derive(Debug, Subcommand)]
pub enum Document {
    /// Begin one of ours; nobody else sees it before an act leads out of its first state.
    Create {
        /// What it is, e.g. order.
        kind: String,
        /// Who takes a role, by the link to them: seller=LINK.
        #[arg(long = "party", value_parser = party)]
        parties: Vec<(String, String)>,
        #[command(flatten)]
        target: Target,
    },
    /// Do something with it; `hansa document show` says what is open.
    Act(Box<Act>),
    /// Begin a document for each line of a file, and act on it at once: an announcement to all stores.
    BeginMany(Box<many::BeginMany>),
    /// Do the same with all documents of a kind that are in a state: a reminder to those who have not read.
    ActMany(Box<many::ActMany>),
    /// How many documents of a kind are in which state, by a field that the kind marks for lists.
    Board {
        /// Of this kind.
        kind: String,
        /// The field, e.g. region; without it, by state alone.
        #[arg(long, default_value = "")]
        by: String,
        #[command(flatten)]
        target: Target,
    },
    /// Who would have to approve an act, and why; nothing is written.
    Preview {
        /// Which.
        id: String,
        /// What.
        act: String,
        /// JSON of the sections that the act writes, by their names.
        #[arg(long)]
        file: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// What it says, where it stands, with whom, since when.
    Show {
        /// Which.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Those that you ask for, newest first.
    List {
        /// Only of this kind.
        #[arg(long, default_value = "")]
        kind: String,
        /// Only in this state.
        #[arg(long, default_value = "")]
        state: String,
        /// Only with the partner of this link.
        #[arg(long, default_value = "")]
        link: String,
        /// Only those whose number begins so.
        #[arg(long, default_value = "")]
        number: String,
        /// Without those that have come to an end.
        #[arg(long)]
        open: bool,
        /// First what has been in its state for longest.
        #[arg(long)]
        longest: bool,
        /// `nextPage` of the answer before.
        #[arg(long, default_value = "")]
        page: String,
        #[command(flatten)]
        target: Target,
    },
    /// Save a document as a page to print.
    Print {
        /// Which.
        id: String,
        /// en, de or zh.
        #[arg(long, default_value = "en")]
        language: String,
        /// Where to, e.g. order.html; nothing that is there is overwritten.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Every change of every document as CSV: who led it to which state, and when.
    Export {
        /// Only of this kind.
        #[arg(long, default_value = "")]
        kind: String,
        /// Only with the partner of this link.
        #[arg(long, default_value = "")]
        link: String,
        /// Only since the beginning of that day in UTC, e.g. 2026-11-01.
        #[arg(long, value_parser = files::day)]
        since: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Save a file that a document names.
    File {
        /// Which document.
        id: String,
        /// Its hash, as `hansa document show --json` has it.
        hash: String,
        /// Where to; nothing that is there is overwritten.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// Add a kind of documents of your own, or its next version; a partner needs the same.
    PutKind {
        /// JSON: see CONTRIBUTING.md, "Add a kind".
        file: PathBuf,
        #[command(flatten)]
        target: Target,
    },
    /// All kinds, the newest version of each.
    Kinds {
        #[command(flatten)]
        target: Target,
    },
    /// Read every version again: signatures, chain, and the root, computed from the rows of this node.
    Verify {
        /// Which.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Reads `role=LINK`.
pub(super) fn party(text: &str) -> Result<(String, String), String> {
    let (role, link) = text.split_once('=').ok_or("role=LINK")?;
    Ok((role.to_owned(), link.to_owned()))
}

impl Document {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let call = async |target: &Target, method: &str, body| target.call(&format!("{SERVICE}/{method}"), body).await;
        let answer = match self {
            Self::Create { kind, parties, target } => {
                let links: Map<_, _> = parties.into_iter().map(|(role, link)| (role, json!(link))).collect();
                call(&target, "CreateDocument", json!({"kind": kind, "links": links})).await?
            }
            Self::Act(act) => act.run().await?,
            Self::BeginMany(many) => many.run().await?,
            Self::ActMany(many) => many.run().await?,
            Self::Board { kind, by, target } => call(&target, "GetBoard", json!({"kind": kind, "by": by})).await?,
            Self::Preview { id, act, file, target } => {
                let contents = files::look(file.as_deref())?;
                let body = json!({"id": id, "act": act, "contents": contents});
                call(&target, "PreviewAct", body).await?
            }
            Self::Show { id, target } => call(&target, "GetDocument", json!({"id": id})).await?,
            Self::List {
                kind,
                state,
                link,
                number,
                open,
                longest,
                page,
                target,
            } => {
                let order = match longest {
                    true => "DOCUMENT_ORDER_LONGEST_IN_STATE",
                    false => "DOCUMENT_ORDER_UNSPECIFIED",
                };
                let body = json!({"kind": kind, "state": state, "linkId": link, "numberPrefix": number, "openOnly": open,
                    "order": order, "page": page});
                call(&target, "ListDocuments", body).await?
            }
            Self::Export {
                kind,
                link,
                since,
                target,
            } => return files::export(&target, (&kind, &link), since.as_deref()).await,
            Self::Print {
                id,
                language,
                out,
                target,
            } => files::print(&target, &id, &language, &out).await?,
            Self::File { id, hash, out, target } => files::save(&target, &id, &hash, &out).await?,
            Self::PutKind { file, target } => {
                let definition = read(&file)?.to_string();
                call(&target, "PutKind", json!({"definition": definition})).await?
            }
            Self::Kinds { target } => call(&target, "ListKinds", json!({})).await?,
            Self::Verify { id, target } => {
                let found = call(&target, "VerifyDocument", json!({"id": id})).await?;
                printer.show(&found);
                return match found["flaws"].as_array().map_or(0, Vec::len) {
                    0 => Ok(()),
                    flaws => bail!("the document is not what was signed: {flaws} flaws"),
                };
            }
        };
        printer.show(&answer);
        Ok(())
    }
}

fn read(file: &PathBuf) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

impl Act {
    /// Does it, at the version that was looked at.
    async fn run(self) -> anyhow::Result<Value> {
        let (target, id, act) = (&self.target, &self.id, &self.act);
        let get = async || target.call(&format!("{SERVICE}/GetDocument"), json!({"id": id})).await;
        let contents = match &self.like {
            Some(other) => written_like(target, id, act, other).await?,
            None if self.file.is_some() || !self.proposal.is_empty() => {
                files::read(target, self.file.as_deref()).await?
            }
            None if self.fields.is_empty() => fill::blank(target, &get().await?["document"]["kind"], act).await?,
            None => fill::contents(target, &get().await?["document"]["kind"], act, &self.fields).await?,
        };
        let base = match self.base {
            Some(base) => json!(base.to_string()),
            None => get().await?["document"]["version"].clone(),
        };
        let body = json!({"id": id, "act": act, "base": base, "contents": contents, "proposal": self.proposal});
        target.call(&format!("{SERVICE}/ActOnDocument"), body).await
    }
}

/// What an act on a document writes, as another document says it, or as it was asked for there last.
async fn written_like(target: &Target, id: &str, act: &str, other: &str) -> anyhow::Result<Value> {
    let get = async |id: &str| target.call(&format!("{SERVICE}/GetDocument"), json!({"id": id})).await;
    let (document, other) = (get(id).await?, get(other).await?);
    let definition = definition(target, &document["document"]["kind"]).await?;
    let sections = definition["acts"][act]["writes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut contents = json!({});
    for section in sections.iter().filter_map(Value::as_str) {
        let (asked, says) = (
            &other["document"]["asked"][section],
            &other["document"]["contents"][section],
        );
        let found = if asked.is_null() { says } else { asked };
        if found.is_null() {
            bail!("that document has no {section} to write again");
        }
        contents[section] = found.clone();
    }
    Ok(contents)
}

/// What a kind says, in its newest version.
pub(super) async fn definition(target: &Target, kind: &Value) -> anyhow::Result<Value> {
    let kinds = target.call(&format!("{SERVICE}/ListKinds"), json!({})).await?;
    let mut kinds = kinds["kinds"].as_array().into_iter().flatten();
    let found = kinds.find(|known| known["name"] == *kind);
    let text = found.and_then(|kind| kind["definition"].as_str()).unwrap_or("{}");
    Ok(serde_json::from_str(text)?)
}
