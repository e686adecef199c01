//! What one can do with apps. Start reading at [`Apps::publish`], then `share.rs`: how a partner comes to use it.

mod admission;
mod arrivals;
mod audience;
mod backend;
mod calls;
mod deeds;
mod erase;
mod reviews;
mod share;
mod told;
mod views;

use std::{collections::BTreeMap, sync::Arc};

use hansa_directory::{Session, audit, units_of};
use hansa_documents::{Documents, Kind};
use hansa_egress::Egress;
use hansa_link::{Links, model::bundle::signed};
use hansa_proto::{apps::v1 as wire, types::v1::Signed};
use hansa_tenancy::{Places, Tenancy, TenantTx};
use hansa_vault::Vault;
use hansa_vocab::TenantId;
use prost::Message as _;
use time::OffsetDateTime;

pub use self::reviews::Reviews;
pub(crate) use self::{
    backend::Place,
    calls::Use,
    share::{Answered, Range, Shown},
    views::{Asked as ViewAsked, Seen},
};
use admission::read;

use crate::{
    Error,
    model::{Finding, Manifest, Switch, after, lint, review::Review},
    store::{self, InUseRow, VersionRow, deeds::DeedRow},
};

const KIND_MANIFEST: &str = "app-manifest";
/// Systems that are told what has come of acts, for one tenant at one time.
const TOLD_MAX: usize = 32;
/// Apps that a workbench looks at, and links that it names.
const WORKBENCH_MAX: i64 = 5_000;
const LINKS_SHOWN: i64 = 10_000;

/// The apps of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Apps {
    tenancy: Tenancy,
    vault: Vault,
    links: Links,
    documents: Documents,
    egress: Egress,
    switch: Arc<Switch<(TenantId, String)>>,
    places: Arc<Places>,
    reviews: Reviews,
}

/// A version of an app, read.
#[derive(Debug)]
pub(crate) struct Read {
    pub row: VersionRow,
    pub manifest: Manifest,
    pub ours: bool,
    pub publisher_name: String,
    /// What the operator of this node says of it.
    pub review: Option<Review>,
}

/// An app on somebody's workbench.
#[derive(Debug)]
pub(crate) struct Bench {
    pub app: Read,
    pub our_role: String,
    pub open: i64,
    pub waiting: i64,
    pub may_begin: bool,
    pub links: Vec<String>,
}

/// A page of a workbench.
#[derive(Debug)]
pub(crate) struct Workbench {
    pub apps: Vec<Bench>,
    pub notices: Vec<DeedRow>,
    /// Where the next one begins.
    pub next: Option<usize>,
}

/// Words with a space between them.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

fn number(version: u32) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}

impl Apps {
    /// The apps of this node; what documents ask of them is installed there.
    #[must_use]
    pub fn new((tenancy, vault, links): (Tenancy, Vault, Links), documents: Documents, egress: Egress) -> Self {
        let apps = Self {
            reviews: Reviews::new(tenancy.clone()),
            tenancy,
            vault,
            links,
            documents,
            egress,
            switch: Arc::default(),
            places: Places::new(TOLD_MAX),
        };
        apps.documents.install_admission(apps.clone());
        apps
    }

    fn now(&self) -> OffsetDateTime {
        self.tenancy.clock().now()
    }

    async fn note(&self, tx: &mut TenantTx, session: &Session, action: &str, resource: &str) -> Result<(), Error> {
        let actor = session.staff().to_string();
        Ok(audit(tx, self.tenancy.ids().uuid(), &actor, action, resource, &session.rule()).await?)
    }

    async fn us(&self, tx: &mut TenantTx) -> Result<String, Error> {
        Ok(self.vault.identity(tx).await?.enterprise.to_string())
    }

    /// What does not hold in a manifest of ours, and what it would compile to.
    pub(crate) async fn lint(&self, session: &Session, text: &str) -> Result<(Vec<Finding>, String), Error> {
        let mut tx = self.tenancy.begin("apps.lint", session).await?;
        let us = self.us(&mut tx).await?;
        Ok(match lint(text, &us) {
            Ok((manifest, Some(kind))) => {
                let newest = store::version(&mut tx, &us, &manifest.app, None).await?;
                let next = newest.filter(|newest| newest.manifest != text);
                let findings = Self::follows((text, &kind), next.as_ref())?;
                let definition = if findings.is_empty() {
                    kind.definition()
                } else {
                    String::new()
                };
                (findings, definition)
            }
            Ok((_, None)) => (Vec::new(), String::new()),
            Err(findings) => (findings, String::new()),
        })
    }

