//! What is shown of documents.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use hansa_directory::Session;
use hansa_proto::{
    documents::v1::{Content, SectionText, Version},
    types::v1::Signed,
};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use prost::Message as _;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Documents, Open, Progress};
use crate::{
    Error,
    model::{Contents, Document, Kind},
    store::{self, ActRow, DocumentRow, Filter, PartyRow},
};

/// A document as its newest version leaves it, read once by whoever has its lock.
#[derive(Debug)]
pub(crate) struct Known {
    pub row: DocumentRow,
    pub kind: Arc<Kind>,
    pub parties: Vec<PartyRow>,
    /// As its issuer signed it; none of a draft.
    pub newest: Option<Signed>,
    /// What its sections say, those that we see.
    pub contents: Contents,
}

impl Known {
    /// As the kind's rules see it.
    pub fn document(&self) -> Document<'_> {
        Document {
            kind: &self.kind,
            reader: &self.row.our_role,
            version: self.row.version(),
            state: &self.row.state,
            contents: &self.contents,
        }
    }

    /// The others, on links of ours.
    pub fn linked(&self) -> impl Iterator<Item = (&PartyRow, LinkId)> {
        let all = self.parties.iter();
        all.filter_map(|party| Some((party, LinkId(party.link_id?))))
    }
}

/// A document with all that is shown of it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub row: DocumentRow,
    pub parties: Vec<PartyRow>,
    pub contents: Contents,
    pub acts: Vec<ActRow>,
    pub proposals: Vec<Open>,
    pub progress: Vec<Progress>,
    /// What our newest act wants or wanted to write, unless it counts.
    pub asked: Contents,
    /// Files that have not come yet, and what their partner said of them.
    pub pending: Vec<(Vec<u8>, String)>,
    /// What its fields say that are marked for lists.
    pub facts: Vec<(String, String)>,
    pub kind: Arc<Kind>,
}

impl Whole {
    /// A document that has just begun.
    pub fn new(row: DocumentRow, parties: Vec<PartyRow>, kind: Arc<Kind>) -> Self {
        Self {
            row,
            parties,
            contents: Contents::new(),
            acts: Vec::new(),
            proposals: Vec::new(),
            progress: Vec::new(),
            asked: Contents::new(),
            pending: Vec::new(),
            facts: Vec::new(),
            kind,
        }
    }
}

/// How a list is sorted, and where in it a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Newest first, before this one.
    Newest(Option<Uuid>),
    /// First what has been in its state for longest, after this one.
    Longest(Option<(OffsetDateTime, Uuid)>),
}

impl Place {
    /// As [`Place::next`] wrote it; empty = the beginning.
    pub fn read(longest: bool, page: &str) -> Option<Self> {
        if !longest {
            let before = (!page.is_empty()).then(|| page.parse()).transpose().ok()?;
            return Some(Self::Newest(before));
        }
        if page.is_empty() {
            return Some(Self::Longest(None));
        }
        let (nanos, id) = page.split_once('.')?;
        let since = OffsetDateTime::from_unix_timestamp_nanos(nanos.parse().ok()?).ok()?;
        Some(Self::Longest(Some((since, id.parse().ok()?))))
    }

    /// What follows this row.
    pub fn next(self, row: &DocumentRow) -> String {
        match self {
            Self::Newest(_) => row.id.to_string(),
            Self::Longest(_) => format!("{}.{}", row.since.unix_timestamp_nanos(), row.id),
        }
    }
}

/// Who is in a document, for whoever tells them something about it.
#[derive(Clone, Debug)]
pub struct Circle {
    /// The issuer's number.
    pub number: String,
    /// We give its versions their numbers.
    pub issuer: bool,
    /// The links to the others: all of them at the issuer, the issuer alone elsewhere. Those without a node are left out.
    pub links: Vec<LinkId>,
}

/// A document, as other rooms read it.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: String,
    /// The issuer's number.
    pub number: String,
    /// The state it is in.
    pub state: String,
    /// The newest version that counts.
    pub version: u64,
    /// What its sections say, those that we see.
    pub contents: Contents,
}

impl From<Whole> for Paper {
    fn from(whole: Whole) -> Self {
        Self {
            id: whole.row.id,
            version: whole.row.version(),
            kind: whole.row.kind,
            number: whole.row.number,
            state: whole.row.state,
            contents: whole.contents,
        }
    }
}

impl Documents {
    /// A document of ours or of a partner's.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or when the database does not answer.
    pub async fn paper(&self, session: &Session, id: Uuid) -> Result<Paper, Error> {
        self.get(session, id).await.map(Paper::from)
    }

