//! What was shared has ended: what its documents say is erased here, as soon as its app lets us keep it no longer.

use hansa_documents::Erasure;
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::LinkId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Apps, admission::read};
use crate::{
    Error,
    model::manifest::Running,
    store::{self, ShareRow, calls, deeds, erase},
};

/// Looked at in one round.
const PASS_MAX: i64 = 8;
/// What runs on after its share has ended, or a partner has still to hear of, is looked at again after as long as that is, but not sooner than this, nor later.
const AGAIN: [Duration; 2] = [Duration::SECOND, Duration::DAY];

impl Apps {
    /// What we hold of it goes when the app says so.
    pub(super) async fn erase_later(&self, tx: &mut TenantTx, row: &ShareRow) -> Result<(), Error> {
        let Some(app) = store::version(tx, &row.publisher, &row.app, Some(row.version)).await? else {
            return Ok(());
        };
        let manifest = read(&app.manifest)?;
        let first = manifest.kept_by(row.given).map(|(_, kept)| row.since + kept).min();
        if first.is_some() {
            erase::put(tx, row.id, first).await?;
            tx.set_timer().await?;
        }
        Ok(())
    }

    /// One pass over what was shared and has ended: when there is something to erase next.
    pub(super) async fn erase_due(&self, errand: &Errand) -> Result<Option<OffsetDateTime>, Error> {
        let mut tx = self.tenancy.begin("apps.erasable", errand).await?;
        let due = erase::due(&mut tx, self.now(), PASS_MAX).await?;
        drop(tx);
        for id in due {
            self.erase_of(errand, id).await?;
        }
        let mut tx = self.tenancy.begin("apps.erasable", errand).await?;
        erase::next(&mut tx).await
    }

    async fn erase_of(&self, errand: &Errand, id: Uuid) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("apps.erasable", errand).await?;
        let row = store::share(&mut tx, id).await?.ok_or(Error::NotFound("share"))?;
        let app = store::version(&mut tx, &row.publisher, &row.app, Some(row.version)).await?;
        let manifest = read(&app.ok_or(Error::Damaged("app_share"))?.manifest)?;
        let shares = store::shares_of(&mut tx, &row.kind).await?;
        drop(tx);
        let in_use = shares.iter().filter(|share| share.state == "accepted");
        let in_use: Vec<_> = in_use.map(|share| LinkId(share.link_id)).collect();
        let (now, mut next) = (self.now(), None::<OffsetDateTime>);
        // It may be shared again since.
        let ended = manifest.kept_by(row.given).filter(|_| row.state == "ended");
        for (role, kept) in ended {
            if row.since + kept > now {
                next = next.into_iter().chain([row.since + kept]).min();
                continue;
            }
            let which = Erasure {
                kind: &row.kind,
                role,
                link: LinkId(row.link_id),
                in_use: &in_use,
                before: now - kept,
                unfinished: manifest.running == Running::Stop,
            };
            let (found, left) = self.documents.erasable(errand, &which).await?;
            let mut tx = self.tenancy.begin("apps.erase", errand).await?;
            deeds::forget(&mut tx, &found).await?;
            calls::forget_of(&mut tx, &found).await?;
            tx.commit().await?;
            let erased = self.documents.erase(errand, &found).await?;
            if left {
                let at = match erased {
                    0 => now + (now - row.since - kept).clamp(AGAIN[0], AGAIN[1]),
                    _ => now,
                };
                next = next.into_iter().chain([at]).min();
            }
        }
        let mut tx = self.tenancy.begin("apps.erased", errand).await?;
        erase::put(&mut tx, id, next).await?;
        Ok(tx.commit().await?)
    }
}
