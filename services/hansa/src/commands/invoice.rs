//! Commands for invoices: beside what was ordered and has come.

use clap::Subcommand;
use serde_json::json;

use super::{Printer, Target};

const SERVICE: &str = "procurement.v1.ProcurementStaffService";

/// `hansa invoice`.
#[derive(Debug, Subcommand)]
pub enum Invoice {
    /// An invoice beside what was ordered and has come, line by line.
    Match {
        /// Which.
        document: String,
        #[command(flatten)]
        target: Target,
    },
    /// Invoices that do not fit and wait for somebody, the longest first; what fits is approved by itself.
    Exceptions {
        #[command(flatten)]
        target: Target,
    },
    /// Say how far invoices may be off, upward; of share and amount the larger one counts.
    Tolerance {
        /// Whose; without it, of all that have none of their own.
        #[arg(long, default_value = "")]
        link: String,
        /// Of a quantity, in hundredths of a per cent.
        #[arg(long, default_value_t = 0)]
        quantity_percent: u32,
        /// Of a quantity, in whole units.
        #[arg(long, default_value_t = 0)]
        quantity: i64,
        /// Of an amount, in hundredths of a per cent.
        #[arg(long, default_value_t = 0)]
        price_percent: u32,
        /// Of an amount, in minor units, e.g. cents.
        #[arg(long, default_value_t = 0)]
        price: i64,
        #[command(flatten)]
        target: Target,
    },
    /// All tolerances.
    Tolerances {
        #[command(flatten)]
        target: Target,
    },
}

impl Invoice {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::Match { document, target } => ("GetMatch", json!({"documentId": document}), target),
            Self::Exceptions { target } => ("ListMatchExceptions", json!({}), target),
            Self::Tolerance {
                link,
                quantity_percent,
                quantity,
                price_percent,
                price,
                target,
            } => {
                let tolerance = json!({"linkId": link, "quantityPercent": quantity_percent,
                    "quantity": {"value": quantity}, "pricePercent": price_percent, "priceAmount": price});
                ("PutMatchTolerance", json!({"tolerance": tolerance}), target)
            }
            Self::Tolerances { target } => ("ListMatchTolerances", json!({}), target),
        };
        printer.show(&target.call(&format!("{SERVICE}/{method}"), body).await?);
        Ok(())
    }
}
