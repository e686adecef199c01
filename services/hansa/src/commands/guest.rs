//! Commands for partners without a node: they are told by mail, and answer on a page.

use clap::Subcommand;
use serde_json::json;

use super::{Printer, Target};

/// `hansa guest`.
#[derive(Debug, Subcommand)]
pub enum Guest {
    /// Make an active link to a partner without a node.
    Add {
        /// What they are called.
        name: String,
        /// Where they read mail.
        #[arg(long)]
        email: String,
        /// Language of their mails and pages: en, de or zh.
        #[arg(long, default_value = "en")]
        language: String,
        /// A kind of documents that we may send them; may be given several times.
        #[arg(long = "send", default_value = "order")]
        send: Vec<String>,
        /// A kind of documents that they may issue about those, on their page; may be given several times.
        #[arg(long = "take", default_value = "despatch_advice")]
        take: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// They read mail elsewhere from now on.
    Update {
        /// The link to them.
        link: String,
        /// Where they read mail.
        #[arg(long)]
        email: String,
        /// Language of their mails and pages: en, de or zh.
        #[arg(long, default_value = "en")]
        language: String,
        #[command(flatten)]
        target: Target,
    },
    /// The address of a guest's page for a document; give it to nobody else.
    Share {
        /// Which document.
        document: String,
        /// Send it by mail as well.
        #[arg(long)]
        mail: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Mails to guests, newest first, and how sending them went.
    Mails {
        /// Only those about this document.
        #[arg(long, default_value = "")]
        document: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Guest {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::Add {
                name,
                email,
                language,
                send,
                take,
                target,
            } => {
                let body = json!({
                    "name": name, "email": email, "language": language,
                    "grant": {"documentKinds": take}, "ask": {"documentKinds": send},
                });
                ("link.v1.LinkStaffService/CreateGuest", body, target)
            }
            Self::Update {
                link,
                email,
                language,
                target,
            } => {
                let body = json!({"id": link, "email": email, "language": language});
                ("link.v1.LinkStaffService/UpdateGuest", body, target)
            }
            Self::Share { document, mail, target } => {
                let body = json!({"id": document, "mail": mail});
                ("documents.v1.DocumentsStaffService/ShareDocument", body, target)
            }
            Self::Mails { document, target } => {
                let body = json!({"documentId": document});
                ("egress.v1.EgressStaffService/ListMails", body, target)
            }
        };
        printer.show(&target.call(method, body).await?);
        Ok(())
    }
}
