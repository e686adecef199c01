//! How an app comes to a partner: offered, accepted whole or in part, ended by either side.

use std::collections::{BTreeMap, BTreeSet};

use hansa_directory::{Session, is_path};
use hansa_documents::Kind;
use hansa_proto::apps::v1 as wire;
use hansa_tenancy::TenantTx;
use hansa_vocab::{Fault, LinkId, Role};
use uuid::Uuid;

use super::{Apps, admission::read, number, words};
use crate::{
    Error,
    events::{ANSWER, ENDED, OFFER},
    model::{Manifest, Scope},
    store::{self, Filter, ShareRow, VersionRow},
};

/// Characters that go along with an answer, or an end.
pub(super) const NOTE_MAX: usize = 400;

/// Characters of all units and stores of a share.
const UNITS_MAX: usize = 400;

/// A share with what is shown beside it.
#[derive(Debug)]
pub(crate) struct Shown {
    pub row: ShareRow,
    pub partner: String,
    pub parties: BTreeMap<String, String>,
}

/// From which and up to which version an app is shared; 0 = any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub min: i32,
    pub max: i32,
}

/// What an admin of ours says to an offer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub accept: bool,
    pub scopes: Vec<String>,
    pub roles: Vec<String>,
    pub units: Vec<String>,
    pub starts_per_day: u32,
    pub note: String,
}

pub(super) fn noted(note: &str, most: usize) -> Result<(), Error> {
    if note.chars().count() > most || note.chars().any(char::is_control) {
        return Err(Error::Invalid {
            field: "note",
            text: format!("at most {most} characters, without control characters"),
        });
    }
    Ok(())
}

fn each<T: Ord + ToString>(all: &BTreeSet<T>) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The scopes that are given: what is asked for, and all that the app can't do without.
fn given(manifest: &Manifest, scopes: &[String]) -> Result<String, Error> {
    let mut given = BTreeSet::new();
    for word in scopes {
        let asked = Scope::read(word).filter(|scope| manifest.asks().contains(scope));
        let scope = asked.ok_or_else(|| Error::Invalid {
            field: "scopes",
            text: format!("the app does not ask for {word}"),
        })?;
        given.insert(scope.as_str());
    }
    match manifest.needs().iter().find(|scope| !given.contains(scope.as_str())) {
        Some(missing) => Err(Error::Needs(missing.as_str().to_owned())),
        None => Ok(each(&given)),
    }
}

fn users(roles: &[String]) -> Result<String, Error> {
    let bad = |text: String| Error::Invalid { field: "roles", text };
    let read = |role: &String| role.parse::<Role>().map_err(|wrong| bad(wrong.to_string()));
    let roles = roles.iter().map(read).collect::<Result<BTreeSet<_>, _>>()?;
    if roles.is_empty() {
        return Err(bad("say who of ours may use it, for example store".to_owned()));
    }
    Ok(each(&roles))
}

fn places(units: &[String]) -> Result<String, Error> {
    let all = units.join(" ");
    if all.len() > UNITS_MAX || !units.iter().all(|unit| is_path(unit)) {
        return Err(Error::Invalid {
            field: "units",
            text: format!(
                "units such as north, or stores in one such as north/store-12; {UNITS_MAX} characters at most"
            ),
        });
    }
    Ok(all)
}

impl Apps {
    /// Tells a partner of a version of an app of ours.
    pub(super) async fn offer(
        &self,
        tx: &mut TenantTx,
        mut row: ShareRow,
        app: &VersionRow,
    ) -> Result<ShareRow, Error> {
        row.offered_version = row.offered_version.max(app.version);
        row.told += 1;
        let offer = wire::Offer {
            share_id: row.id.to_string(),
            round: row.round.unsigned_abs(),
            manifest: Some(self.signed(tx, app).await?),
            version_min: row.version_min.unsigned_abs(),
        };
        self.tell(tx, &row, (OFFER, &offer)).await?;
        Ok(row)
    }

    /// Writes a share down as it is now, and tells the other side.
    pub(super) async fn tell(
        &self,
        tx: &mut TenantTx,
        row: &ShareRow,
        (kind, message): (&str, &impl prost::Message),
    ) -> Result<(), Error> {
        if !store::put_share(tx, row).await? {
            return Err(Error::Damaged("app_share"));
        }
        let key = format!("app/{}", row.id);
        self.links
            .post(tx, LinkId(row.link_id), (&key, row.told), (kind, message))
            .await?;
        tx.wake();
        Ok(())
    }

