//! The next number of a prefix. Those who want one at the same time take theirs together: the row that counts is a single one, and
//! it is locked until its transaction has come back from the database.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use hansa_tenancy::Caller;
use hansa_vocab::TenantId;

use super::Documents;
use crate::{Error, store};

/// Prefixes with numbers to spare that are remembered, at most; a forgotten one leaves a gap.
const KNOWN_MAX: usize = 10_000;

/// Who waits for a number of this process, by tenant and prefix.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Mutex<HashMap<(TenantId, String), Arc<Line>>>);

#[derive(Debug, Default)]
struct Line {
    wanted: AtomicI64,
    spare: tokio::sync::Mutex<std::ops::Range<i64>>,
}

/// Somebody who wants a number, for as long as they wait.
struct Wanted<'a>(&'a AtomicI64);

impl<'a> Wanted<'a> {
    fn new(wanted: &'a AtomicI64) -> Self {
        wanted.fetch_add(1, Ordering::Relaxed);
        Self(wanted)
    }
}

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Numbers {
    fn line(&self, tenant: TenantId, prefix: &str) -> Arc<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= KNOWN_MAX {
            // Those whom somebody holds are at work.
            lines.retain(|_, line| Arc::strong_count(line) > 1);
        }
        lines.entry((tenant, prefix.to_owned())).or_default().clone()
    }
}

impl Documents {
    /// A number that nobody else gets. One whose caller went away goes to the next; a crash leaves a gap.
    pub(super) async fn next_number(&self, caller: &impl Caller, prefix: &str) -> Result<i64, Error> {
        let line = self.numbers.line(caller.tenant(), prefix);
        let wanted = Wanted::new(&line.wanted);
        let mut spare = line.spare.lock().await;
        if let Some(number) = spare.next() {
            return Ok(number);
        }
        let many = wanted.0.load(Ordering::Relaxed).max(1);
        let mut tx = self.tenancy.begin("documents.number", caller).await?;
        let last = store::take_numbers(&mut tx, prefix, many).await?;
        tx.commit().await?;
        *spare = last - many + 1..last + 1;
        spare.next().ok_or(Error::Damaged("document_number"))
    }
}
