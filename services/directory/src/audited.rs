//! Kinds of lines that the audit's checkpoints sign: the directory's own, and what other rooms add.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use hansa_tenancy::TenantTx;
use time::OffsetDateTime;

use crate::{Error, model::Section, store::chain};

/// What reading a section comes to.
pub type SectionFuture<'a> = Pin<Box<dyn Future<Output = Result<Section, Error>> + Send + 'a>>;

/// What reading when something was written comes to.
pub type WrittenFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<OffsetDateTime>, Error>> + Send + 'a>>;

/// What followers of the change feed are told when lines have come in that have no audit line each.
#[derive(Clone, Copy, Debug)]
pub struct Notice {
    /// The topic.
    pub topic: &'static str,
    /// What was done.
    pub action: &'static str,
}

/// Lines of one kind, never changed, each with the id of the transaction that wrote it.
pub trait Audited: Send + Sync {
    /// What the kind is called; it never changes.
    fn name(&self) -> &'static str;

    /// The lines of all transactions that are in by the snapshot `to` and were not by `from`.
    fn section<'a>(&'a self, tx: &'a mut TenantTx, from: &'a str, to: &'a str) -> SectionFuture<'a>;

    /// What followers are told of them together; nothing when each is told by itself.
    fn notice(&self) -> Option<Notice>;

    /// When the latest of such a section was written; nothing when there is none.
    fn written<'a>(&'a self, tx: &'a mut TenantTx, from: &'a str, to: &'a str) -> WrittenFuture<'a>;
}

/// Every kind that is signed here, in order.
#[derive(Clone)]
pub struct AllAudited(Vec<Arc<dyn Audited>>);

impl Default for AllAudited {
    fn default() -> Self {
        Self(vec![Arc::new(AuditLines)])
    }
}

impl AllAudited {
    /// These lines too.
    #[must_use]
    pub fn with(mut self, audited: impl Audited + 'static) -> Self {
        self.0.push(Arc::new(audited));
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<dyn Audited>> {
        self.0.iter()
    }
}

impl fmt::Debug for AllAudited {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(self.0.iter().map(|one| one.name()))
            .finish()
    }
}

/// Who did what.
struct AuditLines;

impl Audited for AuditLines {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn section<'a>(&'a self, tx: &'a mut TenantTx, from: &'a str, to: &'a str) -> SectionFuture<'a> {
        Box::pin(chain::audit_section(tx, from, to))
    }

    fn notice(&self) -> Option<Notice> {
        None
    }

    fn written<'a>(&'a self, _: &'a mut TenantTx, _: &'a str, _: &'a str) -> WrittenFuture<'a> {
        Box::pin(async { Ok(None) })
    }
}