    /// What does not hold of a version because of the one before.
    fn follows((text, kind): (&str, &Kind), before: Option<&VersionRow>) -> Result<Vec<Finding>, Error> {
        let Some(before) = before.filter(|_| kind.upgrade.is_some()) else {
            return Ok(Vec::new());
        };
        let before = read(&before.manifest)?.kind(&before.publisher);
        Ok(after(text, kind, &before))
    }

    /// Publishes an app of ours, or its next version, and offers it to those with whom it is shared: how many they are.
    pub(crate) async fn publish(&self, session: &Session, text: &str) -> Result<(Read, usize), Error> {
        let mut tx = self.tenancy.begin("apps.publish", session).await?;
        let us = self.us(&mut tx).await?;
        let (manifest, kind) = lint(text, &us).map_err(Error::Lint)?;
        let newest = store::version(&mut tx, &us, &manifest.app, None).await?;
        let next = newest.as_ref().map_or(1, |row| row.version.unsigned_abs() + 1);
        let before = newest.clone();
        if let Some(newest) = newest.filter(|row| row.version == number(manifest.version))
            && newest.manifest == text
        {
            return Ok((self.read(&mut tx, newest, &us).await?, 0));
        }
        if manifest.version != next {
            return Err(Error::NotNext {
                app: manifest.app,
                next,
            });
        }
        if let Some(kind) = &kind {
            let findings = Self::follows((text, kind), before.as_ref())?;
            if !findings.is_empty() {
                return Err(Error::Lint(findings));
            }
        }
        let row = VersionRow {
            publisher: us.clone(),
            app: manifest.app.clone(),
            version: number(manifest.version),
            kind: Manifest::kind_name(&us, &manifest.app),
            manifest: text.to_owned(),
            published_at: self.now(),
        };
        if let Some(kind) = &kind {
            self.documents.take_kind(&mut tx, kind).await?;
        }
        let body = self.signed(&mut tx, &row).await?;
        if !store::insert_version(&mut tx, &row, &body.encode_to_vec(), &manifest.said()).await? {
            // Somebody published it just now.
            return Err(Error::NotNext {
                app: manifest.app,
                next: next + 1,
            });
        }
        let shares = store::to_offer(&mut tx, &us, &row.app, row.version).await?;
        for share in &shares {
            self.links.rouse(session, hansa_vocab::LinkId(share.link_id)).await?;
            self.offer(&mut tx, share.clone(), &row).await?;
        }
        self.note(&mut tx, session, "app.publish", &format!("app/{}", row.app))
            .await?;
        tx.wake();
        let read = self.read(&mut tx, row, &us).await?;
        tx.commit().await?;
        Ok((read, shares.len()))
    }

    /// As its publisher says it.
    async fn signed(&self, tx: &mut TenantTx, row: &VersionRow) -> Result<Signed, Error> {
        let us = self.vault.identity(tx).await?;
        let manifest = wire::Manifest {
            enterprise: us.enterprise.as_bytes().to_vec().into(),
            json: row.manifest.clone(),
            published_at: Some(hansa_edge::timestamp(row.published_at)),
        };
        Ok(signed(&us.signing, KIND_MANIFEST, manifest.encode_to_vec()))
    }

    async fn read(&self, tx: &mut TenantTx, row: VersionRow, us: &str) -> Result<Read, Error> {
        let mut all = self.read_all(tx, vec![row], us).await?;
        all.pop().ok_or(Error::Damaged("app_version"))
    }

    /// Versions with who has published them.
    async fn read_all(&self, tx: &mut TenantTx, rows: Vec<VersionRow>, us: &str) -> Result<Vec<Read>, Error> {
        let mut publishers: Vec<_> = rows
            .iter()
            .map(|row| row.publisher.clone())
            .filter(|one| one != us)
            .collect();
        publishers.sort_unstable();
        publishers.dedup();
        let links = match publishers.is_empty() {
            true => Vec::new(),
            false => store::links_to(tx, &publishers).await?,
        };
        let ids: Vec<_> = links.iter().map(|(_, link)| *link).collect();
        let names = self.links.names(tx, &ids).await?;
        let our_name = self.tenancy.tenant(tx.tenant()).await?.name;
        let name = |publisher: &str| {
            let link = links.iter().find(|(of, _)| of == publisher);
            link.and_then(|(_, link)| names.get(link)).cloned().unwrap_or_default()
        };
        let reviews = self.reviews.of_all(&rows).await?;
        let read = |(row, review): (VersionRow, Option<Review>)| {
            let ours = row.publisher == us;
            Ok(Read {
                manifest: serde_json::from_str(&row.manifest).map_err(|_| Error::Damaged("app_version"))?,
                publisher_name: if ours { our_name.clone() } else { name(&row.publisher) },
                ours,
                review,
                row,
            })
        };
        rows.into_iter().zip(reviews).map(read).collect()
    }

