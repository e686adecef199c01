//! What becomes of running documents of ours when what is shared of their kind has changed: they go on as the next version, or are handed
//! back.

use hansa_directory::audit;
use hansa_proto::documents::v1::{Act, ActSent};
use hansa_tenancy::{Mark, TenantTx};
use hansa_vault::derived_id;
use hansa_vocab::LinkId;

use super::{Documents, Known, due::never};
use crate::{
    Error,
    admission::Fate,
    model::{Kind, upgrade::UPGRADE},
    store::{self, DocumentRow},
};

/// Whoever does what nobody has asked for.
pub(super) const WATCHER: &str = "documents.watcher";

/// What has come of looking at a document again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// It goes on as it is.
    Unchanged,
    /// It has another version now.
    Changed,
    /// It should have, and can't just now.
    Later,
}

impl Documents {
    /// Has all running documents of ours of a kind looked at again: those with this partner, or those that are ours alone.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn look_again(&self, tx: &mut TenantTx, kind: &str, link: Option<LinkId>) -> Result<(), Error> {
        let newest = self.kind(tx, kind, None).await?;
        let now = self.tenancy.clock().now();
        let mut woken = 0;
        for version in 1..=i32::try_from(newest.version).unwrap_or(i32::MAX) {
            let of_it = match self.kind(tx, kind, Some(version)).await {
                // A version that was never offered to us.
                Err(Error::NotFound(_)) => continue,
                kind => kind?,
            };
            let ended = of_it.states.iter().filter(|(_, state)| state.end);
            let ends: Vec<_> = ended.map(|(name, _)| name.clone()).collect();
            woken += store::look_again(tx, (kind, version, &ends), link.map(|link| link.0), now).await?;
        }
        if woken > 0 {
            tx.set_timer().await?;
        }
        Ok(())
    }

    /// Looks whether a document of ours, whose lock we hold, is handed back or goes on as the next version of its kind.
    pub(super) async fn looked_at(&self, tx: &mut TenantTx, known: &Known) -> Result<Looked, Error> {
        let state = known.kind.states.get(&known.row.state);
        let running = known.row.issuer && known.row.version > 0 && state.is_some_and(|state| !state.end);
        let Some(admission) = self.answers_for(&known.kind).filter(|_| running) else {
            return Ok(Looked::Unchanged);
        };
        let links: Vec<_> = known.linked().map(|(_, link)| link).collect();
        match admission.fate(tx, &known.kind, &links).await? {
            Fate::GoesOn => Ok(Looked::Unchanged),
            Fate::HandedBack { act } => self.handed_back(tx, known, &act).await,
            Fate::Upgrades => {
                let next = self.kind(tx, &known.row.kind, Some(known.row.kind_version + 1)).await?;
                let Some(to) = next.takes_over(&known.kind, &known.row.state) else {
                    return Ok(Looked::Unchanged);
                };
                tx.savepoint(Mark::Act).await?;
                match self.goes_over(tx, known, (&next, to)).await {
                    Ok(()) => Ok(Looked::Changed),
                    Err(error) if error.is_for_good() || matches!(error, Error::Now(_)) => {
                        tx.undo_to(Mark::Act).await?;
                        self.not_done(tx, &known.row, (UPGRADE, "document.upgrade"), &error)
                            .await?;
                        Ok(if never(&error) {
                            Looked::Unchanged
                        } else {
                            Looked::Later
                        })
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// What nobody can do any more, and what waits for an approval, stays as it is.
    async fn handed_back(&self, tx: &mut TenantTx, known: &Known, act: &str) -> Result<Looked, Error> {
        if !self.by_itself(tx, &known.row, act, "document.hand_back").await? {
            return Ok(Looked::Later);
        }
        let row = store::lock(tx, known.row.id).await?.ok_or(Error::Damaged("document"))?;
        Ok(match row.version > known.row.version {
            true => Looked::Changed,
            false => Looked::Unchanged,
        })
    }

    /// Makes the version of a document with which it is one of the next version of its kind.
    async fn goes_over(
        &self,
        tx: &mut TenantTx,
        known: &Known,
        (next, to): (&std::sync::Arc<Kind>, &str),
    ) -> Result<(), Error> {
        self.others_hear(tx, known).await?;
        let row = DocumentRow {
            kind_version: known.row.kind_version + 1,
            ..known.row.clone()
        };
        let version = row.version.to_be_bytes();
        let act = Act {
            document_id: row.id.to_string(),
            id: derived_id(&[b"hansa/document-upgrade\0", row.id.as_bytes(), &version]).to_string(),
            name: UPGRADE.to_owned(),
            role: next.issuer().to_owned(),
            base: row.version(),
            ..Act::default()
        };
        let over = Known {
            row,
            kind: next.clone(),
            parties: known.parties.clone(),
            newest: known.newest.clone(),
            contents: known.contents.clone(),
        };
        let following = self
            .count(tx, &over, (&act, &ActSent::default()), Vec::new(), to)
            .await?;
        let now = self.locked(tx, over.row.id).await?;
        self.bring(tx, (&now.row, &now.kind), WATCHER, true).await?;
        self.follow(tx, over.row.id, following).await?;
        let (line, resource) = (self.tenancy.ids().uuid(), format!("document/{}", over.row.id));
        let said = format!("as version {} of {}", next.version, next.name);
        Ok(audit(tx, line, WATCHER, "document.upgrade", &resource, &said).await?)
    }

    /// Writes down that something did not come by itself, and why.
    pub(super) async fn not_done(
        &self,
        tx: &mut TenantTx,
        row: &DocumentRow,
        (act, action): (&str, &str),
        error: &Error,
    ) -> Result<(), Error> {
        let (line, resource) = (self.tenancy.ids().uuid(), format!("document/{}", row.id));
        let said = format!("{act} not done: {error}");
        Ok(audit(tx, line, WATCHER, action, &resource, &said).await?)
    }
}
