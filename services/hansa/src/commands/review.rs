//! Commands of a node's operator about the apps that its enterprises have.

use clap::Subcommand;
use hansa::Settings;
use hansa_apps::{Review as Said, Reviews, Subject};
use serde_json::json;

use super::{Printer, node};

/// `hansa review`.
#[derive(Debug, Subcommand)]
pub enum Review {
    /// Say that somebody has looked at an app: every enterprise here sees it beside the app.
    Passed {
        /// PUBLISHER, PUBLISHER/APP or PUBLISHER/APP@VERSION, with the publisher's enterprise id.
        of: Subject,
        /// What was found.
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Block an app: nobody on this node accepts it, begins with it, acts in it or calls it any more.
    Block {
        /// PUBLISHER, PUBLISHER/APP or PUBLISHER/APP@VERSION, with the publisher's enterprise id.
        of: Subject,
        /// Why; the people of this node's enterprises read it.
        #[arg(long)]
        note: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Say nothing of it any more.
    Clear {
        /// As it was said.
        of: Subject,
        #[command(flatten)]
        settings: Settings,
    },
    /// All that was said.
    List {
        #[command(flatten)]
        settings: Settings,
    },
}

impl Review {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (Self::Passed { settings, .. }
        | Self::Block { settings, .. }
        | Self::Clear { settings, .. }
        | Self::List { settings }) = &self;
        let tenancy = node::control(settings).await?;
        let reviews = Reviews::new(tenancy.clone());
        match self {
            Self::Passed { of, note, .. } => {
                let blocked = false;
                reviews.say(&Said { of, blocked, note }).await?;
            }
            Self::Block { of, note, .. } => {
                let blocked = true;
                reviews.say(&Said { of, blocked, note }).await?;
            }
            Self::Clear { of, .. } => reviews.take_back(&of).await?,
            Self::List { .. } => {}
        }
        let all = reviews.list().await?;
        let shown = |one: &Said| json!({"of": one.of.to_string(), "blocked": one.blocked, "note": one.note});
        printer.show(&json!({"reviews": all.iter().map(shown).collect::<Vec<_>>()}));
        tenancy.close().await;
        Ok(())
    }
}
