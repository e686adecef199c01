//! What one can do with apps. Start reading at [`Apps::publish`], then `share.rs`: how a partner comes to use it.

mod admission;
mod arrivals;
mod backend;
mod calls;
mod deeds;
mod share;
mod told;

use std::{collections::BTreeMap, sync::Arc};

use hansa_directory::{Session, audit};
use hansa_documents::Documents;
use hansa_egress::Egress;
use hansa_link::{Links, model::bundle::signed};
use hansa_proto::{apps::v1 as wire, types::v1::Signed};
use hansa_tenancy::{Tenancy, TenantTx};
use hansa_vault::Vault;
use hansa_vocab::TenantId;
use prost::Message as _;
use time::OffsetDateTime;

pub(crate) use self::{
    backend::Place,
    calls::Use,
    share::{Answered, Shown},
};
use crate::{
    Error,
    model::{Finding, Manifest, Switch, lint},
    store::{self, Filter, ShareRow, VersionRow, deeds::DeedRow},
};

const KIND_MANIFEST: &str = "app-manifest";
/// Shares that a workbench looks at.
const WORKBENCH_MAX: i64 = 1_000;

/// The apps of all tenants of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Apps {
    tenancy: Tenancy,
    vault: Vault,
    links: Links,
    documents: Documents,
    egress: Egress,
    switch: Arc<Switch<(TenantId, String)>>,
}

/// A version of an app, read.
#[derive(Debug)]
pub(crate) struct Read {
    pub row: VersionRow,
    pub manifest: Manifest,
    pub ours: bool,
    pub publisher_name: String,
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
            tenancy,
            vault,
            links,
            documents,
            egress,
            switch: Arc::default(),
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
            Ok((_, kind)) => (Vec::new(), kind.map_or_else(String::new, |kind| kind.definition())),
            Err(findings) => (findings, String::new()),
        })
    }

    /// Publishes an app of ours, or its next version, and offers it to those with whom it is shared: how many they are.
    pub(crate) async fn publish(&self, session: &Session, text: &str) -> Result<(Read, usize), Error> {
        let mut tx = self.tenancy.begin("apps.publish", session).await?;
        let us = self.us(&mut tx).await?;
        let (manifest, kind) = lint(text, &us).map_err(Error::Lint)?;
        let newest = store::version(&mut tx, &us, &manifest.app, None).await?;
        let next = newest.as_ref().map_or(1, |row| row.version.unsigned_abs() + 1);
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
        if !store::insert_version(&mut tx, &row, &body.encode_to_vec()).await? {
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
        let manifest = serde_json::from_str(&row.manifest).map_err(|_| Error::Damaged("app_version"))?;
        let ours = row.publisher == us;
        let publisher_name = if ours {
            self.tenancy.tenant(tx.tenant()).await?.name
        } else {
            let shares = store::shares_of(tx, &row.kind).await?;
            match shares.iter().find(|share| !share.given) {
                Some(share) => {
                    self.links
                        .other_end(tx, hansa_vocab::LinkId(share.link_id))
                        .await?
                        .keys
                        .name
                }
                None => String::new(),
            }
        };
        Ok(Read {
            row,
            manifest,
            ours,
            publisher_name,
        })
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
        let mut all = Vec::new();
        for row in store::versions(&mut tx, search, publisher, after, limit).await? {
            all.push(self.read(&mut tx, row, &us).await?);
        }
        Ok(all)
    }

    /// The apps that somebody of ours may use, with what waits in each.
    pub(crate) async fn workbench(&self, session: &Session) -> Result<(Vec<Bench>, Vec<DeedRow>), Error> {
        let mut tx = self.tenancy.begin("apps.workbench", session).await?;
        let us = self.us(&mut tx).await?;
        let filter = Filter {
            state: "accepted".to_owned(),
            ..Filter::default()
        };
        let shares = store::shares(&mut tx, &filter, uuid::Uuid::nil(), WORKBENCH_MAX).await?;
        let mut by_kind: BTreeMap<String, Vec<ShareRow>> = BTreeMap::new();
        for share in shares
            .into_iter()
            .filter(|share| share.given || admission::may(share, session))
        {
            by_kind.entry(share.kind.clone()).or_default().push(share);
        }
        let kinds: Vec<_> = by_kind.keys().cloned().collect();
        let work = self.documents.work(&mut tx, &kinds).await?;
        let mut all = Vec::new();
        for (kind, shares) in by_kind {
            let Some(first) = shares.first() else { continue };
            let version = if first.given { None } else { Some(first.version) };
            let row = store::version(&mut tx, &first.publisher, &first.app, version).await?;
            let app = self.read(&mut tx, row.ok_or(Error::Damaged("app_share"))?, &us).await?;
            let done = work.get(&kind).copied().unwrap_or_default();
            let begins_here = app.manifest.publisher_begins() == app.ours;
            let our_role = match app.manifest.roles.as_slice() {
                [first, ..] if app.ours => first.clone(),
                _ if begins_here => app.manifest.starter().to_owned(),
                [_, only] => only.clone(),
                // The publisher says which of them is ours, document by document.
                _ => String::new(),
            };
            all.push(Bench {
                our_role,
                open: done.0,
                waiting: done.1,
                may_begin: begins_here,
                links: shares.iter().map(|share| share.link_id.to_string()).collect(),
                app,
            });
        }
        Ok((all, self.notices(&mut tx, session).await?))
    }
}
