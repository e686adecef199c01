//! `hansa bench`.

use std::time::Duration;

use clap::{Args, Subcommand};
use hansa::bench::{CELLS, Pace, Reserve};
use serde_json::json;

use super::Printer;

/// How long and how often.
#[derive(Args, Debug)]
pub struct Options {
    /// Rounds of each cell: its limit, then itself.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Milliseconds of each measurement.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    millis: u64,
    /// Only this cell; may be given several times.
    #[arg(long = "cell")]
    cells: Vec<String>,
}

/// `hansa bench`.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// A partner reserves: calls a second, over mutual TLS, to a durable commit.
    Reserve(Options),
}

impl Bench {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let Self::Reserve(options) = self;
        let pace = Pace {
            rounds: usize::try_from(options.rounds)?,
            each: Duration::from_millis(options.millis),
        };
        let cells: Vec<&str> = if options.cells.is_empty() {
            CELLS.to_vec()
        } else {
            options.cells.iter().map(String::as_str).collect()
        };
        let bench = Reserve::start(&std::env::current_exe()?).await?;
        let settings = bench.settings().await?;
        if printer.json {
            println!("{}", json!({"bench": "reserve", "settings": settings}));
        } else {
            println!("settings {settings}");
        }
        for cell in cells {
            let line = bench.cell(cell, pace).await?;
            if printer.json {
                println!("{line}");
            } else {
                let of = |name: &str| line[name].to_string();
                println!(
                    "{cell:<11} {:>8}/s  limit {:>8}/s  ratio {:>5} ({} to {})  p50 {} ms  p99 {} ms  echo {}/s",
                    of("value"),
                    of("limit_value"),
                    of("ratio"),
                    of("ratio_min"),
                    of("ratio_max"),
                    of("p50_ms"),
                    of("p99_ms"),
                    of("echo_value")
                );
            }
        }
        bench.end().await
    }
}