    /// Who is in a document that has begun; none when there is no such one.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn circle(&self, tx: &mut TenantTx, id: Uuid) -> Result<Option<Circle>, Error> {
        let row = store::find(tx, id).await?.filter(|row| row.version > 0);
        let Some(row) = row else { return Ok(None) };
        let parties = store::parties(tx, id).await?;
        let others = parties.iter().filter(|party| !party.hosted);
        Ok(Some(Circle {
            number: row.number,
            issuer: row.issuer,
            links: others.filter_map(|party| party.link_id.map(LinkId)).collect(),
        }))
    }

    /// The state of a document, in this transaction; none when there is no such one.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn state(&self, tx: &mut TenantTx, id: Uuid) -> Result<Option<String>, Error> {
        Ok(store::lock(tx, id).await?.map(|row| row.state))
    }

    pub(crate) async fn get(&self, session: &Session, id: Uuid) -> Result<Whole, Error> {
        let mut tx = self.tenancy.begin("documents.get", session).await?;
        let known = self.locked(&mut tx, id).await?;
        self.whole(&mut tx, known).await
    }

    pub(crate) async fn list(
        &self,
        session: &Session,
        mut filter: Filter,
        open_only: bool,
        place: Place,
        limit: i64,
    ) -> Result<Vec<Whole>, Error> {
        let mut tx = self.tenancy.begin("documents.list", session).await?;
        if open_only {
            filter.without = self.ends(&mut tx).await?;
        }
        let rows = match place {
            Place::Newest(before) => store::list(&mut tx, &filter, before, limit).await?,
            Place::Longest(after) => store::list_longest(&mut tx, &filter, after, limit).await?,
        };
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let mut parties = store::parties_of(&mut tx, &ids).await?;
        let mut proposals = self.proposals(&mut tx, &ids).await?;
        let mut kinds = BTreeMap::new();
        for row in &rows {
            if let Entry::Vacant(place) = kinds.entry((row.kind.clone(), row.kind_version)) {
                place.insert(self.kind_of(&mut tx, row).await?);
            }
        }
        let mut facts = match kinds.values().any(|kind| kind.listed().next().is_some()) {
            true => store::facts(&mut tx, &ids).await?,
            false => Vec::new(),
        };
        let whole = rows.into_iter().map(|row| {
            let said = facts.extract_if(.., |(document, ..)| *document == row.id);
            let said = said.map(|(_, name, value)| (name, value)).collect();
            let kind = kinds[&(row.kind.clone(), row.kind_version)].clone();
            let of_it = parties.extract_if(.., |party| party.document_id == row.id).collect();
            let open = proposals.extract_if(.., |open| open.document == row.id).collect();
            Whole {
                proposals: open,
                facts: said,
                ..Whole::new(row, of_it, kind)
            }
        });
        Ok(whole.collect())
    }

    /// Versions of documents, by document and version, after this one: each with our role in it.
    pub(crate) async fn versions(
        &self,
        session: &Session,
        (filter, document): (&Filter, Option<Uuid>),
        after: Option<(Uuid, i64)>,
        limit: i64,
    ) -> Result<Vec<(String, Version)>, Error> {
        let mut tx = self.tenancy.begin("documents.versions", session).await?;
        let rows = store::versions(&mut tx, filter, document, after, limit).await?;
        let read = rows.into_iter().map(|row| Ok((row.our_role, version_of(&row.body)?)));
        read.collect()
    }

    pub(crate) async fn whole(&self, tx: &mut TenantTx, known: Known) -> Result<Whole, Error> {
        let proposals = self.proposals(tx, &[known.row.id]).await?;
        Ok(Whole {
            acts: store::acts(tx, known.row.id).await?,
            pending: self.pending(tx, &known.contents, &proposals).await?,
            asked: self.asked_last(tx, &known.row).await?,
            facts: self.facts_of(tx, &known).await?,
            proposals,
            progress: self.progress(tx, &known).await?,
            parties: known.parties,
            kind: known.kind,
            contents: known.contents,
            row: known.row,
        })
    }

    async fn facts_of(&self, tx: &mut TenantTx, known: &Known) -> Result<Vec<(String, String)>, Error> {
        if known.kind.listed().next().is_none() {
            return Ok(Vec::new());
        }
        let facts = store::facts(tx, &[known.row.id]).await?;
        Ok(facts.into_iter().map(|(_, name, value)| (name, value)).collect())
    }

    /// What our newest act wants to write, or wanted when it was refused.
    async fn asked_last(&self, tx: &mut TenantTx, row: &DocumentRow) -> Result<Contents, Error> {
        match store::newest_of(&*self.vault.seal(tx).await?, tx, row.id, &row.our_role).await? {
            Some((state, sent)) if state == "held" || state == "refused" => opened(&sent.texts),
            _ => Ok(Contents::new()),
        }
    }

    /// A document, and its lock.
    pub(crate) async fn locked(&self, tx: &mut TenantTx, id: Uuid) -> Result<Known, Error> {
        let row = store::lock(tx, id).await?.ok_or(Error::NotFound("document"))?;
        self.known(tx, row).await
    }

    pub(crate) async fn known(&self, tx: &mut TenantTx, row: DocumentRow) -> Result<Known, Error> {
        let mut known = Known {
            kind: self.kind_of(tx, &row).await?,
            parties: store::parties(tx, row.id).await?,
            newest: None,
            contents: Contents::new(),
            row,
        };
        if known.row.version == 0 {
            return Ok(known);
        }
        let newest = self.signed(tx, known.row.id, known.row.version).await?;
        let newest = newest.ok_or(Error::Damaged("document_version"))?;
        let version = Version::decode(newest.body.clone()).map_err(|_| Error::Damaged("document_version"))?;
        let mut texts = store::texts(&*self.vault.seal(tx).await?, tx, known.row.id).await?;
        // What was cleared says nothing any more.
        texts.retain(|text| version.sections.iter().any(|section| section.name == text.name));
        (known.contents, known.newest) = (opened(&texts)?, Some(newest));
        Ok(known)
    }
}

/// A version as it was signed, read again.
pub(super) fn version_of(body: &[u8]) -> Result<Version, Error> {
    let signed = Signed::decode(body).ok();
    let version = signed.and_then(|signed| Version::decode(signed.body).ok());
    version.ok_or(Error::Damaged("document_version"))
}

/// What texts of ours say.
pub(crate) fn opened(texts: &[SectionText]) -> Result<Contents, Error> {
    let opened = texts.iter().map(|text| {
        let content = Content::decode(text.content.clone()).map_err(|_| Error::Damaged("document_text"))?;
        Ok((text.name.clone(), content))
    });
    opened.collect()
}
