//! The wire of webhooks: our own people only.

use hansa_directory::Session;
use hansa_edge::{finish, id, maybe_id, status, timestamp};
use hansa_proto::egress::v1::{self as wire, egress_staff_service_server::EgressStaffService};
use hansa_tenancy::Caller as _;
use tonic::{Request, Response, Status};

use crate::{
    Egress, Issuer, Mail,
    store::{DeliveryRow, WebhookRow, mail::MailRow},
};

/// `hansa.egress.v1.EgressStaffService`.
#[derive(Clone, Debug)]
pub struct EgressStaff(pub Egress);

fn webhook(row: WebhookRow) -> wire::Webhook {
    wire::Webhook {
        id: row.id.to_string(),
        url: row.url,
        topics: row.topics.split_whitespace().map(str::to_owned).collect(),
        disabled: row.disabled,
        created_at: Some(timestamp(row.created_at)),
    }
}

fn delivery(row: DeliveryRow) -> wire::Delivery {
    wire::Delivery {
        id: row.id.to_string(),
        webhook_id: row.webhook_id.to_string(),
        topic: row.topic,
        payload: row.payload,
        state: row.state,
        attempts: u32::try_from(row.attempts).unwrap_or(0),
        due_at: Some(timestamp(row.due_at)),
        status: row.status.and_then(|status| u32::try_from(status).ok()).unwrap_or(0),
        trouble: row.trouble,
        created_at: Some(timestamp(row.created_at)),
    }
}

fn mail((row, letter): (MailRow, Option<Mail>)) -> wire::Mail {
    let (to, subject) = letter.map(|letter| (letter.to, letter.subject)).unwrap_or_default();
    wire::Mail {
        id: row.id.to_string(),
        to,
        subject,
        state: row.state,
        attempts: u32::try_from(row.attempts).unwrap_or(0),
        due_at: Some(timestamp(row.due_at)),
        trouble: row.trouble,
        document_id: row.subject_id.to_string(),
        created_at: Some(timestamp(row.created_at)),
    }
}

impl EgressStaff {
    fn shown(&self, session: &Session, issuer: Issuer) -> wire::Issuer {
        wire::Issuer {
            url: issuer.url,
            client_id: issuer.client_id,
            redirect_uri: self.0.redirect_uri(session.tenant()),
            sign_in_url: self.0.sign_in_url(session.tenant()),
        }
    }
}

#[tonic::async_trait]
impl EgressStaffService for EgressStaff {
    async fn add_webhook(
        &self,
        asked: Request<wire::AddWebhookRequest>,
    ) -> Result<Response<wire::AddWebhookResponse>, Status> {
        let (session, egress, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (row, secret) = finish(async move { egress.add(&session, &asked.url, &asked.topics).await }).await?;
        Ok(Response::new(wire::AddWebhookResponse {
            webhook: Some(webhook(row)),
            secret,
        }))
    }

    async fn list_webhooks(
        &self,
        asked: Request<wire::ListWebhooksRequest>,
    ) -> Result<Response<wire::ListWebhooksResponse>, Status> {
        let session = Session::of(&asked)?;
        let all = self.0.webhooks(&session).await.map_err(status)?;
        Ok(Response::new(wire::ListWebhooksResponse {
            webhooks: all.into_iter().map(webhook).collect(),
        }))
    }

    async fn remove_webhook(
        &self,
        asked: Request<wire::RemoveWebhookRequest>,
    ) -> Result<Response<wire::RemoveWebhookResponse>, Status> {
        let (session, egress, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let one = id("id", &asked.id)?;
        finish(async move { egress.remove(&session, one).await }).await?;
        Ok(Response::new(wire::RemoveWebhookResponse {}))
    }

    async fn list_deliveries(
        &self,
        asked: Request<wire::ListDeliveriesRequest>,
    ) -> Result<Response<wire::ListDeliveriesResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let all = self.0.deliveries(&session, id("id", &asked.id)?, &asked.state).await;
        Ok(Response::new(wire::ListDeliveriesResponse {
            deliveries: all.map_err(status)?.into_iter().map(delivery).collect(),
        }))
    }

    async fn redeliver(
        &self,
        asked: Request<wire::RedeliverRequest>,
    ) -> Result<Response<wire::RedeliverResponse>, Status> {
        let (session, egress, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let one = id("id", &asked.id)?;
        let row = finish(async move { egress.again(&session, one).await }).await?;
        Ok(Response::new(wire::RedeliverResponse {
            delivery: Some(delivery(row)),
        }))
    }

    async fn list_mails(
        &self,
        asked: Request<wire::ListMailsRequest>,
    ) -> Result<Response<wire::ListMailsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let about = maybe_id("document_id", &asked.document_id)?;
        let all = self.0.mails(&session, about).await.map_err(status)?;
        Ok(Response::new(wire::ListMailsResponse {
            mails: all.into_iter().map(mail).collect(),
        }))
    }

    async fn get_issuer(
        &self,
        asked: Request<wire::GetIssuerRequest>,
    ) -> Result<Response<wire::GetIssuerResponse>, Status> {
        let session = Session::of(&asked)?;
        let found = self.0.get_issuer(&session).await.map_err(status)?;
        Ok(Response::new(wire::GetIssuerResponse {
            issuer: found.map(|issuer| self.shown(&session, issuer)),
            redirect_uri: self.0.redirect_uri(session.tenant()),
        }))
    }

    async fn set_issuer(
        &self,
        asked: Request<wire::SetIssuerRequest>,
    ) -> Result<Response<wire::SetIssuerResponse>, Status> {
        let (session, egress, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let by = session.clone();
        let set = async move {
            let said = (
                asked.url.as_str(),
                asked.client_id.as_str(),
                asked.client_secret.as_str(),
            );
            egress.set_issuer(&by, said).await
        };
        let issuer = finish(set).await?;
        Ok(Response::new(wire::SetIssuerResponse {
            issuer: Some(self.shown(&session, issuer)),
        }))
    }

    async fn remove_issuer(
        &self,
        asked: Request<wire::RemoveIssuerRequest>,
    ) -> Result<Response<wire::RemoveIssuerResponse>, Status> {
        let (session, egress) = (Session::of(&asked)?, self.0.clone());
        finish(async move { egress.remove_issuer(&session).await }).await?;
        Ok(Response::new(wire::RemoveIssuerResponse {}))
    }
}
