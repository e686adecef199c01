//! The transaction of one tenant, and who may open it.

use std::time::{Duration, Instant};

use hansa_vocab::TenantId;
use sqlx::{Executor as _, PgConnection};
use tracing::{Span, info_span};

use crate::{Error, Tenancy, lane::Borrowed, prelude};

/// A transaction older than this does not commit.
pub const TX_DEADLINE: Duration = Duration::from_secs(20);

/// Whoever may act in a tenant: a `Permit`, a `Session` or an [`Errand`], and nobody else (`tests/tidy.rs` sees to it).
pub trait Caller: Send + Sync {
    /// In whose name.
    fn tenant(&self) -> TenantId;
}

/// A named job of the node itself for one tenant: the courier, a sweeper, the gate's own look-ups.
#[derive(Clone, Copy, Debug)]
pub struct Errand {
    name: &'static str,
    tenant: TenantId,
}

impl Errand {
    /// The job of this name; `tests/tidy.rs` lists the files that may make one.
    #[must_use]
    pub fn new(name: &'static str, tenant: TenantId) -> Self {
        Self { name, tenant }
    }

    /// What the job is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Caller for Errand {
    fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// What is undone alone when it can't be. One mark lies inside those before it, and never inside itself: what undoes a message undoes the
/// acts in it too, wherever those have marked a place since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// What a partner's message does.
    Message,
    /// An act on a document.
    Act,
    /// What comes of an act.
    Effect,
    /// An act that answers what came of one.
    Answer,
    /// An act of ours that nobody has to look at.
    Fitting,
}

impl Mark {
    /// Marks it, and goes back to it.
    fn statements(self) -> (&'static str, &'static str) {
        match self {
            Self::Message => ("savepoint message", "rollback to savepoint message"),
            Self::Act => ("savepoint act", "rollback to savepoint act"),
            Self::Effect => ("savepoint effect", "rollback to savepoint effect"),
            Self::Answer => ("savepoint answer", "rollback to savepoint answer"),
            Self::Fitting => ("savepoint fitting", "rollback to savepoint fitting"),
        }
    }
}

/// An open transaction as one tenant's role in that tenant's schema. Dropped without [`TenantTx::commit`], it is undone.
#[derive(Debug)]
pub struct TenantTx {
    inner: Borrowed,
    tenant: TenantId,
    name: &'static str,
    opened: Instant,
    tenancy: Tenancy,
    wake: bool,
    due_now: bool,
    _span: Span,
}

impl TenantTx {
    pub(crate) fn new(inner: Borrowed, tenant: TenantId, name: &'static str, tenancy: Tenancy) -> Self {
        Self {
            inner,
            tenant,
            name,
            opened: Instant::now(),
            tenancy,
            wake: false,
            due_now: false,
            _span: if Span::current().is_none() {
                // The node's own rounds are no part of anybody's trace.
                Span::none()
            } else {
                info_span!("tx", tx.name = name, tenant.id = %tenant)
            },
        }
    }

    /// The connection, for checked statements in a `store.rs`.
    pub fn conn(&mut self) -> &mut PgConnection {
        self.inner.connection()
    }

    /// Marks a place to come back to.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn savepoint(&mut self, mark: Mark) -> Result<(), Error> {
        self.conn().execute(mark.statements().0).await?;
        Ok(())
    }

    /// Its commit waits for no disk: a crash may undo it, though never behind a commit that came after it.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn relax(&mut self) -> Result<(), Error> {
        self.conn().execute(prelude::RELAX).await?;
        Ok(())
    }

    /// For work on many rows: a plan that was made, and kept, when a table was small reads all of it when it is large.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn plan_anew(&mut self) -> Result<(), Error> {
        self.conn().execute(prelude::PLAN_ANEW).await?;
        Ok(())
    }

    /// Undoes what was done since the last [`TenantTx::savepoint`] of this mark, also after a statement that failed.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn undo_to(&mut self, mark: Mark) -> Result<(), Error> {
        self.conn().execute(mark.statements().1).await?;
        Ok(())
    }

    /// Whose rows these are.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// After the commit, wakes whoever waits for this tenant's changes in this process.
    pub fn wake(&mut self) {
        self.wake = true;
    }

    /// It writes a row that is due now: somebody looks as soon as it has committed, also after a crash.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn due_now(&mut self) -> Result<(), Error> {
        self.set_timer().await?;
        self.due_now = true;
        Ok(())
    }

    /// It writes a row that is due later: somebody looks then, half a second late at most, also after a crash.
    ///
    /// # Errors
    ///
    /// What the database says.
    pub async fn set_timer(&mut self) -> Result<(), Error> {
        let tenancy = self.tenancy.clone();
        tenancy.timers().rouse(tenancy.control(), self.tenant).await
    }

    /// Makes it so.
    ///
    /// When the caller is dropped meanwhile, the outcome is unknown to it, but the connection is not harmed.
    ///
    /// # Errors
    ///
    /// [`Error::TooLate`] when the transaction is older than [`TX_DEADLINE`]; otherwise what the database says.
    pub async fn commit(self) -> Result<(), Error> {
        let Self {
            inner,
            tenant,
            name,
            opened,
            tenancy,
            wake,
            due_now,
            _span,
        } = self;
        if opened.elapsed() > TX_DEADLINE {
            tracing::warn!(tx.name = name, "a transaction passed its deadline");
            return Err(Error::TooLate);
        }
        inner.commit().await?;
        if wake {
            tenancy.woken(tenant);
        }
        if due_now {
            tenancy.timers().committed(tenant);
        }
        Ok(())
    }
}
