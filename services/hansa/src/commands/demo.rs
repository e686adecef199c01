//! `hansa demo`.

use std::io::IsTerminal as _;

use clap::Args;
use hansa::demo::{self, Checked};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::Printer;

/// `hansa demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// End when the checks have run, also on a terminal.
    #[arg(long)]
    exit: bool,
}

impl Demo {
    /// Runs the demo; fails when a check does.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut demo = demo::Demo::start(&std::env::current_exe()?).await?;
        let checked = tokio::select! {
            checked = demo.check(|one| if !printer.json { println!("{}", line(one)) }) => checked,
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
            _ = terminate.recv() => anyhow::bail!("interrupted"),
        };
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
            print!("\n{}", demo.by_hand());
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        demo.end().await?;
        println!("{}", demo::summary(&checked));
        anyhow::ensure!(checked.iter().all(|one| one.verdict.is_ok()), "a check failed");
        Ok(())
    }
}

fn line(one: &Checked) -> String {
    let (mark, text) = match &one.verdict {
        Ok(text) => ("ok", text),
        Err(text) => ("FAILED", text),
    };
    format!("{:<6} {:<10} {:>6} ms  {text}", mark, one.id, one.took.as_millis())
}
