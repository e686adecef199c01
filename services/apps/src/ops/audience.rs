//! An app is shared with a network or group: whoever is in it, or comes into it, is offered the app.

use hansa_directory::{Session, audit};
use hansa_tenancy::Errand;
use hansa_vocab::LinkId;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Apps,
    share::{Range, noted},
};
use crate::{
    Error,
    store::{
        self,
        audience::{self, AudienceRow},
    },
};

/// Shares of one pass.
const PASS_MAX: usize = 500;
const PAGE: i64 = 100;
/// Networks and groups that are listed.
const LISTED_MAX: i64 = 1_000;
/// Whoever can't be reached just now is offered it again after this time.
const AGAIN: Duration = Duration::HOUR;
/// Characters of what is said to all of a group.
const NOTE_MAX: usize = 300;
const ACTOR: &str = "apps.audience";

impl Apps {
    /// Shares an app of ours with a network or group; those in it are offered it after that, one by one.
    pub(crate) async fn share_with(
        &self,
        session: &Session,
        (app, group): (&str, &str),
        range: Range,
    ) -> Result<AudienceRow, Error> {
        let mut tx = self.tenancy.begin("apps.share_with", session).await?;
        let us = self.us(&mut tx).await?;
        self.offered(&mut tx, &us, app, range).await?;
        if !self.links.has_group(&mut tx, group).await? {
            return Err(Error::Invalid {
                field: "group",
                text: format!("no link stands in {group}: see hansa link group"),
            });
        }
        audience::put(&mut tx, (app, group), (range.min, range.max), self.now()).await?;
        self.note(&mut tx, session, "app.share", &format!("app/{app}/{group}"))
            .await?;
        let all = audience::all(&mut tx, app, LISTED_MAX).await?;
        tx.due_now().await?;
        tx.commit().await?;
        let shown = all.into_iter().find(|row| row.name == group);
        shown.ok_or(Error::Damaged("app_audience"))
    }

    /// Networks and groups with which an app of ours is shared, or all apps.
    pub(crate) async fn audiences(&self, session: &Session, app: &str) -> Result<Vec<AudienceRow>, Error> {
        let mut tx = self.tenancy.begin("apps.audiences", session).await?;
        audience::all(&mut tx, app, LISTED_MAX).await
    }

    /// Shares an app with a network or group no more; what is shared with those in it ends, or stays.
    pub(crate) async fn remove_audience(
        &self,
        session: &Session,
        (app, group): (&str, &str),
        (end_shares, note): (bool, &str),
    ) -> Result<(), Error> {
        noted(note, NOTE_MAX)?;
        let mut tx = self.tenancy.begin("apps.remove_audience", session).await?;
        let done = match end_shares {
            true => audience::end(&mut tx, (app, group), note).await?,
            false => audience::remove(&mut tx, (app, group)).await?,
        };
        if !done {
            return Err(Error::NotFound("audience"));
        }
        self.note(&mut tx, session, "app.share", &format!("app/{app}/{group}"))
            .await?;
        tx.due_now().await?;
        Ok(tx.commit().await?)
    }

    /// One pass over what is shared with networks and groups: when the next one is needed.
    pub(super) async fn spread(&self, errand: &Errand) -> Result<Option<OffsetDateTime>, Error> {
        let mut left = PASS_MAX;
        self.end_all(errand, &mut left).await?;
        let (mut after, mut unreached) = ((String::new(), Uuid::nil()), false);
        while left > 0 {
            let mut tx = self.tenancy.begin("apps.unoffered", errand).await?;
            let rows = audience::open(&mut tx, (&after.0, after.1), PAGE).await?;
            drop(tx);
            let Some(last) = rows.last() else { break };
            after = (last.app.clone(), last.link_id);
            left = left.saturating_sub(rows.len());
            for row in rows {
                let range = Range {
                    min: row.version_min,
                    max: row.version_max,
                };
                unreached |= !self.offer_one(errand, &row.app, LinkId(row.link_id), range).await?;
            }
        }
        Ok(match (left, unreached) {
            (0, _) => Some(self.now()),
            (_, true) => Some(self.now() + AGAIN),
            (_, false) => None,
        })
    }

    /// Offers an app to one of a group; false: it can't be offered there just now.
    async fn offer_one(&self, errand: &Errand, app: &str, link: LinkId, range: Range) -> Result<bool, Error> {
        let mut tx = self.tenancy.begin("apps.share_on", errand).await?;
        match self.share_on(&mut tx, app, link, range).await {
            Ok(row) => {
                let (line, resource) = (self.tenancy.ids().uuid(), format!("share/{}", row.id));
                audit(&mut tx, line, ACTOR, "app.share", &resource, "by where it stands").await?;
                tx.commit().await?;
                Ok(true)
            }
            // One that can't be offered is no reason to leave the others without.
            Err(error @ (Error::Link(_) | Error::Guest(_) | Error::Invalid { .. } | Error::NotFound(_))) => {
                tracing::debug!(link.id = %link, %error, "an app is not offered just now");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Ends what is shared with networks and groups that are to end.
    async fn end_all(&self, errand: &Errand, left: &mut usize) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("apps.ending", errand).await?;
        let ending = audience::ending(&mut tx).await?;
        drop(tx);
        for row in ending {
            let which = (&*row.app, &*row.name);
            let mut tx = self.tenancy.begin("apps.ending", errand).await?;
            let shares = audience::shares_in(&mut tx, which, i64::try_from(*left).unwrap_or(PAGE)).await?;
            drop(tx);
            *left -= shares.len().min(*left);
            for id in shares {
                self.end_in_group(errand, id, &row.note).await?;
            }
            if *left > 0 {
                let mut tx = self.tenancy.begin("apps.ended", errand).await?;
                audience::remove(&mut tx, which).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    async fn end_in_group(&self, errand: &Errand, id: Uuid, note: &str) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("apps.end", errand).await?;
        let share = store::share(&mut tx, id).await?;
        let Some(share) = share.filter(|share| share.state != "ended") else {
            return Ok(());
        };
        self.links.rouse(errand, LinkId(share.link_id)).await?;
        self.end_one(&mut tx, share, note).await?;
        let (line, resource) = (self.tenancy.ids().uuid(), format!("share/{id}"));
        audit(&mut tx, line, ACTOR, "app.end", &resource, "with the group").await?;
        Ok(tx.commit().await?)
    }
}
