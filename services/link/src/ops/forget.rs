//! What was told is forgotten, and what was signed about it stays.

use std::collections::BTreeSet;

use hansa_proto::{link::v1::Batch, types::v1::Signed};
use hansa_tenancy::Errand;
use hansa_vocab::LinkId;
use prost::Message as _;

use super::Links;
use crate::{Error, store::delivery};

impl Links {
    /// Erases on this side what was told on a link, either way, under these ordering keys. Signatures, hashes and receipts stay, and
    /// with them the evidence that so much was said when. What the partner has not receipted yet stays: the keys of that are answered.
    ///
    /// It reads all that was ever told on the link, a page a transaction: meant for many keys at a time.
    ///
    /// # Errors
    ///
    /// When the database does not answer; what was erased by then stays erased.
    pub async fn forget(
        &self,
        errand: &Errand,
        link: LinkId,
        keys: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, Error> {
        let (mut after, mut waiting) = (None, BTreeSet::new());
        loop {
            let mut tx = self.tenancy().begin("link.forget", errand).await?;
            let seal = self.0.vault.seal(&mut tx).await?;
            let page = delivery::batches(&seal, &mut tx, link, after).await?;
            let Some(last) = page.last() else {
                waiting.extend(delivery::unsent(&mut tx, link, keys).await?);
                return Ok(waiting);
            };
            after = Some((last.sent, last.class, last.first));
            for row in page {
                let Some(mut said) = row.payloads else {
                    continue;
                };
                let damaged = |_| Error::Damaged("batch");
                let signed = Signed::decode(row.batch.as_slice()).map_err(damaged)?;
                let batch = Batch::decode(signed.body).map_err(damaged)?;
                if row.header.is_none() {
                    let open = batch.messages.into_iter().map(|message| message.ordering_key);
                    waiting.extend(open.filter(|key| keys.contains(key)));
                    continue;
                }
                let mut changed = false;
                for (message, said) in batch.messages.iter().zip(&mut said.payloads) {
                    if keys.contains(&message.ordering_key) && !said.salt.is_empty() {
                        *said = Default::default();
                        changed = true;
                    }
                }
                if changed {
                    let place = (row.sent, row.class, row.first);
                    delivery::leave(&seal, &mut tx, link, place, &said).await?;
                }
            }
            tx.commit().await?;
        }
    }
}
