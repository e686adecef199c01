//! What comes of acts is told to the system behind an app, until it has answered; what it answers is done.

use hansa_documents::{Came, Deed, SystemWish, forms};
use hansa_proto::apps::v1::CallRequest;
use hansa_tenancy::{Caller as _, Errand, Mark, Module, Round, TenantTx, Timed};
use hansa_vault::derived_id;
use hansa_vocab::TenantId;
use prost::Message as _;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Apps,
    backend::LEASE,
    calls::{Why, asked_well, body_hash, request},
    number,
};
use crate::{
    Error,
    model::{Manifest, call::Said},
    store::{
        self,
        calls::{self, BackendRow, CallRow},
    },
};

/// How long an answer is kept.
const KEPT: Duration = Duration::days(30);
/// Taken in one round: fewer than one system may be asked at a time, so that the next round sees which are busy.
const ROUND_MAX: i64 = 8;
/// When all places are taken, or a system is busy, it is looked at again after this time.
const BUSY: Duration = Duration::milliseconds(500);

impl Apps {
    /// Has what came of an act told to the system, as soon as this transaction has committed.
    pub(super) async fn told(&self, tx: &mut TenantTx, deed: Deed<'_>) -> Result<(), Error> {
        let us = self.us(tx).await?;
        let row = store::version_of_kind(tx, &deed.kind.name, number(deed.kind.version)).await?;
        let row = row.filter(|row| row.publisher == us).ok_or(Error::NotFound("app"))?;
        let Came { id, name, .. } = *deed.act;
        let mut input = deed.with.clone();
        let operation = input
            .remove("operation")
            .and_then(|name| name.as_str().map(str::to_owned));
        let input = serde_json::to_string(&input).unwrap_or_default();
        let (enterprise, enterprise_name, _) = deed.party;
        let asked = CallRequest {
            enterprise: enterprise.to_owned(),
            enterprise_name: enterprise_name.to_owned(),
            actor: deed.act.actor.to_owned(),
            actor_role: deed.act.actor_role.to_owned(),
            document_id: deed.document.to_string(),
            document_number: deed.number.to_owned(),
            document_version: deed.act.version.unsigned_abs(),
            act: name.to_owned(),
            ..request(id, &row.app, row.version, &operation.unwrap_or_default(), &input)
        };
        let now = self.now();
        let mut row = Self::row(&asked, (body_hash(&asked.app, &asked.operation, &input), now))?;
        row.due_at = Some(now);
        calls::ask(&*self.vault.seal(tx).await?, tx, &row).await?;
        Ok(tx.due_now().await?)
    }

    /// One pass over one tenant: when something is to be asked next. Several processes may; each takes what no other has.
    async fn pass(&self, tenant: TenantId) -> Result<Option<OffsetDateTime>, Error> {
        let errand = Errand::new("apps.caller", tenant);
        let now = self.now();
        let mut tx = self.tenancy.begin("apps.take", &errand).await?;
        calls::forget(&mut tx, now - KEPT).await?;
        // One that hangs takes no more places than it may, and none from the others.
        let busy = self.busy(tenant);
        let free = i64::try_from(self.places.free(tenant)).unwrap_or(0);
        let due = calls::take_due(
            &*self.vault.seal(&mut tx).await?,
            &mut tx,
            (now, now + LEASE),
            &busy,
            free.min(ROUND_MAX),
        )
        .await?;
        let mut all = Vec::new();
        for row in due {
            let backend = calls::backend(&mut tx, &row.app).await?;
            all.extend(backend.map(|backend| (backend, row)));
        }
        tx.commit().await?;
        for (backend, row) in all {
            let (apps, place) = (self.clone(), self.places.take(tenant));
            tokio::spawn(async move {
                let done = apps.attempt(&errand, &backend, row).await;
                drop(place);
                if let Err(error) = done {
                    tracing::warn!(tenant.id = %tenant, %error, "what a system was asked could not be written down: it is asked again");
                }
            });
        }
        let busy = self.busy(tenant);
        let (spread, erased) = (self.spread(&errand).await?, self.erase_due(&errand).await?);
        let mut tx = self.tenancy.begin("apps.next_due", &errand).await?;
        let next = calls::next_due(&mut tx, &busy).await?;
        let full = !busy.is_empty() || self.places.free(tenant) == 0;
        let next = match full {
            true => Some(next.map_or(now + BUSY, |next| next.max(now + BUSY))),
            false => next,
        };
        Ok(next.into_iter().chain(spread).chain(erased).min())
    }

