//! Changes of consents, as lines of the audit: nothing else is written about them.

use hansa_directory::{Audited, Notice, Section, SectionFuture, WrittenFuture};
use hansa_tenancy::TenantTx;

use crate::store::consents;

/// Every consent that was given, withdrawn or erased.
#[derive(Clone, Copy, Debug)]
pub struct ConsentLines;

impl Audited for ConsentLines {
    fn name(&self) -> &'static str {
        "consent"
    }

    fn section<'a>(&'a self, tx: &'a mut TenantTx, from: &'a str, to: &'a str) -> SectionFuture<'a> {
        Box::pin(async move {
            let (lines, root) = consents::section(tx, from, to).await?;
            Ok(Section { lines, root })
        })
    }

    fn notice(&self) -> Option<Notice> {
        Some(Notice {
            topic: "consent",
            action: "consent.change",
        })
    }

    fn written<'a>(&'a self, tx: &'a mut TenantTx, from: &'a str, to: &'a str) -> WrittenFuture<'a> {
        Box::pin(async move { Ok(consents::written(tx, from, to).await?) })
    }
}