    /// Offers an app of ours on these links; those that can't be reached are named with the reason.
    pub(crate) async fn share(
        &self,
        session: &Session,
        app: &str,
        links: &[LinkId],
        range: Range,
    ) -> Result<(Vec<Shown>, BTreeMap<String, String>), Error> {
        let (mut shared, mut refused) = (Vec::new(), BTreeMap::new());
        for link in links {
            match self.share_one(session, app, *link, range).await {
                Ok(share) => shared.push(share),
                Err(error @ (Error::Link(_) | Error::Guest(_))) => {
                    refused.insert(link.to_string(), Fault::from(error).text.into_owned());
                }
                Err(error) => return Err(error),
            }
        }
        Ok((shared, refused))
    }

    async fn share_one(&self, session: &Session, app: &str, link: LinkId, range: Range) -> Result<Shown, Error> {
        let mut tx = self.tenancy.begin("apps.share", session).await?;
        let row = self.share_on(&mut tx, app, link, range).await?;
        self.note(&mut tx, session, "app.share", &format!("share/{}", row.id))
            .await?;
        let shown = self.shown(&mut tx, vec![row]).await?.pop();
        tx.commit().await?;
        shown.ok_or(Error::Damaged("app_share"))
    }

    /// The version of an app of ours that is offered within these.
    pub(super) async fn offered(
        &self,
        tx: &mut TenantTx,
        us: &str,
        app: &str,
        range: Range,
    ) -> Result<VersionRow, Error> {
        let newest = store::version(tx, us, app, None).await?.ok_or(Error::NotFound("app"))?;
        if range.min > newest.version || (range.max > 0 && range.min > range.max) {
            return Err(Error::Invalid {
                field: "version_min",
                text: format!(
                    "at most version_max, and {}, which is the newest version",
                    newest.version
                ),
            });
        }
        if range.max == 0 || range.max >= newest.version {
            return Ok(newest);
        }
        let older = store::version(tx, us, app, Some(range.max)).await?;
        older.ok_or(Error::NotFound("app"))
    }

    /// Offers an app of ours on a link, unless it is offered there already.
    pub(super) async fn share_on(
        &self,
        tx: &mut TenantTx,
        app: &str,
        link: LinkId,
        range: Range,
    ) -> Result<ShareRow, Error> {
        let us = self.us(tx).await?;
        let wanted = self.offered(tx, &us, app, range).await?;
        self.links.make_way(tx, link).await?;
        let other = self.links.other_end(tx, link).await?;
        if other.hosted {
            return Err(Error::Guest(other.keys.name));
        }
        let known = store::share_on(tx, link.0, &us, app).await?;
        let mut row = known.unwrap_or_else(|| ShareRow {
            id: self.tenancy.ids().uuid(),
            link_id: link.0,
            publisher: us,
            app: app.to_owned(),
            kind: wanted.kind.clone(),
            given: true,
            state: "new".to_owned(),
            round: 0,
            version_min: range.min,
            version_max: 0,
            offered_version: 0,
            version: 0,
            scopes: String::new(),
            roles: String::new(),
            units: String::new(),
            starts_per_day: 0,
            note: String::new(),
            since: self.now(),
            told: 0,
        });
        row.version_max = range.max;
        let told = row.version_min == range.min && row.offered_version >= wanted.version;
        row.version_min = range.min;
        match row.state.as_str() {
            "offered" | "accepted" if told => {
                store::put_share(tx, &row).await?;
                Ok(row)
            }
            "offered" | "accepted" => self.offer(tx, row, &wanted).await,
            _ => {
                row.round += 1;
                (row.state, row.since) = ("offered".to_owned(), self.now());
                (row.version, row.scopes, row.note) = (0, String::new(), String::new());
                // What still runs from before goes on version by version, and needs them all there.
                let before = if row.round > 1 {
                    self.leading_to(tx, &wanted).await?
                } else {
                    Vec::new()
                };
                for version in before {
                    row = self.offer(tx, row, &version).await?;
                }
                self.offer(tx, row, &wanted).await
            }
        }
    }

