//! The audit's chain: signs what was written, within a second, and finds what was changed afterwards.

use std::{collections::BTreeSet, time::Duration};

use hansa_proto::directory::v1::Witness;
use hansa_tenancy::{Errand, TenantState, TenantTx};
use hansa_vocab::TenantId;
use prost::Message as _;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Directory;
use crate::{
    Error, Session,
    model::{self, Kept, Section, Tip},
    store::chain::{self, LineRow},
};

/// What a process has written is signed after this time at most.
const SIGN_EVERY: Duration = Duration::from_millis(500);
/// What a process wrote that ended before it could sign it is found after this time at most.
const LOOK_AT_ALL_EVERY: Duration = Duration::from_secs(60);
/// Checkpoints that are read in one transaction, and checked in one call.
const READ_AT_ONCE: i64 = 50;
const CHECKED_MAX: u64 = 1_000;
/// No call checks longer, whatever is left.
const CHECK_TIME: Duration = Duration::from_secs(5);
const FLAWS_MAX: usize = 100;
const WITNESSES_MAX: usize = 1_000;

/// Where the audit is not what was signed.
pub struct Flaw {
    pub checkpoint: u64,
    pub signed_at: Option<prost_types::Timestamp>,
    pub text: String,
}

/// What a check has found.
#[derive(Default)]
pub struct Checked {
    pub checkpoints: u64,
    pub lines: u64,
    pub unsigned: u64,
    pub flaws: Vec<Flaw>,
    /// There is more after this checkpoint.
    pub next: Option<u64>,
}

/// The newest checkpoint of the tenant, as a partner may hold it.
///
/// # Errors
///
/// What the database says.
pub async fn witness(tx: &mut TenantTx) -> Result<Option<Witness>, Error> {
    let newest = chain::newest(tx).await?;
    Ok(newest.and_then(|row| Kept::read(&row.body)).map(|kept| {
        let tip = kept.tip();
        Witness {
            number: tip.number,
            head: tip.head.to_vec().into(),
        }
    }))
}

