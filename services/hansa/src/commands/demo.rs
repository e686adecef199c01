//! `hansa demo`.

use std::{io::IsTerminal as _, path::PathBuf};

use clap::Args;
use hansa::demo::{self, Checked};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::Printer;

/// `hansa demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// Which case: sharing stock, buying, opening a pool of members, using an app together, or papers from agreement to statement.
    #[arg(value_enum, default_value_t = Case::Stock)]
    case: Case,
    /// How many members the pool has.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10_000..=20_000_000))]
    members: u64,
    /// A folder for the papers that come out, with `papers`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// End when the checks have run, also on a terminal.
    #[arg(long)]
    exit: bool,
}

/// What is shown.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Case {
    /// Three enterprises share stock.
    Stock,
    /// A franchisee asks, its franchisor approves and orders, the supplier answers and sends.
    Procurement,
    /// A department store opens its members to brands.
    Members,
    /// From a price agreement to a statement: orders, answers, invoices and returns as papers of other systems.
    Papers,
    /// A headquarters publishes its apps, and its franchisees use them.
    Apps,
}

impl Demo {
    /// Runs the demo; fails when a check does.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let exe = std::env::current_exe()?;
        let show = |one: &Checked| {
            if !printer.json {
                println!("{}", line(one));
            }
        };
        let checked = match self.case {
            Case::Stock => {
                let mut demo = demo::Demo::start(&exe).await?;
                let checked = uninterrupted(demo.check(show)).await?;
                let by_hand = demo.by_hand().await?;
                self.rest(printer, &checked, &by_hand).await?;
                demo.end().await?;
                checked
            }
            Case::Procurement => {
                let mut demo = demo::procurement::Purchase::start(&exe).await?;
                let checked = uninterrupted(demo.check(show)).await?;
                self.rest(printer, &checked, &demo.by_hand()).await?;
                demo.end().await?;
                checked
            }
            Case::Members => {
                let mut demo = demo::members::Pool::start(&exe, self.members).await?;
                let checked = Box::pin(uninterrupted(demo.check(show))).await?;
                self.rest(printer, &checked, &demo.by_hand()).await?;
                demo.end().await?;
                checked
            }
            Case::Papers => {
                let mut demo = demo::papers::Papers::start(&exe, self.out.clone()).await?;
                let checked = Box::pin(uninterrupted(demo.check(show))).await?;
                self.rest(printer, &checked, &demo.by_hand()).await?;
                demo.end().await?;
                checked
            }
            Case::Apps => {
                let mut demo = demo::apps::Chain::start(&exe).await?;
                let checked = Box::pin(uninterrupted(demo.check(show))).await?;
                self.rest(printer, &checked, &demo.by_hand()).await?;
                demo.end().await?;
                checked
            }
        };
        println!("{}", demo::summary(&checked));
        anyhow::ensure!(checked.iter().all(|one| one.verdict.is_ok()), "a check failed");
        Ok(())
    }

    /// Shows what is left to show, and on a terminal waits until one is done trying things by hand.
    async fn rest(&self, printer: Printer, checked: &[Checked], by_hand: &str) -> anyhow::Result<()> {
        for one in checked.iter().filter(|_| printer.json) {
            let (ok, text) = match &one.verdict {
                Ok(text) => (true, text),
                Err(text) => (false, text),
            };
            println!(
                "{}",
                json!({"check": one.id, "passed": ok, "text": text, "milliseconds": one.took.as_millis()})
            );
        }
        if !self.exit && std::io::stdout().is_terminal() {
            print!("\n{by_hand}");
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Ok(())
    }
}

async fn uninterrupted(checks: impl Future<Output = Vec<Checked>>) -> anyhow::Result<Vec<Checked>> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        checked = checks => Ok(checked),
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = terminate.recv() => anyhow::bail!("interrupted"),
    }
}

fn line(one: &Checked) -> String {
    let (mark, text) = match &one.verdict {
        Ok(text) => ("ok", text),
        Err(text) => ("FAILED", text),
    };
    format!("{:<6} {:<10} {:>6} ms  {text}", mark, one.id, one.took.as_millis())
}
