//! Whether a document is still what was signed, by the rows of this node alone.

use hansa_directory::Session;
use hansa_proto::{
    documents::v1::{SectionText, Version},
    types::v1::Signed,
};
use hansa_vocab::LinkId;
use prost::Message as _;
use uuid::Uuid;

use super::Documents;
use crate::{
    Error,
    model::{Kind, content, version},
    store::{self, TextRow},
};

impl Documents {
    /// Reads every version again; how many there are, the newest root, and what does not hold.
    pub(crate) async fn verify(&self, session: &Session, id: Uuid) -> Result<(u64, Vec<u8>, Vec<String>), Error> {
        let mut tx = self.tenancy.begin("documents.verify", session).await?;
        let row = store::lock(&mut tx, id).await?.ok_or(Error::NotFound("document"))?;
        let kind = self.kind(&row.kind)?;
        let us = self.vault.identity(&mut tx).await?;
        let issuer_link = store::parties(&mut tx, id)
            .await?
            .first()
            .and_then(|party| party.link_id);
        let other = match issuer_link {
            Some(link) => Some(self.links.other_end(&mut tx, LinkId(link)).await?.keys),
            None => None,
        };
        let issuer = other
            .as_ref()
            .map_or(version::Signer::Us(&us), version::Signer::Partner);
        let (mut before, mut flaws, mut newest) = (None::<Signed>, Vec::new(), Vec::new());
        for number in 1..=row.version {
            let Some(signed) = self.signed(&mut tx, id, number).await? else {
                flaws.push(format!("version {number} is missing"));
                continue;
            };
            match version::follow(kind, &issuer, before.as_ref(), &signed) {
                Ok(version) => {
                    let texts = store::texts_of(&mut tx, id, number).await?;
                    flaws.extend(changed(kind, &row.our_role, &version, before.as_ref(), &texts));
                    newest = content::root(&version.sections).to_vec();
                }
                Err(bad) => flaws.push(format!("version {number}: {bad}")),
            }
            before = Some(signed);
        }
        if newest != row.root {
            flaws.push("the document's row shows another root".to_owned());
        }
        Ok((u64::try_from(row.version).unwrap_or(0), newest, flaws))
    }
}

/// Sections that a version wrote and that we see, whose text is not what its hash stands for.
fn changed(kind: &Kind, role: &str, version: &Version, before: Option<&Signed>, texts: &[TextRow]) -> Vec<String> {
    let last = before
        .and_then(|before| Version::decode(before.body.clone()).ok())
        .unwrap_or_default();
    let written = version
        .sections
        .iter()
        .filter(|section| !last.sections.contains(section));
    let seen = written.filter(|section| kind.sees(role, &section.name));
    seen.filter(|section| {
        let text = texts.iter().find(|text| text.section == section.name);
        text.is_none_or(|text| content::open(&wire_text(text), section).is_none())
    })
    .map(|section| {
        format!(
            "version {}: the text of {} is not what was signed",
            version.version, section.name
        )
    })
    .collect()
}

fn wire_text(row: &TextRow) -> SectionText {
    SectionText {
        name: row.section.clone(),
        salt: row.salt.clone().into(),
        content: row.content.clone().into(),
    }
}
