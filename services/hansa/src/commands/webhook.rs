//! Commands for webhooks: which systems of ours are told what happens.

use clap::Subcommand;
use serde_json::json;

use super::{Printer, Target};

const SERVICE: &str = "egress.v1.EgressStaffService";

/// `hansa webhook`.
#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Tell a system of ours what happens; the secret is shown once.
    Add {
        /// https://host/path, or what the operator allows.
        url: String,
        /// document.changed, document.proposed, document.overdue, document.reminded, thread.changed or app.notice; may be given several times; without it, all.
        #[arg(long = "topic")]
        topics: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// All of them.
    List {
        #[command(flatten)]
        target: Target,
    },
    /// Tell it no more.
    Remove {
        /// Which.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// What was told and how that went, newest first.
    Deliveries {
        /// Of which webhook.
        id: String,
        /// Only those that are pending, delivered or failed.
        #[arg(long, default_value = "")]
        state: String,
        #[command(flatten)]
        target: Target,
    },
    /// Tell it once more.
    Redeliver {
        /// Which delivery.
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

impl Webhook {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::Add { url, topics, target } => ("AddWebhook", json!({"url": url, "topics": topics}), target),
            Self::List { target } => ("ListWebhooks", json!({}), target),
            Self::Remove { id, target } => ("RemoveWebhook", json!({"id": id}), target),
            Self::Deliveries { id, state, target } => ("ListDeliveries", json!({"id": id, "state": state}), target),
            Self::Redeliver { id, target } => ("Redeliver", json!({"id": id}), target),
        };
        printer.show(&target.call(&format!("{SERVICE}/{method}"), body).await?);
        Ok(())
    }
}
