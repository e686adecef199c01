//! Kinds of documents: those that every tenant has, and a tenant's own.

use std::{collections::BTreeMap, sync::Arc};

use hansa_directory::{Session, audit};
use hansa_tenancy::TenantTx;
use include_dir::{Dir, include_dir};
use time::OffsetDateTime;

use super::Documents;
use crate::{
    Error,
    model::{Kind, kind::BadKind},
    store::{self, DocumentRow},
};

/// Kinds that every tenant has.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/kinds");
/// Bytes of a definition.
const DEFINITION_MAX: usize = 64 * 1024;

/// By name and version.
pub(crate) type Shipped = BTreeMap<(String, u32), Arc<Kind>>;

/// Reads the kinds that every tenant has.
pub(crate) fn shipped() -> Result<Shipped, BadKind> {
    let all = SHIPPED.files().map(|file| {
        let kind = Kind::read(file.contents_utf8().unwrap_or_default())?;
        Ok(((kind.name.clone(), kind.version), Arc::new(kind)))
    });
    all.collect()
}

impl Documents {
    /// The kind of that name; the newest when no version is named.
    pub(crate) async fn kind(&self, tx: &mut TenantTx, name: &str, version: Option<i32>) -> Result<Arc<Kind>, Error> {
        let mut shipped = self.shipped.iter().rev();
        let fits = |number: u32| version.is_none_or(|version| u32::try_from(version) == Ok(number));
        if let Some((_, kind)) = shipped.find(|((known, number), _)| known == name && fits(*number)) {
            return Ok(kind.clone());
        }
        let own = store::kind(tx, name, version).await?.ok_or(Error::NotFound("kind"))?;
        let kind = Kind::read(&own).map_err(|_| Error::Damaged("document_kind"))?;
        Ok(Arc::new(kind))
    }

    /// The kind that a document has begun with.
    pub(crate) async fn kind_of(&self, tx: &mut TenantTx, row: &DocumentRow) -> Result<Arc<Kind>, Error> {
        self.kind(tx, &row.kind, Some(row.kind_version)).await
    }

    /// Adds a kind of our own, or a new version of one. Documents keep the version that they began with.
    pub(crate) async fn put_kind(&self, session: &Session, definition: &str) -> Result<Kind, Error> {
        let bad = |text: String| {
            let field = "definition";
            Error::Invalid { field, text }
        };
        if definition.len() > DEFINITION_MAX {
            return Err(bad(format!("at most {DEFINITION_MAX} bytes")));
        }
        let kind = Kind::read(definition).map_err(|wrong| bad(wrong.to_string()))?;
        if self.shipped.keys().any(|(name, _)| *name == kind.name) {
            return Err(bad(format!(
                "every enterprise has a kind {} already; take another name",
                kind.name
            )));
        }
        let version = i32::try_from(kind.version).map_err(|_| bad("the version is too high".to_owned()))?;
        let mut tx = self.tenancy.begin("documents.put_kind", session).await?;
        let newest = store::kind(&mut tx, &kind.name, None).await?;
        if let Some(newest) = newest {
            let newest = Kind::read(&newest).map_err(|_| Error::Damaged("document_kind"))?;
            if newest.hash() == kind.hash() {
                return Ok(kind);
            }
            if newest.version + 1 != kind.version {
                return Err(bad(format!(
                    "the next version of {} is {}",
                    kind.name,
                    newest.version + 1
                )));
            }
        } else if kind.version != 1 {
            return Err(bad("the first version is 1".to_owned()));
        }
        store::insert_kind(&mut tx, &kind.name, version, &kind.definition()).await?;
        let (actor, resource) = (session.staff().to_string(), format!("kind/{}", kind.name));
        audit(
            &mut tx,
            self.tenancy.ids().uuid(),
            &actor,
            "document.put_kind",
            &resource,
            &session.rule(),
        )
        .await?;
        tx.commit().await?;
        Ok(kind)
    }

    /// Keeps a kind that somebody has shared, in the version that it has; the same again changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when a kind of that name and version says something else here.
    pub async fn take_kind(&self, tx: &mut TenantTx, kind: &Kind) -> Result<(), Error> {
        let taken = |text: String| Error::Invalid { field: "kind", text };
        if self.shipped.keys().any(|(name, _)| *name == kind.name) {
            return Err(taken(format!("every enterprise has a kind {} already", kind.name)));
        }
        let version = i32::try_from(kind.version).map_err(|_| taken("the version is too high".to_owned()))?;
        match store::kind(tx, &kind.name, Some(version)).await? {
            Some(there) if there == kind.definition() => Ok(()),
            Some(_) => Err(taken(format!("another kind {} {version} is here already", kind.name))),
            None => store::insert_kind(tx, &kind.name, version, &kind.definition()).await,
        }
    }

    /// How many documents of a kind our people have begun since then.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn begun_since(&self, tx: &mut TenantTx, kind: &str, since: OffsetDateTime) -> Result<i64, Error> {
        let newest = self.kind(tx, kind, None).await?;
        store::begun_since(tx, kind, newest.starter(), since).await
    }

    /// Documents of these kinds that have not come to an end: how many, and how many of them wait for us.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn work(&self, tx: &mut TenantTx, kinds: &[String]) -> Result<BTreeMap<String, (i64, i64)>, Error> {
        let mut work: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for row in store::by_state(tx, kinds).await? {
            let kind = self.kind(tx, &row.kind, Some(row.kind_version)).await?;
            let Some(state) = kind.states.get(&row.state).filter(|state| !state.end) else {
                continue;
            };
            let (open, waiting) = work.entry(row.kind).or_default();
            *open += row.documents;
            if state.waits_for.as_ref() == Some(&row.our_role) {
                *waiting += row.documents;
            }
        }
        Ok(work)
    }

    /// The states in which documents have come to an end: (kind, state).
    pub(super) async fn ends(&self, tx: &mut TenantTx) -> Result<Vec<(String, String)>, Error> {
        let kinds = self.all_kinds(tx).await?;
        let ends = kinds.iter().flat_map(|(kind, _)| {
            let ended = kind.states.iter().filter(|(_, state)| state.end);
            ended.map(|(state, _)| (kind.name.clone(), state.clone()))
        });
        Ok(ends.collect())
    }

    /// All kinds, the newest of each; true for those that every enterprise has.
    pub(crate) async fn kinds(&self, session: &Session) -> Result<Vec<(Arc<Kind>, bool)>, Error> {
        let mut tx = self.tenancy.begin("documents.kinds", session).await?;
        self.all_kinds(&mut tx).await
    }

    pub(super) async fn all_kinds(&self, tx: &mut TenantTx) -> Result<Vec<(Arc<Kind>, bool)>, Error> {
        let mut all: BTreeMap<String, (Arc<Kind>, bool)> = BTreeMap::new();
        for ((name, _), kind) in self.shipped.iter() {
            all.insert(name.clone(), (kind.clone(), true));
        }
        for own in store::kinds(tx).await? {
            let kind = Kind::read(&own).map_err(|_| Error::Damaged("document_kind"))?;
            all.entry(kind.name.clone()).or_insert_with(|| (Arc::new(kind), false));
        }
        Ok(all.into_values().collect())
    }
}