    /// Apps of ours whose systems are asked no more just now.
    fn busy(&self, tenant: TenantId) -> Vec<String> {
        let busy = self.switch.busy(self.now()).into_iter();
        busy.filter(|(of, _)| *of == tenant).map(|(_, app)| app).collect()
    }

    /// Asks once for what came of an act, and does what is answered.
    async fn attempt(&self, errand: &Errand, backend: &BackendRow, mut row: CallRow) -> Result<(), Error> {
        let asked = CallRequest::decode(row.request.as_slice()).map_err(|_| Error::Damaged("app_call"))?;
        let operation = {
            let mut tx = self.tenancy.begin("apps.operation", errand).await?;
            let us = self.us(&mut tx).await?;
            let version = store::version(&mut tx, &us, &asked.app, Some(number(asked.version))).await?;
            let manifest = version.map(|row| serde_json::from_str::<Manifest>(&row.manifest));
            let manifest = manifest.and_then(Result::ok).ok_or(Error::Damaged("app_version"))?;
            manifest
                .operation(&asked.operation)
                .cloned()
                .ok_or(Error::Damaged("app_version"))?
        };
        let heard = match asked_well(&operation, &asked.input) {
            Ok(()) => self.heard_from(errand.tenant(), backend, &operation, &asked).await,
            // It will be no better another time.
            Err(error) => Ok(Said::Refused(error.to_string())),
        };
        let mut tx = self.tenancy.begin("apps.attempted", errand).await?;
        row.due_at = None;
        match heard {
            Ok(Said::Done(output)) => (row.state, row.output) = ("done".to_owned(), output),
            Ok(Said::Refused(why)) => (row.state, row.refused) = ("refused".to_owned(), why),
            Ok(Said::Acts(act, said)) => {
                let actor = format!("app/{}", row.app);
                let wish = SystemWish {
                    document: row.document_id.ok_or(Error::Damaged("app_call"))?,
                    id: derived(row.id),
                    act: &act,
                    contents: forms(&said),
                    actor: &actor,
                };
                tx.savepoint(Mark::Act).await?;
                row.state = "done".to_owned();
                if let Err(error) = self.documents.act_by_system(&mut tx, wish).await {
                    if !error.is_for_good() {
                        return Err(error.into());
                    }
                    tx.undo_to(Mark::Act).await?;
                    row.trouble = format!("{act} has no effect: {error}");
                }
            }
            Err(Why::Busy(_)) => row.due_at = Some(self.now() + LEASE),
            Err(Why::Trouble(text)) => {
                row.trouble = text;
                let attempts = usize::try_from(row.attempts).unwrap_or(usize::MAX);
                match hansa_egress::wait(attempts) {
                    Some(wait) => row.due_at = Some(self.now() + wait),
                    None => row.state = "failed".to_owned(),
                }
            }
        }
        calls::heard(&*self.vault.seal(&mut tx).await?, &mut tx, &row).await?;
        if row.due_at.is_some() {
            tx.set_timer().await?;
        }
        Ok(tx.commit().await?)
    }
}

/// The id of the act that answers one.
fn derived(act: Uuid) -> Uuid {
    derived_id(&[b"hansa/app-answer\0", act.as_bytes()])
}

impl Timed for Apps {
    fn module(&self) -> Module {
        Module::Apps
    }

    fn round(&self, tenant: TenantId) -> Round<'_> {
        Box::pin(async move { Ok(self.pass(tenant).await?) })
    }
}
