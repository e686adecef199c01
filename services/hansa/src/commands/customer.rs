//! Commands for the customer of a document: a page without a key shows how far it is, and whom to ask.

use clap::Subcommand;
use serde_json::json;

use super::{Printer, Target};

const SERVICE: &str = "documents.v1.DocumentsStaffService";

/// `hansa customer`.
#[derive(Debug, Subcommand)]
pub enum Customer {
    /// Open the page of a document's customer, or say anew who reads it; give its address to nobody else.
    Open {
        /// Which document.
        document: String,
        /// Where the customer reads mail; without it they get none.
        #[arg(long, default_value = "")]
        email: String,
        /// Language of the page and the mails: en, de or zh.
        #[arg(long, default_value = "en")]
        language: String,
        /// Whom they may ask, and how; your name when it is not said.
        #[arg(long, default_value = "")]
        contact: String,
        /// Send the address by mail as well.
        #[arg(long)]
        mail: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Who reads it, and until when.
    Show {
        /// Which document.
        document: String,
        #[command(flatten)]
        target: Target,
    },
    /// End it: its address opens nothing any more, and who read it is forgotten.
    Close {
        /// Which document.
        document: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Customer {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::Open {
                document,
                email,
                language,
                contact,
                mail,
                target,
            } => {
                let body =
                    json!({"id": document, "email": email, "language": language, "contact": contact, "mail": mail});
                ("OpenCustomerPage", body, target)
            }
            Self::Show { document, target } => ("GetCustomerPage", json!({"id": document}), target),
            Self::Close { document, target } => ("CloseCustomerPage", json!({"id": document}), target),
        };
        printer.show(&target.call(&format!("{SERVICE}/{method}"), body).await?);
        Ok(())
    }
}
