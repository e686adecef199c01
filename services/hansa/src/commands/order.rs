//! Commands for buying: from what our people ask for to orders at suppliers.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Printer, Target};

const SERVICE: &str = "procurement.v1.ProcurementStaffService";

/// `hansa order`.
#[derive(Debug, Subcommand)]
pub enum Order {
    /// Make an order for each supplier from lines of approved requisitions; the same --id again changes nothing.
    Make {
        /// REQUISITION/LINE=LINK: which line goes to which supplier; may be given several times.
        #[arg(long = "line", required = true, value_parser = assignment)]
        lines: Vec<Value>,
        /// Our code of the place where the goods come in.
        #[arg(long, default_value = "")]
        to: String,
        /// UUIDv7 of this request.
        #[arg(long, default_value = "")]
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// What an approver looks at beside a request: our stock of its articles, and the budget that pays for it.
    Outlook {
        /// Of a requisition.
        document: String,
        #[command(flatten)]
        target: Target,
    },
    /// Set a budget; the same cost with the same first day again changes its amount.
    PutBudget {
        /// Whose, e.g. MARKETING (UBL: AccountingCost).
        cost: String,
        /// First day, YYYY-MM-DD.
        #[arg(long)]
        from: String,
        /// Last day.
        #[arg(long)]
        until: String,
        /// In minor units of the currency, e.g. cents.
        #[arg(long)]
        amount: i64,
        #[arg(long, default_value = "EUR")]
        currency: String,
        #[command(flatten)]
        target: Target,
    },
    /// All budgets, the newest first, with what is bound of each.
    Budgets {
        #[command(flatten)]
        target: Target,
    },
    /// Say which orders of a partner are accepted by themselves: those whose every line has the price that was agreed, when all is free.
    AcceptanceRule {
        /// Whose; without it, of all that have none of their own.
        #[arg(long, default_value = "")]
        link: String,
        /// Somebody looks at each.
        #[arg(long)]
        never: bool,
        /// What an order may come to, in minor units of the currency, e.g. cents.
        #[arg(long, requires = "currency")]
        amount_max: Option<i64>,
        /// ISO 4217.
        #[arg(long, requires = "amount_max")]
        currency: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// All of these rules.
    AcceptanceRules {
        #[command(flatten)]
        target: Target,
    },
    /// Which lines of requisitions an order's lines come from, or where those of a requisition went.
    Sources {
        /// Of an order, or of a requisition.
        document: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Reads `REQUISITION/LINE=LINK`.
fn assignment(text: &str) -> Result<Value, String> {
    let parts = text
        .split_once('=')
        .and_then(|(line, link)| Some((line.split_once('/')?, link)));
    let ((requisition, line), link) = parts.ok_or("REQUISITION/LINE=LINK")?;
    Ok(json!({"requisitionId": requisition, "line": line, "linkId": link}))
}

impl Order {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::Make { lines, to, id, target } => {
                let body = json!({"id": id, "assignments": lines, "head": {"deliveryLocation": to}});
                ("MakeOrders", body, target)
            }
            Self::Outlook { document, target } => ("GetOutlook", json!({"documentId": document}), target),
            Self::PutBudget {
                cost,
                from,
                until,
                amount,
                currency,
                target,
            } => {
                let budget = json!({"accountingCost": cost, "beginsOn": from, "endsOn": until, "currency": currency,
                    "amount": amount.to_string()});
                ("PutBudget", json!({"budget": budget}), target)
            }
            Self::Budgets { target } => ("ListBudgets", json!({}), target),
            Self::AcceptanceRule {
                link,
                never,
                amount_max,
                currency,
                target,
            } => {
                let mut rule = json!({"linkId": link, "accepts": !never});
                if let Some((amount, currency)) = amount_max.zip(currency) {
                    (rule["amountMax"], rule["currency"]) = (json!(amount.to_string()), json!(currency));
                }
                ("PutAcceptanceRule", json!({"rule": rule}), target)
            }
            Self::AcceptanceRules { target } => ("ListAcceptanceRules", json!({}), target),
            Self::Sources { document, target } => ("ListOrderSources", json!({"documentId": document}), target),
        };
        printer.show(&target.call(&format!("{SERVICE}/{method}"), body).await?);
        Ok(())
    }
}
