//! The three-way match: with which tolerances invoices are compared, and which wait for somebody.

use hansa_directory::{Session, audit};
use hansa_documents::{KeeperFuture, Matcher, ToMatch};
use hansa_tenancy::TenantTx;
use hansa_trade::matching::{Finding, Matched, Tolerance, compare};
use uuid::Uuid;

use super::{Procurement, invalid};
use crate::{
    Error,
    store::{self, ExceptionRow, ToleranceRow},
};

/// An invoice beside what was ordered and has come.
#[derive(Debug)]
pub(crate) struct Compared {
    pub lines: Vec<Matched>,
    /// The order's units, by line of the order.
    pub units: Vec<(String, String)>,
    pub tolerance: ToleranceRow,
    pub currency: String,
}

impl Matcher for Procurement {
    fn fits<'a>(&'a self, tx: &'a mut TenantTx, of: ToMatch) -> KeeperFuture<'a, bool> {
        Box::pin(async move {
            let link = of.link.map(|link| link.0);
            let row = store::tolerance(tx, link).await?;
            let lines = compare(&of.papers, &tolerance(&row));
            let mut found: Vec<Finding> = lines.iter().flat_map(|line| line.findings.iter().copied()).collect();
            found.sort();
            found.dedup();
            if found.is_empty() {
                store::decided(tx, of.document).await?;
                return Ok(true);
            }
            let words: Vec<_> = found.into_iter().map(Finding::as_str).collect();
            let row = ExceptionRow {
                document_id: of.document,
                number: of.number,
                link_id: link,
                findings: words.join(","),
                since: self.tenancy.clock().now(),
            };
            store::put_exception(tx, &row).await?;
            Ok(false)
        })
    }

    fn decided<'a>(&'a self, tx: &'a mut TenantTx, document: Uuid) -> KeeperFuture<'a> {
        Box::pin(async move { Ok(store::decided(tx, document).await?) })
    }
}

fn tolerance(row: &ToleranceRow) -> Tolerance {
    Tolerance {
        quantity_percent: row.quantity_percent.try_into().unwrap_or(0),
        quantity_units: row.quantity_units,
        price_percent: row.price_percent.try_into().unwrap_or(0),
        price_amount: row.price_amount,
    }
}

impl Procurement {
    /// An invoice beside what was ordered and has come, as it stands now.
    pub(crate) async fn compared(&self, session: &Session, document: Uuid) -> Result<Compared, Error> {
        let mut tx = self.tenancy.begin("procurement.match", session).await?;
        let of = self.documents.to_match(&mut tx, document).await?;
        let row = store::tolerance(&mut tx, of.link.map(|link| link.0)).await?;
        let units = of.papers.order.iter().flat_map(|(_, lines)| lines);
        let units = units.map(|line| {
            let unit = line.quantity.as_ref().map(|quantity| quantity.unit.clone());
            (line.id.clone(), unit.unwrap_or_default())
        });
        Ok(Compared {
            lines: compare(&of.papers, &tolerance(&row)),
            units: units.collect(),
            currency: of.papers.invoice.0.currency.clone(),
            tolerance: row,
        })
    }

    /// Says how far invoices may be off.
    pub(crate) async fn put_tolerance(&self, session: &Session, row: ToleranceRow) -> Result<(), Error> {
        let share = |percent: i32| (0..=10_000).contains(&percent);
        if !share(row.quantity_percent) || !share(row.price_percent) {
            return Err(invalid("tolerance", "a share is 0 to 10,000 hundredths of a per cent"));
        }
        if row.quantity_units < 0 || row.price_amount < 0 {
            return Err(invalid("tolerance", "zero or more"));
        }
        let mut tx = self.tenancy.begin("procurement.put_tolerance", session).await?;
        store::put_tolerance(&mut tx, &row).await?;
        let (line, actor) = (self.tenancy.ids().uuid(), session.staff().to_string());
        let resource = format!("match_tolerance/{}", row.link);
        audit(&mut tx, line, &actor, "budget.write", &resource, &session.rule()).await?;
        Ok(tx.commit().await?)
    }

    /// All of them.
    pub(crate) async fn tolerances(&self, session: &Session) -> Result<Vec<ToleranceRow>, Error> {
        let mut tx = self.tenancy.begin("procurement.tolerances", session).await?;
        store::tolerances(&mut tx).await
    }

    /// Invoices that wait for somebody.
    pub(crate) async fn exceptions(&self, session: &Session) -> Result<Vec<ExceptionRow>, Error> {
        let mut tx = self.tenancy.begin("procurement.exceptions", session).await?;
        store::exceptions(&mut tx).await
    }
}
