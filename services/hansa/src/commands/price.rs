//! Commands for agreed prices: which one holds, and how orders stand beside it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Printer, Target, files::upload};

const SERVICE: &str = "procurement.v1.PricesStaffService";
const DOCUMENTS: &str = "documents.v1.DocumentsStaffService";

/// `hansa price`.
#[derive(Debug, Subcommand)]
pub enum Price {
    /// Offer prices to a partner: the document is agreed with `hansa document act ID agree`, and changed by both.
    Offer {
        /// To whom we sell.
        link: String,
        /// A CSV file; its columns are sku, gtin, category, name, unit, from, price, per, minimum, pack and `lead_days`.
        list: PathBuf,
        /// First civil day of orders that they are for, YYYY-MM-DD.
        #[arg(long)]
        from: String,
        /// Last day; without it, until the agreement ends.
        #[arg(long, default_value = "")]
        until: String,
        /// ISO 4217.
        #[arg(long, default_value = "EUR")]
        currency: String,
        /// Incoterms 2020, rule and place.
        #[arg(long, default_value = "")]
        incoterm: String,
        /// What orders may come to together, net, in whole units of the currency.
        #[arg(long)]
        blanket: Option<i64>,
        #[command(flatten)]
        target: Target,
    },
    /// All agreements, with what orders draw on them.
    Agreements {
        /// With whom; without it, with anybody.
        #[arg(long, default_value = "")]
        link: String,
        #[command(flatten)]
        target: Target,
    },
    /// The prices of an agreement.
    Lines {
        /// Its document.
        document: String,
        /// Which version of it.
        version: u64,
        /// As the page before said it.
        #[arg(long, default_value = "")]
        page: String,
        #[command(flatten)]
        target: Target,
    },
    /// Which price holds for an article on a day, and who has signed it.
    Find {
        /// With whom.
        link: String,
        /// The seller's article number.
        #[arg(long, default_value = "")]
        sku: String,
        #[arg(long, default_value = "")]
        gtin: String,
        #[arg(long, default_value = "")]
        category: String,
        /// Civil day of the order; today without it.
        #[arg(long, default_value = "")]
        day: String,
        /// Whole units.
        #[arg(long, default_value_t = 1)]
        quantity: i64,
        /// UN/ECE Recommendation 20; empty = C62, one.
        #[arg(long, default_value = "")]
        unit: String,
        /// We sell: without it we buy.
        #[arg(long)]
        selling: bool,
        #[command(flatten)]
        target: Target,
    },
    /// An order beside agreed prices, line by line.
    Order {
        /// Which.
        document: String,
        #[command(flatten)]
        target: Target,
    },
    /// Orders that are not as was agreed and wait for somebody, the longest first.
    Exceptions {
        #[command(flatten)]
        target: Target,
    },
}

impl Price {
    /// Runs one of them.
    pub async fn run(self, printer: Printer) -> anyhow::Result<()> {
        let (method, body, target) = match self {
            Self::Offer { .. } => return Box::pin(self.offer(printer)).await,
            Self::Agreements { link, target } => ("ListPriceAgreements", json!({"linkId": link}), target),
            Self::Lines {
                document,
                version,
                page,
                target,
            } => {
                let body = json!({"documentId": document, "version": version, "page": page});
                ("ListPriceLines", body, target)
            }
            Self::Find {
                link,
                sku,
                gtin,
                category,
                day,
                quantity,
                unit,
                selling,
                target,
            } => {
                let quantity = json!({"value": quantity, "unit": unit});
                let article = json!({"sku": sku, "gtin": gtin, "category": category, "quantity": quantity});
                let role = if selling { "seller" } else { "buyer" };
                let body = json!({"linkId": link, "ourRole": role, "day": day, "articles": [article]});
                ("FindPrices", body, target)
            }
            Self::Order { document, target } => ("GetOrderPrices", json!({"documentId": document}), target),
            Self::Exceptions { target } => ("ListPriceExceptions", json!({}), target),
        };
        printer.show(&target.call(&format!("{SERVICE}/{method}"), body).await?);
        Ok(())
    }

    async fn offer(self, printer: Printer) -> anyhow::Result<()> {
        let Self::Offer {
            link,
            list,
            from,
            until,
            currency,
            incoterm,
            blanket,
            target,
        } = self
        else {
            return Ok(());
        };
        let file = upload(&target, &list).await?;
        let body = json!({"kind": "price_agreement", "links": {"buyer": link}});
        let made = target.call(&format!("{DOCUMENTS}/CreateDocument"), body).await?;
        let id = made["document"]["id"].as_str().context("no document was made")?;
        let mut prices = json!({"validFrom": from, "validUntil": until, "incoterm": incoterm, "list": file});
        if let Some(blanket) = blanket {
            prices["blanket"] = json!({"value": blanket});
        }
        let contents: Value = json!({"head": {"head": {"currency": currency}}, "prices": {"prices": prices}});
        let body = json!({"id": id, "act": "offer", "base": "0", "contents": contents});
        printer.show(&target.call(&format!("{DOCUMENTS}/ActOnDocument"), body).await?);
        Ok(())
    }
}
