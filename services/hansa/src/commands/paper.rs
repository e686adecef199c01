//! Commands for trade papers: UBL in and out, by hand and from a folder that another system writes to.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use data_encoding::BASE64;
use hansa::client::Refused;
use serde_json::{Value, json};

use super::{Printer, Target, folder};

const SERVICE: &str = "documents.v1.PapersStaffService";
const BUYING: &str = "procurement.v1.ProcurementStaffService";

/// `hansa paper`.
#[derive(Debug, Subcommand)]
pub enum Paper {
    /// Take papers of ours that another system has written, in UBL 2.1; the same one again changes nothing.
    Import {
        /// XML files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// With whom; without it, as the paper says by its identifiers (`hansa paper party`).
        #[arg(long, default_value = "")]
        link: String,
        /// Say what would come of it, and write nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Write a document as a paper.
    Export {
        /// Which.
        document: String,
        /// order, order_response, order_change, order_cancellation, despatch_advice, receipt_advice, invoice or credit_note; without
        /// it, the one with which documents of its kind begin.
        #[arg(long = "as", default_value = "")]
        paper: String,
        /// Where to; without it, to the screen.
        #[arg(long)]
        out: Option<PathBuf>,
        #[command(flatten)]
        target: Target,
    },
    /// Take what another system puts into FOLDER/in, and give it what partners send, in FOLDER/out.
    Watch {
        /// Papers that are taken go to FOLDER/taken; those that are not go to FOLDER/refused, with the reason beside them.
        folder: PathBuf,
        /// With whom, for papers that do not say it.
        #[arg(long, default_value = "")]
        link: String,
        /// Do what there is to be done, and end.
        #[arg(long)]
        once: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Where goods were seen, as EPCIS 2.0 in JSON-LD to stdout: of despatch advices and returns.
    Events {
        /// Which.
        #[arg(required = true)]
        documents: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// The rules that papers must keep to be taken: exactly those that are looked at.
    Rules {
        #[command(flatten)]
        target: Target,
    },
    /// Say which partner papers mean by an identifier.
    Party {
        /// SCHEME:ID, e.g. 0088:7300010000001 for a GLN.
        party: String,
        /// Who it is.
        link: String,
        #[command(flatten)]
        target: Target,
    },
    /// Forget whom an identifier means.
    ForgetParty {
        /// SCHEME:ID.
        party: String,
        #[command(flatten)]
        target: Target,
    },
    /// Whom papers mean by which identifier.
    Parties {
        #[command(flatten)]
        target: Target,
    },
}

impl Paper {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::Import {
                files,
                link,
                dry_run,
                target,
            } => return import(&files, (&link, dry_run), &target, printer).await,
            Self::Export {
                document,
                paper,
                out,
                target,
            } => return export((&document, &paper), out, &target, printer).await,
            Self::Watch {
                folder,
                link,
                once,
                target,
            } => return folder::watch(&folder, (&link, once), &target, printer).await,
            Self::Events { documents, target } => {
                let body = json!({"documentIds": documents});
                let answer = target.call(&format!("{SERVICE}/ExportEvents"), body).await?;
                println!("{}", answer["json"].as_str().unwrap_or_default());
                return Ok(());
            }
            Self::Rules { target } => (format!("{SERVICE}/ListPaperRules"), json!({}), target),
            Self::Party { party, link, target } => {
                let (scheme, id) = named(&party)?;
                let party = json!({"scheme": scheme, "id": id, "linkId": link});
                (format!("{BUYING}/PutPaperParty"), json!({"party": party}), target)
            }
            Self::ForgetParty { party, target } => {
                let (scheme, id) = named(&party)?;
                let body = json!({"scheme": scheme, "value": id});
                (format!("{BUYING}/RemovePaperParty"), body, target)
            }
            Self::Parties { target } => (format!("{BUYING}/ListPaperParties"), json!({}), target),
        };
        printer.show(&target.call(&method, body).await?);
        Ok(())
    }
}

fn named(party: &str) -> anyhow::Result<(&str, &str)> {
    party
        .split_once(':')
        .context("a party is SCHEME:ID, e.g. 0088:7300010000001")
}

/// Gives a paper to the node.
pub(super) async fn give(target: &Target, xml: &[u8], (link, dry_run): (&str, bool)) -> anyhow::Result<Value> {
    let body = json!({"xml": BASE64.encode(xml), "linkId": link, "dryRun": dry_run});
    target.call(&format!("{SERVICE}/ImportPaper"), body).await
}

/// A paper of a document: the name of its file, and its text.
pub(super) async fn take(target: &Target, (document, paper): (&str, &str)) -> anyhow::Result<(String, Vec<u8>)> {
    let body = json!({"documentId": document, "paper": paper});
    let answer = target.call(&format!("{SERVICE}/ExportPaper"), body).await?;
    let text = answer["xml"].as_str().unwrap_or_default();
    let name = answer["fileName"].as_str().unwrap_or("paper.xml");
    Ok((name.to_owned(), BASE64.decode(text.as_bytes())?))
}

/// One after the other; what is refused does not keep the others out.
async fn import(
    files: &[PathBuf],
    (link, dry_run): (&str, bool),
    target: &Target,
    printer: Printer,
) -> anyhow::Result<()> {
    let mut last = None;
    for file in files {
        let xml = folder::bytes(file)?;
        match give(target, &xml, (link, dry_run)).await {
            Ok(answer) => {
                printer.remark(&format!("{}:", file.display()));
                printer.show(&answer);
            }
            Err(error) if error.is::<Refused>() && files.len() > 1 => {
                eprintln!("{}: {error}", file.display());
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    last.map_or(Ok(()), Err)
}

async fn export(which: (&str, &str), out: Option<PathBuf>, target: &Target, printer: Printer) -> anyhow::Result<()> {
    let (_, xml) = take(target, which).await?;
    match out {
        Some(out) => {
            std::fs::write(&out, &xml).with_context(|| format!("{} can't be written", out.display()))?;
            printer.remark(&format!("{} bytes in {}", xml.len(), out.display()));
        }
        None => print!("{}", String::from_utf8_lossy(&xml)),
    }
    Ok(())
}
