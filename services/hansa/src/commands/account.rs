//! Commands for accounts with partners: what is open, and whether both nodes say the same.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Printer, Target, files::cell};

const SERVICE: &str = "procurement.v1.AccountsStaffService";
/// Columns of a statement as CSV, as the answer calls them.
const COLUMNS: [&str; 16] = [
    "number",
    "called",
    "kind",
    "state",
    "owedToUs",
    "currency",
    "amount",
    "disputed",
    "reason",
    "evidence",
    "issuedOn",
    "dueOn",
    "age",
    "deadline",
    "documentId",
    "version",
];

/// `hansa account`.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// What is open with a partner: invoices and agreed credit notes, with what they come to by age.
    Statement {
        /// With whom.
        link: String,
        /// Up to that second, e.g. 2026-11-30T23:59:59Z; now without it.
        #[arg(long)]
        as_of: Option<String>,
        /// All items as CSV to stdout, for the ledger of an ERP; amounts are in minor units.
        #[arg(long)]
        csv: bool,
        #[command(flatten)]
        target: Target,
    },
    /// What was invoiced month by month: bought from suppliers and sold to customers, in minor units.
    Turnover {
        /// First month, e.g. 2026-01; eleven months ago without it.
        #[arg(long, default_value = "")]
        from: String,
        /// Last month; this one without it.
        #[arg(long, default_value = "")]
        to: String,
        #[command(flatten)]
        target: Target,
    },
    /// Ask the partner whether it has the same open at the same moment.
    Compare {
        /// With whom.
        link: String,
        /// Up to that second; now without it.
        #[arg(long)]
        as_of: Option<String>,
        #[command(flatten)]
        target: Target,
    },
}

impl Account {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::Statement {
                link,
                as_of,
                csv: true,
                target,
            } => return export(&target, asked(&link, as_of)).await,
            Self::Statement {
                link, as_of, target, ..
            } => ("GetStatement", asked(&link, as_of), target),
            Self::Turnover { from, to, target } => ("GetTurnover", json!({"from": from, "to": to}), target),
            Self::Compare { link, as_of, target } => ("CompareWithPartner", asked(&link, as_of), target),
        };
        printer.show(&target.call(&format!("{SERVICE}/{method}"), body).await?);
        Ok(())
    }
}

fn asked(link: &str, as_of: Option<String>) -> Value {
    match as_of {
        Some(as_of) => json!({"linkId": link, "asOf": as_of}),
        None => json!({"linkId": link}),
    }
}

async fn export(target: &Target, mut asked: Value) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_writer(std::io::stdout());
    out.write_record(COLUMNS)?;
    loop {
        let answer = target.call(&format!("{SERVICE}/GetStatement"), asked.clone()).await?;
        for item in answer["items"].as_array().into_iter().flatten() {
            out.write_record(COLUMNS.map(|column| cell(&item[column])))?;
        }
        out.flush()?;
        match answer["nextPage"].as_str().unwrap_or_default() {
            "" => return Ok(()),
            page => asked["page"] = json!(page),
        }
        // All pages are of the moment of the first one.
        asked["asOf"] = answer["asOf"].clone();
    }
}