    /// Earlier versions of an app from which documents go on until they are of this one, the oldest first.
    async fn leading_to(&self, tx: &mut TenantTx, app: &VersionRow) -> Result<Vec<VersionRow>, Error> {
        let (mut all, mut upgrades) = (Vec::new(), read(&app.manifest)?.upgrade.is_some());
        let mut number = app.version;
        while upgrades && number > 1 {
            number -= 1;
            let row = store::version(tx, &app.publisher, &app.app, Some(number)).await?;
            let row = row.ok_or(Error::Damaged("app_version"))?;
            upgrades = read(&row.manifest)?.upgrade.is_some();
            all.push(row);
        }
        all.reverse();
        Ok(all)
    }

    /// Accepts what a partner offers, or declines it.
    pub(crate) async fn answer(&self, session: &Session, id: Uuid, answered: Answered) -> Result<Shown, Error> {
        noted(&answered.note, NOTE_MAX)?;
        let mut tx = self.tenancy.begin("apps.answer", session).await?;
        let row = store::share(&mut tx, id).await?.filter(|row| !row.given);
        let mut row = row.ok_or(Error::NotFound("share"))?;
        if row.state == "ended" || (row.state == "accepted" && !answered.accept) {
            return Err(Error::NotOpen(row.state));
        }
        self.links.make_way(&mut tx, LinkId(row.link_id)).await?;
        if answered.accept {
            let of = (row.publisher.as_str(), row.app.as_str());
            self.reviews.open(of, row.offered_version).await?;
            let offered = store::version(&mut tx, &row.publisher, &row.app, Some(row.offered_version)).await?;
            let offered = offered.ok_or(Error::Damaged("app_share"))?;
            let manifest = read(&offered.manifest)?;
            row.scopes = given(&manifest, &answered.scopes)?;
            row.roles = users(&answered.roles)?;
            row.units = places(&answered.units)?;
            row.starts_per_day = number(answered.starts_per_day);
            self.install(&mut tx, &mut row, &manifest).await?;
        }
        let state = if answered.accept { "accepted" } else { "declined" };
        if row.state != state {
            (row.state, row.since) = (state.to_owned(), self.now());
        }
        row.note = answered.note;
        self.tell_answer(&mut tx, &mut row).await?;
        self.note(&mut tx, session, "app.accept", &format!("share/{id}"))
            .await?;
        let shown = self.shown(&mut tx, vec![row]).await?.pop();
        tx.commit().await?;
        shown.ok_or(Error::Damaged("app_share"))
    }

    /// The offered version is in use from now on.
    pub(super) async fn install(
        &self,
        tx: &mut TenantTx,
        row: &mut ShareRow,
        manifest: &Manifest,
    ) -> Result<(), Error> {
        if manifest.has_flow() {
            // Those between as well: documents go on version by version.
            for number in row.version + 1..row.offered_version {
                let between = store::version(tx, &row.publisher, &row.app, Some(number)).await?;
                if let Some(between) = between {
                    self.take_kind(tx, &read(&between.manifest)?, &row.publisher).await?;
                }
            }
            self.take_kind(tx, manifest, &row.publisher).await?;
        }
        row.version = row.offered_version;
        Ok(())
    }

    async fn take_kind(&self, tx: &mut TenantTx, manifest: &Manifest, publisher: &str) -> Result<(), Error> {
        if !manifest.has_flow() {
            return Ok(());
        }
        let kind = Kind::read(&manifest.kind(publisher).definition());
        let kind = kind.map_err(|_| Error::Damaged("app_version"))?;
        Ok(self.documents.take_kind(tx, &kind).await?)
    }

    /// Tells the publisher how its offer stands here.
    pub(super) async fn tell_answer(&self, tx: &mut TenantTx, row: &mut ShareRow) -> Result<(), Error> {
        row.told += 1;
        let answer = wire::Answer {
            share_id: row.id.to_string(),
            round: row.round.unsigned_abs(),
            accepted: row.state == "accepted",
            version: row.version.unsigned_abs(),
            scopes: words(&row.scopes).map(str::to_owned).collect(),
            note: row.note.clone(),
        };
        self.tell(tx, row, (ANSWER, &answer)).await
    }

    /// Ends a share, in either direction.
    pub(crate) async fn end(&self, session: &Session, id: Uuid, note: &str) -> Result<Shown, Error> {
        noted(note, NOTE_MAX)?;
        let mut tx = self.tenancy.begin("apps.end", session).await?;
        let mut row = store::share(&mut tx, id).await?.ok_or(Error::NotFound("share"))?;
        if row.state != "ended" {
            // It ends here whether the partner can hear of it just now or not.
            self.links.rouse(session, LinkId(row.link_id)).await?;
            row = self.end_one(&mut tx, row, note).await?;
            self.note(&mut tx, session, "app.end", &format!("share/{id}")).await?;
        }
        let shown = self.shown(&mut tx, vec![row]).await?.pop();
        tx.commit().await?;
        shown.ok_or(Error::Damaged("app_share"))
    }

