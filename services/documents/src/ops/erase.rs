//! What documents say is erased, when nobody may keep it any longer; that there was such a document, its versions and their signatures
//! stay.

use std::collections::{BTreeMap, BTreeSet};

use hansa_directory::audit;
use hansa_egress::DOCUMENT_CHANGED;
use hansa_proto::documents::v1::Act;
use hansa_tenancy::{Errand, TenantTx};
use hansa_vocab::LinkId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Documents, Known, customers};
use crate::{
    Error,
    model::Refusal,
    store::{self, DocumentRow},
};

/// Erased in one go: what was told of them is looked for once for all of them.
const PASS_MAX: i64 = 200;

/// Which documents are erased.
#[derive(Clone, Debug)]
pub struct Erasure<'a> {
    /// Of which kind.
    pub kind: &'a str,
    /// Those in which we have this role.
    pub role: &'a str,
    /// Those with this partner.
    pub link: LinkId,
    /// None that one of these partners has a part in as well.
    pub in_use: &'a [LinkId],
    /// Those that are in their state since then, or for longer.
    pub before: OffsetDateTime,
    /// Also those that have not come to an end: nothing is done with them any more.
    pub unfinished: bool,
}

impl Documents {
    /// Which of these are to be erased by now, at most 200; is there any that is not erased at all.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn erasable(&self, errand: &Errand, which: &Erasure<'_>) -> Result<(Vec<Uuid>, bool), Error> {
        let mut tx = self.tenancy.begin("documents.erasable", errand).await?;
        let ends = self.ends_of(&mut tx, which.kind).await?;
        let found = store::erasable(&mut tx, which, &ends, PASS_MAX).await?;
        Ok((found, store::unerased(&mut tx, which).await?))
    }

    /// Erases what these documents say, on our side: texts, files, facts, what waited to be counted, the customer's page, and what was
    /// told about them over their links; how many. Their rows, versions and signatures stay. A document of which a partner has still to
    /// hear stays as it is until then.
    ///
    /// # Errors
    ///
    /// When the database does not answer; what was erased by then stays erased.
    pub async fn erase(&self, errand: &Errand, documents: &[Uuid]) -> Result<usize, Error> {
        let mut tx = self.tenancy.begin("documents.told", errand).await?;
        let mut told = BTreeMap::<LinkId, BTreeSet<String>>::new();
        for (id, link) in store::links_of(&mut tx, documents).await? {
            told.entry(link).or_default().insert(Self::key(id));
        }
        drop(tx);
        // First what was told: once their texts are gone, nothing finds them again.
        let (mut waiting, mut erased) = (BTreeSet::new(), 0);
        for (link, keys) in told {
            waiting.extend(self.links.forget(errand, link, &keys).await?);
        }
        for id in documents.iter().filter(|id| !waiting.contains(&Self::key(**id))) {
            let mut tx = self.tenancy.begin("documents.erase", errand).await?;
            let row = store::lock(&mut tx, *id).await?.ok_or(Error::Damaged("document"))?;
            if row.erased_at.is_none() {
                self.erase_one(&mut tx, row, errand).await?;
                tx.commit().await?;
                erased += 1;
            }
        }
        Ok(erased)
    }

    async fn erase_one(&self, tx: &mut TenantTx, row: DocumentRow, errand: &Errand) -> Result<(), Error> {
        let files = store::erase(tx, row.id, self.tenancy.clock().now()).await?;
        self.files.forget(tx, &files).await?;
        customers::close(&self.pages, tx, row.id).await?;
        self.outdated(tx, row.id, i64::MAX).await?;
        self.workflow.forget(tx, row.id).await?;
        self.tell_ours(tx, &row, DOCUMENT_CHANGED, &Act::default()).await?;
        let (line, resource) = (self.tenancy.ids().uuid(), format!("document/{}", row.id));
        let actor = errand.name();
        Ok(audit(tx, line, actor, "document.erase", &resource, "kept no longer").await?)
    }

    /// What a document's state of a version is when it has come to its end: (version, state).
    async fn ends_of(&self, tx: &mut TenantTx, kind: &str) -> Result<Vec<(i32, String)>, Error> {
        let newest = self.kind(tx, kind, None).await?;
        let mut ends = Vec::new();
        for version in 1..=i32::try_from(newest.version).unwrap_or(i32::MAX) {
            let of_it = match self.kind(tx, kind, Some(version)).await {
                // A version that was never offered to us.
                Err(Error::NotFound(_)) => continue,
                kind => kind?,
            };
            let ended = of_it.states.iter().filter(|(_, state)| state.end);
            ends.extend(ended.map(|(name, _)| (version, name.clone())));
        }
        Ok(ends)
    }

    /// Nothing is done with a document that says nothing any more.
    pub(super) fn says_something(known: &Known) -> Result<(), Refusal> {
        match known.row.erased_at {
            None => Ok(()),
            Some(at) => Err(Refusal::NotAdmitted {
                rule: "ERASED",
                text: format!("what it said was erased on {}", at.date()),
            }),
        }
    }

    /// What is told of a document keeps its order by this.
    pub(super) fn key(document: Uuid) -> String {
        format!("document/{document}")
    }
}
