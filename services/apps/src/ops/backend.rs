//! Systems of ours behind apps of ours: where they are, and how they do.

use hansa_directory::Session;
use hansa_proto::apps::v1::{self as wire, CallRequest, app_backend_client::AppBackendClient};
use hansa_tenancy::TenantTx;
use prost::Message as _;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{Apps, calls::DEADLINE};
use crate::{
    Error,
    model::call,
    store::{
        self,
        calls::{self, BackendRow, BackendShown, CallRow},
    },
};

/// How its calls went is counted over this time.
const COUNTED: Duration = Duration::days(1);
/// What is not answered by then is not under way any more.
pub(super) const LEASE: Duration = Duration::seconds(30);

/// Where a system is to be.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub app: &'a str,
    pub url: &'a str,
    pub grpc: bool,
}

impl Apps {
    /// Says where the system behind an app of ours is; what it is asked from now on carries a secret of its own.
    pub(crate) async fn put_backend(
        &self,
        session: &Session,
        place: Place<'_>,
    ) -> Result<(BackendShown, String), Error> {
        let (url, shown, secret) = self.egress.backend(place.url)?;
        let mut tx = self.tenancy.begin("apps.put_backend", session).await?;
        self.with_backend(&mut tx, place.app).await?;
        let row = BackendRow {
            app: place.app.to_owned(),
            over: if place.grpc { "grpc" } else { "https" }.to_owned(),
            url,
            secret,
            since: self.now(),
        };
        calls::put_backend(&mut tx, &row).await?;
        self.note(&mut tx, session, "backend.put", &format!("app/{}", row.app))
            .await?;
        // What comes of acts may have waited for it.
        tx.due_now().await?;
        tx.commit().await?;
        let shown_row = BackendShown {
            app: row.app,
            over: row.over,
            url: row.url,
            since: row.since,
            answered: 0,
            failed: 0,
            waiting: 0,
        };
        Ok((shown_row, shown))
    }

    /// An app of ours that names a system.
    async fn with_backend(&self, tx: &mut TenantTx, app: &str) -> Result<(), Error> {
        let us = self.us(tx).await?;
        let row = store::version(tx, &us, app, None).await?;
        let read = self.read(tx, row.ok_or(Error::NotFound("app"))?, &us).await?;
        match read.manifest.backend {
            Some(_) => Ok(()),
            None => Err(Error::Invalid {
                field: "app",
                text: "its manifest names no backend".to_owned(),
            }),
        }
    }

    pub(crate) async fn remove_backend(&self, session: &Session, app: &str) -> Result<(), Error> {
        let mut tx = self.tenancy.begin("apps.remove_backend", session).await?;
        if calls::remove_backend(&mut tx, app).await? == 0 {
            return Err(Error::NotFound("backend"));
        }
        self.note(&mut tx, session, "backend.remove", &format!("app/{app}"))
            .await?;
        Ok(tx.commit().await?)
    }

    /// Systems of ours, with how the calls of the last day went.
    pub(crate) async fn backends(&self, session: &Session) -> Result<Vec<BackendShown>, Error> {
        let mut tx = self.tenancy.begin("apps.backends", session).await?;
        calls::backends(&mut tx, self.now() - COUNTED).await
    }

    /// What a system of ours was asked.
    pub(crate) async fn calls(&self, session: &Session, app: &str, state: &str) -> Result<Vec<CallRow>, Error> {
        let mut tx = self.tenancy.begin("apps.calls", session).await?;
        calls::calls(&*self.vault.seal(&mut tx).await?, &mut tx, app, state).await
    }

    /// Tries what came of an act, and was given up, from the beginning.
    pub(crate) async fn retry(&self, session: &Session, caller: &str, id: Uuid) -> Result<CallRow, Error> {
        let mut tx = self.tenancy.begin("apps.retry", session).await?;
        let row = calls::call(&*self.vault.seal(&mut tx).await?, &mut tx, caller, id).await?;
        let row = row.filter(|row| row.document_id.is_some() && row.state == "failed");
        let mut row = row.ok_or(Error::NotFound("call"))?;
        (row.attempts, row.due_at, row.state) = (0, Some(self.now()), "asked".to_owned());
        calls::ask_again(&mut tx, &row).await?;
        self.note(&mut tx, session, "backend.retry", &format!("call/{id}"))
            .await?;
        tx.due_now().await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Asks a system, by whichever way it is spoken to.
    pub(super) async fn ask(&self, backend: &BackendRow, asked: &CallRequest) -> Result<wire::CallResponse, String> {
        let place = (backend.url.as_str(), backend.secret.as_str());
        if backend.over == "https" {
            let timestamp = self.now().format(&Rfc3339).unwrap_or_default();
            let id = asked.id.parse().map_err(|_| "its id is none".to_owned())?;
            let letter = (id, call::payload(asked, &timestamp));
            let answer = self.egress.ask(place, letter, (call::ANSWER_MAX, DEADLINE)).await?;
            return call::read(&answer);
        }
        let asking = async {
            let (channel, secret) = self.egress.connect(place, DEADLINE).await?;
            let mut request = tonic_request(asked.clone());
            let bearer = format!("Bearer {secret}").parse();
            let bearer = bearer.map_err(|_| "its secret can't be sent".to_owned())?;
            request.metadata_mut().insert("authorization", bearer);
            let mut client = AppBackendClient::new(channel).max_decoding_message_size(call::ANSWER_MAX);
            let answer = client.call(request).await;
            Ok(answer
                .map_err(|status| format!("{:?}: {}", status.code(), status.message()))?
                .into_inner())
        };
        let late = |_| Err(format!("no answer within {} seconds", DEADLINE.as_secs()));
        tokio::time::timeout(DEADLINE, asking).await.unwrap_or_else(late)
    }

    /// A question, as it is kept.
    pub(super) fn row(asked: &CallRequest, (body_hash, now): (String, OffsetDateTime)) -> Result<CallRow, Error> {
        Ok(CallRow {
            caller: asked.enterprise.clone(),
            id: asked.id.parse().map_err(|_| Error::Damaged("app_call"))?,
            app: asked.app.clone(),
            operation: asked.operation.clone(),
            body_hash,
            request: asked.encode_to_vec(),
            state: "asked".to_owned(),
            output: String::new(),
            refused: String::new(),
            trouble: String::new(),
            attempts: 0,
            asked_at: now,
            due_at: None,
            document_id: asked.document_id.parse().ok(),
        })
    }
}

/// With a deadline that the system sees too.
fn tonic_request(asked: CallRequest) -> tonic::Request<CallRequest> {
    let mut request = tonic::Request::new(asked);
    request.set_timeout(DEADLINE);
    request
}
