//! Movements of stock, as lines of the audit: nothing else is written about them.

use hansa_directory::{Audited, Notice, Section, SectionFuture, WrittenFuture};
use hansa_tenancy::TenantTx;

use crate::store::catalogue;

/// The ledger of all levels.
#[derive(Clone, Copy, Debug)]
pub struct LedgerLines;

impl Audited for LedgerLines {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn section<'a>(&'a self, tx: &'a mut TenantTx, from: &'a str, to: &'a str) -> SectionFuture<'a> {
        Box::pin(async move {
            let (lines, root) = catalogue::ledger_section(tx, from, to).await?;
            Ok(Section { lines, root })
        })
    }

    fn notice(&self) -> Option<Notice> {
        Some(Notice {
            topic: "level",
            action: "stock.move",
        })
    }

    fn written<'a>(&'a self, tx: &'a mut TenantTx, from: &'a str, to: &'a str) -> WrittenFuture<'a> {
        Box::pin(async move { Ok(catalogue::ledger_written(tx, from, to).await?) })
    }
}
