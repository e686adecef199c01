//! Whether a document is still what was signed, by the rows of this node alone.

use std::{collections::BTreeMap, sync::Arc};

use hansa_directory::Session;
use hansa_proto::{
    documents::v1::{SectionHash, SectionText, Version},
    types::v1::Signed,
};
use hansa_tenancy::TenantTx;
use hansa_vocab::LinkId;
use prost::Message as _;
use uuid::Uuid;

use super::{Documents, hex};
use crate::{
    Error,
    model::{
        Kind, content,
        version::{self, Signer},
    },
    store,
};

impl Documents {
    /// Reads every version again; how many there are, the newest root, and what does not hold.
    pub(crate) async fn verify(&self, session: &Session, id: Uuid) -> Result<(u64, Vec<u8>, Vec<String>), Error> {
        let mut tx = self.tenancy.begin("documents.verify", session).await?;
        let row = store::lock(&mut tx, id).await?.ok_or(Error::NotFound("document"))?;
        // The kind that it has begun with.
        let first = self.signed(&mut tx, id, 1).await?;
        let first = first.and_then(|first| Version::decode(first.body).ok());
        let first = first.map_or(row.kind_version, |first| i32::try_from(first.kind_version).unwrap_or(0));
        let mut kind = match self.kind(&mut tx, &row.kind, Some(first)).await {
            Err(Error::NotFound(_)) => self.kind_of(&mut tx, &row).await?,
            kind => kind?,
        };
        let mut state = kind.begins.clone();
        let (us, seal) = (self.vault.identity(&mut tx).await?, self.vault.seal(&mut tx).await?);
        let parties = store::parties(&mut tx, id).await?;
        let mut others = BTreeMap::new();
        for party in &parties {
            if let Some(link) = party.link_id {
                let keys = self.links.other_end(&mut tx, LinkId(link)).await?.keys;
                others.insert(party.role.as_str(), keys);
            }
        }
        // Those whom only the issuer is linked to can't be asked for their keys here.
        let signer = |role: &str| match others.get(role) {
            Some(keys) => Some(Signer::Partner(keys)),
            None => (role == row.our_role).then_some(Signer::Us(&us)),
        };
        let issuer = signer(kind.issuer()).ok_or(Error::Damaged("document_party"))?;
        let (mut before, mut flaws, mut newest) = (None::<Signed>, Vec::new(), Vec::new());
        for number in 1..=row.version {
            let Some(signed) = self.signed(&mut tx, id, number).await? else {
                flaws.push(format!("version {number} is missing"));
                continue;
            };
            if let Ok(of) = Version::decode(signed.body.clone()) {
                if let Some(next) = self.later_kind(&mut tx, &kind, &of).await? {
                    if next.takes_over(&kind, &state).is_none() {
                        flaws.push(format!("version {number}: what had ended goes on"));
                    }
                    kind = next;
                }
                state = of.state;
            }
            match version::follow(&kind, &issuer, before.as_ref(), &signed) {
                Ok(version) => {
                    let texts = store::sealed_of(&mut tx, id, number).await?;
                    let texts: Vec<_> = texts.into_iter().filter_map(|text| text.open(&seal, id).ok()).collect();
                    let written = version::written(&kind, &row.our_role, before.as_ref(), &version);
                    if row.erased_at.is_none() {
                        flaws.extend(changed(&written, &texts, number));
                    }
                    // The issuer has signed the version itself.
                    for party in parties.iter().filter(|party| party.role != kind.issuer()) {
                        let wanted = signer(&party.role).map_or(Ok(()), |by| {
                            version::wanted(&kind, &version, (&party.role, &by), before.as_ref())
                        });
                        flaws.extend(wanted.err().map(|bad| format!("version {number}: {bad}")));
                    }
                    newest = content::root(&version.sections).to_vec();
                }
                Err(bad) => flaws.push(format!("version {number}: {bad}")),
            }
            before = Some(signed);
        }
        if hex(&newest) != row.root {
            flaws.push("the document's row shows another root".to_owned());
        }
        Ok((u64::try_from(row.version).unwrap_or(0), newest, flaws))
    }

    /// The kind of a version that is of another one than the version before, if it is here.
    async fn later_kind(&self, tx: &mut TenantTx, kind: &Kind, of: &Version) -> Result<Option<Arc<Kind>>, Error> {
        if of.kind_version == kind.version {
            return Ok(None);
        }
        match self.kind(tx, &kind.name, i32::try_from(of.kind_version).ok()).await {
            Err(Error::NotFound(_)) => Ok(None),
            next => Ok(Some(next?)),
        }
    }
}

/// Sections whose text is not what their hash stands for.
fn changed(written: &[SectionHash], texts: &[SectionText], version: i64) -> Vec<String> {
    let wrong = written.iter().filter(|section| {
        let text = texts.iter().find(|text| text.name == section.name);
        text.is_none_or(|text| content::open(text, section).is_none())
    });
    wrong
        .map(|section| format!("version {version}: the text of {} is not what was signed", section.name))
        .collect()
}
