//! What apps say: an act of a document puts something into its thread, in the name of the enterprise and of nobody in particular.

use hansa_documents::{Deed, Effect, Hand, KeeperError, KeeperFuture, Results};
use hansa_proto::conversations::v1::Entry;
use hansa_tenancy::{Errand, TenantTx};
use hansa_vault::derived_id;
use hansa_vocab::Fault;
use uuid::Uuid;

use super::{Conversations, Speech};
use crate::{
    Error,
    model::{self, Subject},
    store,
};

/// As what it is said.
const ROLE: &str = "app";

/// The same each time, so that it is said once.
fn derived(act: Uuid) -> Uuid {
    derived_id(&[b"hansa/app-entry\0", act.as_bytes()])
}

impl Conversations {
    async fn posted(&self, tx: &mut TenantTx, deed: Deed<'_>) -> Result<Results, Error> {
        let errand = Errand::new("conversations.effect", tx.tenant());
        let seal = self.vault.seal(tx).await?;
        let subject = Subject::Document(deed.document);
        let circle = self.circle(tx, subject).await?;
        for link in &circle.links {
            self.links.rouse(&errand, *link).await?;
        }
        let mut thread = self.thread(tx, subject, &circle).await?;
        let us = self.vault.identity(tx).await?;
        let id = derived(deed.act.id);
        if store::entry(tx, thread.id, id).await?.is_some() {
            return Ok(Results::new());
        }
        let text = deed.with.get("text").and_then(|text| text.as_str());
        let entry = Entry {
            subject_kind: subject.kind().to_owned(),
            subject_id: deed.document.to_string(),
            id: id.to_string(),
            enterprise: us.enterprise.as_bytes().to_vec().into(),
            role: ROLE.to_owned(),
            kind: "said".to_owned(),
            text: text.unwrap_or_default().to_owned(),
            at: Some(hansa_edge::timestamp(self.now())),
            ..Entry::default()
        };
        if !model::holds(&entry) {
            return Err(Error::Invalid {
                field: "text",
                text: format!("1 to {} characters", model::TEXT_MAX),
            });
        }
        let speech = Speech {
            entry: &entry,
            signed: &model::sign_entry(&us, &entry),
            enterprise: us.enterprise.to_string(),
            enterprise_name: self.tenancy.tenant(tx.tenant()).await?.name,
            staff: None,
        };
        match circle.counter {
            None => self.place(tx, (&mut thread, &circle), &us, &speech, &seal).await?,
            Some(link) => self.send(tx, (&mut thread, link), &speech, &seal).await?,
        };
        Ok(Results::new())
    }
}

impl Hand for Conversations {
    fn can(&self) -> &'static [Effect] {
        &[Effect::PostToThread]
    }

    fn does<'a>(&'a self, tx: &'a mut TenantTx, deed: Deed<'a>) -> KeeperFuture<'a, Results> {
        Box::pin(async move {
            self.posted(tx, deed).await.map_err(|error| match error {
                Error::Invalid { field, text } => KeeperError::Invalid { field, text },
                Error::Sql(error) => KeeperError::Sql(error),
                error => KeeperError::Now(Fault::from(error).text.into_owned()),
            })
        })
    }
}
