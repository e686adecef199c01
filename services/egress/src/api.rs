//! The wire of webhooks: our own people only.

use hansa_directory::Session;
use hansa_edge::{finish, id, maybe_id, status, timestamp};
use hansa_proto::egress::v1::{self as wire, egress_staff_service_server::EgressStaffService};
use tonic::{Request, Response, Status};

use crate::{
    Egress, Mail,
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
}