impl Directory {
    /// Signs what this process writes into the audits of its tenants, until `shutdown`.
    pub async fn keep_chains(&self, shutdown: CancellationToken) {
        let (mut wakes, mut due) = (self.tenancy.wakes(), BTreeSet::new());
        let (mut sign, mut look) = (interval(SIGN_EVERY), interval(LOOK_AT_ALL_EVERY));
        sign.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                woken = wakes.recv() => match woken {
                    Ok(tenant) => { due.insert(tenant); }
                    Err(RecvError::Lagged(_)) => look.reset_immediately(),
                    Err(RecvError::Closed) => return,
                },
                _ = look.tick() => match self.tenancy.tenants().await {
                    Ok(all) => due.extend(all.iter().filter(|one| one.state == TenantState::Active).map(|one| one.id)),
                    Err(error) => tracing::warn!(%error, "can't see which tenants there are"),
                },
                _ = sign.tick() => for tenant in std::mem::take(&mut due) {
                    if let Err(error) = self.sign_audit(tenant).await {
                        tracing::warn!(tenant.id = %tenant, %error, "the audit could not be signed");
                        due.insert(tenant);
                    }
                },
            }
        }
    }

    /// Signs all lines that no checkpoint has signed yet; false when there are none.
    ///
    /// # Errors
    ///
    /// What the database says; the lines are signed the next time.
    pub async fn sign_audit(&self, tenant: TenantId) -> Result<bool, Error> {
        let errand = Errand::new("directory.chainer", tenant);
        let mut tx = self.tenancy.begin("directory.chain", &errand).await?;
        let last = match chain::newest(&mut tx).await? {
            Some(row) => Some(Kept::read(&row.body).ok_or(Error::Damaged("checkpoint"))?.tip()),
            None => None,
        };
        let place = chain::place(&mut tx).await?;
        let sections = self.sections(&mut tx, last.as_ref(), &place).await?;
        if sections.iter().all(|(_, section)| section.lines == 0) {
            return Ok(false);
        }
        let keys = self.vault.identity(&mut tx).await?;
        let (number, signed) = model::sign(&keys, last.as_ref(), &place, &sections, self.tenancy.clock().now());
        chain::keep(
            &mut tx,
            i64::try_from(number).unwrap_or(i64::MAX),
            &place,
            &signed.encode_to_vec(),
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// All lines between a checkpoint and a place.
    async fn sections(
        &self,
        tx: &mut TenantTx,
        last: Option<&Tip>,
        to: &str,
    ) -> Result<Vec<(&'static str, Section)>, Error> {
        let mut sections = Vec::new();
        for kind in self.audited().iter() {
            let from = Tip::begin(last, kind.name());
            sections.push((kind.name(), kind.section(tx, from, to).await?));
        }
        Ok(sections)
    }

    /// Compares what is there with what was signed, and that with what partners hold; begins after a checkpoint.
    pub(crate) async fn check_audit(
        &self,
        session: &Session,
        after: u64,
        witnesses: &[Witness],
    ) -> Result<Checked, Error> {
        if witnesses.len() > WITNESSES_MAX {
            return Err(Error::Invalid {
                field: "witnesses",
                text: "at most 1000".into(),
            });
        }
        let (begun, mut checked, mut last) = (Instant::now(), Checked::default(), None::<Tip>);
        let mut begin = i64::try_from(after).unwrap_or(i64::MAX).max(1);
        loop {
            let mut tx = self.tenancy.begin("directory.check_audit", session).await?;
            let keys = self.vault.identity(&mut tx).await?;
            let rows = chain::from(&mut tx, begin, READ_AT_ONCE).await?;
            let Some(end) = rows.last().map(|row| row.number) else {
                let place = chain::place(&mut tx).await?;
                let left = self.sections(&mut tx, last.as_ref(), &place).await?;
                checked.unsigned = left.iter().map(|(_, section)| section.lines).sum();
                break;
            };
            for row in rows {
                let number = u64::try_from(row.number).unwrap_or(0);
                let Some(kept) = Kept::read(&row.body) else {
                    checked.flaw(number, None, "it is not what was signed".to_owned());
                    continue;
                };
                if number <= after {
                    // Known from the call before; the next one follows it.
                    last = Some(kept.tip());
                    continue;
                }
                let found = self.sections(&mut tx, last.as_ref(), &row.place).await?;
                for text in kept.flaws(&keys, last.as_ref(), &row.place, &found) {
                    checked.flaw(number, kept.signed_at(), text);
                }
                checked.checkpoints += 1;
                checked.lines += found.iter().map(|(_, section)| section.lines).sum::<u64>();
                last = Some(kept.tip());
            }
            begin = end + 1;
            if checked.checkpoints >= CHECKED_MAX || checked.flaws.len() >= FLAWS_MAX || begun.elapsed() > CHECK_TIME {
                checked.next = u64::try_from(end).ok();
                break;
            }
        }
        if checked.next.is_none() {
            self.ask_witnesses(session, witnesses, &mut checked).await?;
        }
        Ok(checked)
    }

    async fn ask_witnesses(
        &self,
        session: &Session,
        witnesses: &[Witness],
        checked: &mut Checked,
    ) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("directory.ask_witnesses", session).await?;
        for witness in witnesses {
            let number = i64::try_from(witness.number).unwrap_or(i64::MAX);
            let rows = chain::from(&mut tx, number, 1).await?;
            let ours = rows.into_iter().find(|row| row.number == number);
            let head = ours.and_then(|row| Kept::read(&row.body)).map(|kept| kept.tip().head);
            if let Some(text) = model::witnessed(witness, head) {
                checked.flaw(witness.number, None, text);
            }
        }
        Ok(())
    }

    /// Who did what, newest first, before this line.
    pub(crate) async fn audit_lines(
        &self,
        session: &Session,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<LineRow>, Error> {
        let mut tx = self.tenancy.begin("directory.audit_lines", session).await?;
        chain::lines(&mut tx, before, limit).await
    }
}

impl Checked {
    fn flaw(&mut self, checkpoint: u64, signed_at: Option<prost_types::Timestamp>, text: String) {
        if self.flaws.len() < FLAWS_MAX {
            self.flaws.push(Flaw {
                checkpoint,
                signed_at,
                text,
            });
        }
    }
}