    /// A version of an app; the newest when none is named.
    pub(crate) async fn app(&self, session: &Session, publisher: &str, app: &str, version: u32) -> Result<Read, Error> {
        let mut tx = self.tenancy.begin("apps.app", session).await?;
        let us = self.us(&mut tx).await?;
        let publisher = if publisher.is_empty() { &us } else { publisher };
        let wanted = (version > 0).then(|| number(version));
        let row = store::version(&mut tx, publisher, app, wanted).await?;
        self.read(&mut tx, row.ok_or(Error::NotFound("app"))?, &us).await
    }

    /// Apps of ours and of partners, by publisher and name, after this one.
    pub(crate) async fn apps(
        &self,
        session: &Session,
        (search, ours_only): (&str, bool),
        after: (&str, &str),
        limit: i64,
    ) -> Result<Vec<Read>, Error> {
        let mut tx = self.tenancy.begin("apps.apps", session).await?;
        let us = self.us(&mut tx).await?;
        let publisher = if ours_only { us.as_str() } else { "" };
        let rows = store::versions(&mut tx, search, publisher, after, limit).await?;
        self.read_all(&mut tx, rows, &us).await
    }

    /// The apps that somebody of ours may use, with what waits in each: those first in which most waits. From a place in that order on.
    pub(crate) async fn workbench(&self, session: &Session, (from, many): (usize, usize)) -> Result<Workbench, Error> {
        let mut tx = self.tenancy.begin("apps.workbench", session).await?;
        let us = self.us(&mut tx).await?;
        let roles: Vec<_> = session.roles().iter().map(ToString::to_string).collect();
        let units = units_of(&mut tx, session.staff()).await?;
        let mut all = store::in_use(&mut tx, (&roles, &units), WORKBENCH_MAX).await?;
        let kinds: Vec<_> = all.iter().map(|row| row.kind.clone()).collect();
        let work = self.documents.work(&mut tx, &kinds).await?;
        let done = |row: &InUseRow| work.get(&row.kind).copied().unwrap_or_default();
        all.sort_by_key(|row| {
            let (open, waiting) = done(row);
            (
                std::cmp::Reverse((waiting, open)),
                row.app.clone(),
                row.publisher.clone(),
            )
        });
        let total = all.len();
        let page: Vec<_> = all.into_iter().skip(from).take(many).collect();
        let column = |of: fn(&InUseRow) -> String| page.iter().map(of).collect::<Vec<_>>();
        let (publishers, apps) = (column(|row| row.publisher.clone()), column(|row| row.app.clone()));
        let versions: Vec<_> = page.iter().map(|row| row.version).collect();
        let rows = store::versions_of(&mut tx, &publishers, &apps, &versions).await?;
        let mut read: BTreeMap<_, _> = self
            .read_all(&mut tx, rows, &us)
            .await?
            .into_iter()
            .map(|read| ((read.row.publisher.clone(), read.row.app.clone()), read))
            .collect();
        let links = store::links_of(&mut tx, &column(|row| row.kind.clone()), LINKS_SHOWN).await?;
        let mut apps = Vec::new();
        for row in &page {
            let app = read.remove(&(row.publisher.clone(), row.app.clone()));
            let app = app.ok_or(Error::Damaged("app_share"))?;
            let (open, waiting) = done(row);
            let of = links.iter().filter(|(kind, _)| *kind == row.kind);
            apps.push(Bench {
                our_role: our_role(&app),
                open,
                waiting,
                may_begin: app.manifest.has_flow() && app.manifest.publisher_begins() == app.ours,
                links: of.map(|(_, link)| link.to_string()).collect(),
                app,
            });
        }
        let next = from.saturating_add(many);
        Ok(Workbench {
            apps,
            notices: self.notices(&mut tx, session).await?,
            next: (next < total).then_some(next),
        })
    }
}

/// Our role in an app's documents; empty where its publisher says that document by document.
fn our_role(app: &Read) -> String {
    let begins_here = app.manifest.publisher_begins() == app.ours;
    match app.manifest.roles.as_slice() {
        [first, ..] if app.ours => first.clone(),
        _ if begins_here => app.manifest.starter().to_owned(),
        [_, only] => only.clone(),
        _ => String::new(),
    }
}