    /// Ends a share, and tells the partner.
    pub(super) async fn end_one(&self, tx: &mut TenantTx, mut row: ShareRow, note: &str) -> Result<ShareRow, Error> {
        (row.state, row.since) = ("ended".to_owned(), self.now());
        note.clone_into(&mut row.note);
        row.told += 1;
        let ended = wire::Ended {
            share_id: row.id.to_string(),
            round: row.round.unsigned_abs(),
            note: note.to_owned(),
        };
        self.tell(tx, &row, (ENDED, &ended)).await?;
        self.erase_later(tx, &row).await?;
        self.look_again(tx, &row).await?;
        Ok(row)
    }

    /// What runs of what we share with a partner is looked at again: it is handed back, or goes on as a later version.
    pub(super) async fn look_again(&self, tx: &mut TenantTx, row: &ShareRow) -> Result<(), Error> {
        let flow = row.version > 0
            && match store::version(tx, &row.publisher, &row.app, Some(row.version)).await? {
                Some(app) => read(&app.manifest)?.has_flow(),
                None => false,
            };
        if row.given && flow {
            self.documents
                .look_again(tx, &row.kind, Some(LinkId(row.link_id)))
                .await?;
        }
        Ok(())
    }

    /// Says who takes the other roles in what a partner begins.
    pub(crate) async fn assign(
        &self,
        session: &Session,
        id: Uuid,
        parties: &BTreeMap<String, LinkId>,
    ) -> Result<Shown, Error> {
        let mut tx = self.tenancy.begin("apps.assign", session).await?;
        let row = store::share(&mut tx, id).await?.filter(|row| row.given);
        let row = row.ok_or(Error::NotFound("share"))?;
        let app = store::version(&mut tx, &row.publisher, &row.app, None).await?;
        let app = app.ok_or(Error::Damaged("app_share"))?;
        let manifest = read(&app.manifest)?;
        let others = manifest.roles.iter().skip(1).filter(|role| *role != manifest.starter());
        let others: BTreeSet<_> = others.collect();
        if parties.keys().collect::<BTreeSet<_>>() != others {
            let text = others.into_iter().cloned().collect::<Vec<_>>().join(", ");
            return Err(Error::Invalid {
                field: "parties",
                text: format!("one link for each of: {text}"),
            });
        }
        for link in parties.values() {
            self.links.other_end(&mut tx, *link).await?;
        }
        let (roles, links): (Vec<_>, Vec<_>) = parties.iter().map(|(role, link)| (role.clone(), link.0)).unzip();
        store::put_parties(&mut tx, id, &roles, &links).await?;
        self.note(&mut tx, session, "app.assign", &format!("share/{id}"))
            .await?;
        let shown = self.shown(&mut tx, vec![row]).await?.pop();
        tx.commit().await?;
        shown.ok_or(Error::Damaged("app_share"))
    }

    /// Shares by id, after this one.
    pub(crate) async fn shares(
        &self,
        session: &Session,
        filter: &Filter,
        after: Uuid,
        limit: i64,
    ) -> Result<Vec<Shown>, Error> {
        let mut tx = self.tenancy.begin("apps.shares", session).await?;
        let rows = store::shares(&mut tx, filter, after, limit).await?;
        self.shown(&mut tx, rows).await
    }

    async fn shown(&self, tx: &mut TenantTx, rows: Vec<ShareRow>) -> Result<Vec<Shown>, Error> {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let parties = store::parties(tx, &ids).await?;
        let links: Vec<_> = rows.iter().map(|row| row.link_id).collect();
        let names = self.links.names(tx, &links).await?;
        let shown = |row: ShareRow| {
            let of = parties.iter().filter(|(share, ..)| *share == row.id);
            Shown {
                partner: names.get(&row.link_id).cloned().unwrap_or_default(),
                parties: of.map(|(_, role, link)| (role.clone(), link.to_string())).collect(),
                row,
            }
        };
        Ok(rows.into_iter().map(shown).collect())
    }
}
