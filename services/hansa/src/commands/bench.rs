//! `hansa bench`.

use std::time::Duration;

use clap::{Args, Subcommand};
use hansa::bench::{Pace, apps, documents, matching, pool, reserve, ubl};
use serde_json::{Value, json};

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
    /// Buying: orders a second from a clerk's request through a colleague's approval, and their way to the supplier's node.
    Documents(Options),
    /// Papers: orders a second that come in as UBL, a list of 100,000 prices over a link, 100,000 open items beside the partner's.
    Ubl(Options),
    /// The registry of apps and the workbench, with 17,000 apps and 10,000 shares: how long a page takes.
    Apps(Options),
    /// Private match: masking, a whole match beside other systems, evaluations through a node, and a pool from import to withdrawal.
    Match(MatchOptions),
}

/// How large, how long and how often.
#[derive(Args, Debug)]
pub struct MatchOptions {
    /// Members of the pool.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=20_000_000))]
    members: u64,
    /// People of the list, half of whom are members.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    list: u64,
    /// In which the peers are installed; see tests/peers/README.md.
    #[arg(long, default_value = "python3")]
    python: String,
    #[command(flatten)]
    options: Options,
}

impl MatchOptions {
    async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (pace, cells) = (self.options.pace()?, self.options.cells(&matching::CELLS));
        matching::known(&cells)?;
        let sizes = matching::Sizes {
            members: self.members,
            list: self.list,
        };
        let alone = matching::alone(&cells, pace.rounds, sizes, &self.python)?;
        for line in &alone {
            printer.show(line);
        }
        if cells.contains(&"evaluate") {
            let bench = matching::Evaluate::start(&std::env::current_exe()?).await?;
            let line = bench.cell(pace.rounds, pace.each).await;
            bench.end().await?;
            printer.show(&line?);
        }
        if cells.iter().any(|cell| pool::CELLS.contains(cell)) {
            let bench = pool::Pool::start(&std::env::current_exe()?, self.members).await?;
            let lines = bench.cells(&cells).await;
            bench.end().await?;
            for line in lines? {
                printer.show(&line);
            }
        }
        Ok(())
    }
}

impl Options {
    fn pace(&self) -> anyhow::Result<Pace> {
        Ok(Pace {
            rounds: usize::try_from(self.rounds)?,
            each: Duration::from_millis(self.millis),
        })
    }

    fn cells<'a>(&'a self, all: &'a [&'a str]) -> Vec<&'a str> {
        match self.cells.as_slice() {
            [] => all.to_vec(),
            some => some.iter().map(String::as_str).collect(),
        }
    }
}

impl Bench {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let exe = std::env::current_exe()?;
        match self {
            Self::Reserve(options) => {
                let bench = reserve::Reserve::start(&exe).await?;
                settings(printer, "reserve", &bench.settings().await?);
                for cell in options.cells(&reserve::CELLS) {
                    show(printer, &bench.cell(cell, options.pace()?).await?);
                }
                bench.end().await
            }
            Self::Documents(options) => {
                let bench = documents::Documents::start(&exe).await?;
                settings(printer, "documents", &bench.settings().await?);
                for cell in options.cells(&documents::CELLS) {
                    if cell == documents::LISTS {
                        for line in bench.lists().await? {
                            show_list(printer, &line);
                        }
                        continue;
                    }
                    show(printer, &bench.cell(cell, options.pace()?).await?);
                }
                bench.end().await
            }
            Self::Ubl(options) => {
                let bench = ubl::Ubl::start(&exe).await?;
                settings(printer, "ubl", &bench.settings().await?);
                for cell in options.cells(&ubl::CELLS) {
                    printer.show(&bench.cell(cell, options.pace()?).await?);
                }
                bench.end().await
            }
            Self::Apps(options) => {
                let bench = apps::Apps::start(&exe).await?;
                settings(printer, "apps", &bench.settings().await?);
                for cell in options.cells(&apps::CELLS) {
                    show_list(printer, &bench.cell(cell).await?);
                }
                bench.end().await
            }
            Self::Match(options) => options.run(printer).await,
        }
    }
}

fn settings(printer: Printer, bench: &str, settings: &Value) {
    if printer.json {
        println!("{}", json!({"bench": bench, "settings": settings}));
    } else {
        println!("settings {settings}");
    }
}

fn show_list(printer: Printer, line: &Value) {
    if printer.json {
        println!("{line}");
        return;
    }
    println!(
        "{:<12} p50 {:>6} ms  p95 {:>6} ms  aim {} ms  {}",
        line["cell"].as_str().unwrap_or_default(),
        line["p50_ms"].to_string(),
        line["p95_ms"].to_string(),
        line["aim_p95_ms"],
        line["question"].as_str().unwrap_or_default(),
    );
}

fn show(printer: Printer, line: &Value) {
    if printer.json {
        println!("{line}");
        return;
    }
    let of = |name: &str| line[name].to_string();
    let more = match &line["echo_value"] {
        Value::Null => format!(
            "to the partner p50 {} ms  p99 {} ms",
            of("decision_to_partner_p50_ms"),
            of("decision_to_partner_p99_ms")
        ),
        echo => format!("echo {echo}/s"),
    };
    println!(
        "{:<11} {:>8}/s  limit {:>8}/s  ratio {:>5} ({} to {})  p50 {} ms  p99 {} ms  {more}",
        line["cell"].as_str().unwrap_or_default(),
        of("value"),
        of("limit_value"),
        of("ratio"),
        of("ratio_min"),
        of("ratio_max"),
        of("p50_ms"),
        of("p99_ms"),
    );
}
