//! What comes of acts in our house: what apps themselves do, and what is kept of all of it.

use hansa_directory::Session;
use hansa_documents::{Deed, Effect, Hand, KeeperError, KeeperFuture, Kind, Results, minor};
use hansa_egress::APP_NOTICE;
use hansa_tenancy::TenantTx;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::Apps;
use crate::{
    Error,
    store::deeds::{self, DeedRow},
};

/// Notices on a workbench, and how long they stay.
const NOTICES_MAX: i64 = 50;
const NOTICES_KEPT: Duration = Duration::days(14);
/// Characters of what is kept of one.
const SAID_MAX: usize = 1_000;
const TEXT_MAX: usize = 400;
/// Characters of a reference: with what JSON adds to it, all of a payment is kept.
const REFERENCE_MAX: usize = 100;

fn bad(field: &'static str, text: &str) -> KeeperError {
    let text = text.to_owned();
    KeeperError::Invalid { field, text }
}

fn said(deed: &Deed<'_>, name: &str, most: usize) -> String {
    let value = deed.with.get(name).and_then(Value::as_str).unwrap_or_default();
    value.chars().filter(|one| !one.is_control()).take(most).collect()
}

/// A payment, as a form says it.
fn payment(deed: &Deed<'_>) -> Result<Results, KeeperError> {
    let amount = deed.with.get("amount").and_then(minor);
    let amount = amount.filter(|(minor, _)| *minor > 0);
    let (minor, currency) = amount.ok_or_else(|| bad("amount", "an amount with its currency, more than nothing"))?;
    Ok(Results::from([
        ("minor".to_owned(), minor.into()),
        ("currency".to_owned(), currency.into()),
        ("reference".to_owned(), said(deed, "reference", REFERENCE_MAX).into()),
        ("method".to_owned(), said(deed, "method", REFERENCE_MAX).into()),
    ]))
}

impl Apps {
    /// Our people are told: on their workbench, and whatever system of ours listens.
    async fn notified(&self, tx: &mut TenantTx, deed: Deed<'_>) -> Result<Results, KeeperError> {
        let (text, role) = (said(&deed, "text", TEXT_MAX), said(&deed, "role", TEXT_MAX));
        if text.is_empty() {
            return Err(bad("text", "what they are told"));
        }
        let data = json!({
            "document_id": deed.document, "kind": deed.kind.name, "number": deed.number, "role": role, "text": text,
        });
        let told = self.egress.publish(tx, APP_NOTICE, data).await;
        told.map_err(|error| KeeperError::Now(error.to_string()))?;
        Ok(Results::from([
            ("text".to_owned(), text.into()),
            ("role".to_owned(), role.into()),
        ]))
    }

    /// Keeps what has come of an act.
    pub(super) async fn keep_deed(
        &self,
        tx: &mut TenantTx,
        deed: Deed<'_>,
        outcome: Result<&Results, &str>,
    ) -> Result<(), Error> {
        let said = match outcome {
            // Who has a code has the coupon: it stands in the document, for those who see that.
            Ok(results) => {
                let shown = results.iter().filter(|(name, _)| *name != "code");
                Value::Object(shown.map(|(name, value)| (name.clone(), value.clone())).collect()).to_string()
            }
            Err(reason) => reason.to_owned(),
        };
        let role = outcome.ok().and_then(|results| results.get("role")?.as_str());
        let row = DeedRow {
            document_id: deed.document,
            act_id: deed.act.id,
            effect: deed.what.as_str().to_owned(),
            done: outcome.is_ok(),
            said: said.chars().take(SAID_MAX).collect(),
            for_role: role.unwrap_or_default().to_owned(),
            at: self.now(),
        };
        deeds::keep(&*self.vault.seal(tx).await?, tx, &row).await
    }

    /// Keeps that whoever of ours has to act was reminded: on their workbench it stands among the notices.
    pub(super) async fn keep_reminder(
        &self,
        tx: &mut TenantTx,
        kind: &Kind,
        (number, document): (&str, Uuid),
        state: &str,
    ) -> Result<(), Error> {
        let text = format!("{} {number}: {}", kind.titled("en"), kind.word("en", state));
        let row = DeedRow {
            document_id: document,
            // Of no act: each has an id of its own.
            act_id: self.tenancy.ids().uuid(),
            effect: "remind".to_owned(),
            done: true,
            said: json!({"text": text, "state": state}).to_string(),
            for_role: String::new(),
            at: self.now(),
        };
        deeds::keep(&*self.vault.seal(tx).await?, tx, &row).await
    }

    /// What has come here of a document's acts.
    pub(crate) async fn deeds(&self, session: &Session, document: Uuid) -> Result<Vec<DeedRow>, Error> {
        let mut tx = self.tenancy.begin("apps.deeds", session).await?;
        let there = self.documents.circle(&mut tx, document).await?;
        there.ok_or(Error::NotFound("document"))?;
        deeds::of_document(&*self.vault.seal(&mut tx).await?, &mut tx, document).await
    }

    /// Notices for one of our people.
    pub(super) async fn notices(&self, tx: &mut TenantTx, session: &Session) -> Result<Vec<DeedRow>, Error> {
        let roles: Vec<_> = session.roles().iter().map(ToString::to_string).collect();
        deeds::notices(
            &*self.vault.seal(tx).await?,
            tx,
            &roles,
            self.now() - NOTICES_KEPT,
            NOTICES_MAX,
        )
        .await
    }
}

impl Hand for Apps {
    fn can(&self) -> &'static [Effect] {
        &[Effect::CallBackend, Effect::RecordPayment, Effect::Notify]
    }

    fn does<'a>(&'a self, tx: &'a mut TenantTx, deed: Deed<'a>) -> KeeperFuture<'a, Results> {
        Box::pin(async move {
            match deed.what {
                Effect::RecordPayment => payment(&deed),
                Effect::Notify => self.notified(tx, deed).await,
                _ => {
                    self.told(tx, deed).await.map_err(KeeperError::from)?;
                    Ok(Results::new())
                }
            }
        })
    }
}
