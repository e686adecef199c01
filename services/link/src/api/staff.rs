//! What our own people do with links.

use std::pin::Pin;

use data_encoding::HEXLOWER_PERMISSIVE;
use futures_util::{Stream, StreamExt as _};
use hansa_directory::Session;
use hansa_edge::{duration, finish, status, timestamp};
use hansa_proto::link::v1::{self as wire, link_staff_service_server::LinkStaffService};
use hansa_vocab::{Fault, LinkId};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::{
    Error, Links,
    model::{Grant, terms::BadGrant},
    ops::{LinkView, Say, VALID_FOR},
};

/// Chunks of evidence that are written ahead of the reader.
const CHUNKS_AHEAD: usize = 4;
/// Links that are put into groups with one call.
const GROUPED_MAX: usize = 1_000;

/// `hansa.link.v1.LinkStaffService`.
#[derive(Clone, Debug)]
pub struct LinkStaff(pub Links);

fn link_id(text: &str) -> Result<LinkId, Error> {
    text.parse().map_err(|_| Error::NoSuchLink)
}

fn grant(given: Option<&wire::Grant>) -> Result<Grant, Error> {
    given.map_or(Ok(Grant::default()), |grant| {
        Grant::try_from(grant).map_err(|BadGrant { field, text }| Error::Invalid { field, text })
    })
}

fn view(view: LinkView) -> wire::Link {
    let (row, contact) = (view.row, view.contact.unwrap_or_default());
    wire::Link {
        id: row.id.to_string(),
        state: view.standing.state.wire().into(),
        waiting_for: view.standing.waiting_for,
        partner: row.peer_name,
        partner_id: row.peer.map(|peer| peer.to_string()).unwrap_or_default(),
        check_code: row.check_code,
        terms_text: view.terms_text,
        terms_hash: row.terms_hash,
        hosted: row.hosted,
        email: contact.email,
        language: contact.language,
        groups: view.groups,
        health: view.health.into(),
        queue_depth: view.queue_depth,
        queue_max: view.queue_max,
        oldest_unacknowledged: view.oldest_unacknowledged.map(duration),
        parked: view.parked,
        last_refusal: row.last_refusal.unwrap_or_default(),
        last_refusal_at: row.last_refusal_at.map(timestamp),
        last_contact_at: row.last_contact_at.map(timestamp),
        granted: Some((&view.granted).into()),
        received: Some((&view.received).into()),
        granted_version: u64::try_from(row.grant_version).unwrap_or(0),
        reason: view.fork.unwrap_or(view.standing.reason),
    }
}

impl LinkStaff {
    /// Says something about a link and shows it as it is then.
    async fn say(&self, session: Session, id: &str, say: Say) -> Result<Option<wire::Link>, Status> {
        let (links, id) = (self.0.clone(), link_id(id).map_err(status)?);
        finish(async move {
            links.declare(&session, id, say).await?;
            links.tell_now(&session, id).await;
            links.view(&session, id).await
        })
        .await
        .map(|shown| Some(view(shown)))
    }
}

#[tonic::async_trait]
impl LinkStaffService for LinkStaff {
    async fn create_invite(
        &self,
        request: Request<wire::CreateInviteRequest>,
    ) -> Result<Response<wire::CreateInviteResponse>, Status> {
        let (session, links, asked) = (Session::of(&request)?, self.0.clone(), request.into_inner());
        let granted = grant(asked.grant.as_ref()).map_err(status)?;
        let wanted = grant(asked.ask.as_ref()).map_err(status)?;
        let valid_for = asked
            .valid_for
            .map_or(VALID_FOR, |given| time::Duration::new(given.seconds, given.nanos));
        let (shown, invite) = finish(async move {
            let (id, invite) = links
                .create_invite(&session, (&granted, &wanted), valid_for, &asked.groups)
                .await?;
            Ok::<_, Error>((links.view(&session, id).await?, invite))
        })
        .await?;
        Ok(Response::new(wire::CreateInviteResponse {
            link: Some(view(shown)),
            expires_at: Some(timestamp(invite.expires)),
            invite: invite.text(),
        }))
    }

    async fn create_guest(
        &self,
        request: Request<wire::CreateGuestRequest>,
    ) -> Result<Response<wire::CreateGuestResponse>, Status> {
        let (session, links, asked) = (Session::of(&request)?, self.0.clone(), request.into_inner());
        let granted = grant(asked.grant.as_ref()).map_err(status)?;
        let wanted = grant(asked.ask.as_ref()).map_err(status)?;
        let shown = finish(async move {
            let contact = (&*asked.email, &*asked.language);
            let id = links
                .create_guest(&session, &asked.name, contact, (&granted, &wanted))
                .await?;
            links.view(&session, id).await
        })
        .await?;
        Ok(Response::new(wire::CreateGuestResponse {
            link: Some(view(shown)),
        }))
    }

    async fn update_guest(
        &self,
        request: Request<wire::UpdateGuestRequest>,
    ) -> Result<Response<wire::UpdateGuestResponse>, Status> {
        let (session, links, asked) = (Session::of(&request)?, self.0.clone(), request.into_inner());
        let id = link_id(&asked.id).map_err(status)?;
        let shown = finish(async move {
            let contact = (&*asked.email, &*asked.language);
            links.update_guest(&session, id, contact).await?;
            links.view(&session, id).await
        })
        .await?;
        Ok(Response::new(wire::UpdateGuestResponse {
            link: Some(view(shown)),
        }))
    }

    async fn accept_invite(
        &self,
        request: Request<wire::LinkStaffServiceAcceptInviteRequest>,
    ) -> Result<Response<wire::LinkStaffServiceAcceptInviteResponse>, Status> {
        let (session, links, asked) = (Session::of(&request)?, self.0.clone(), request.into_inner());
        let shown = finish(async move {
            let id = links.accept_invite(&session, &asked.invite).await?;
            links.view(&session, id).await
        })
        .await?;
        Ok(Response::new(wire::LinkStaffServiceAcceptInviteResponse {
            link: Some(view(shown)),
        }))
    }

    async fn approve_link(
        &self,
        request: Request<wire::ApproveLinkRequest>,
    ) -> Result<Response<wire::ApproveLinkResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let hash = HEXLOWER_PERMISSIVE
            .decode(asked.terms_hash.as_bytes())
            .ok()
            .and_then(|hash| hash.try_into().ok());
        let hash = hash.ok_or_else(|| status(Fault::invalid("terms_hash", "64 hex digits, as the link shows them")))?;
        let link = self.say(session, &asked.id, Say::Approve(hash)).await?;
        Ok(Response::new(wire::ApproveLinkResponse { link }))
    }

    async fn decline_link(
        &self,
        request: Request<wire::DeclineLinkRequest>,
    ) -> Result<Response<wire::DeclineLinkResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let link = self.say(session, &asked.id, Say::Decline(asked.reason)).await?;
        Ok(Response::new(wire::DeclineLinkResponse { link }))
    }

    async fn get_link(
        &self,
        request: Request<wire::GetLinkRequest>,
    ) -> Result<Response<wire::GetLinkResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let id = link_id(&asked.id).map_err(status)?;
        let shown = self.0.view(&session, id).await.map_err(status)?;
        Ok(Response::new(wire::GetLinkResponse {
            link: Some(view(shown)),
        }))
    }

    async fn get_link_history(
        &self,
        request: Request<wire::GetLinkHistoryRequest>,
    ) -> Result<Response<wire::GetLinkHistoryResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let id = link_id(&asked.id).map_err(status)?;
        let days = self.0.history(&session, id, asked.days).await.map_err(status)?;
        let seconds = |seconds: f64| Some(duration(time::Duration::seconds_f64(seconds)));
        let many = |number: i64| u64::try_from(number).unwrap_or(0);
        let days = days.into_iter().map(|row| wire::LinkDay {
            day: row.day.to_string(),
            sent: many(row.sent),
            received: many(row.received),
            median: seconds(row.median),
            longest: seconds(row.longest),
            unanswered: many(row.unanswered),
        });
        Ok(Response::new(wire::GetLinkHistoryResponse { days: days.collect() }))
    }

    async fn list_links(
        &self,
        request: Request<wire::ListLinksRequest>,
    ) -> Result<Response<wire::ListLinksResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let shown = self.0.views(&session, &asked.group).await.map_err(status)?;
        Ok(Response::new(wire::ListLinksResponse {
            links: shown.into_iter().map(view).collect(),
        }))
    }

    async fn group_links(
        &self,
        request: Request<wire::GroupLinksRequest>,
    ) -> Result<Response<wire::GroupLinksResponse>, Status> {
        let (session, links, asked) = (Session::of(&request)?, self.0.clone(), request.into_inner());
        if asked.link_ids.is_empty() || asked.link_ids.len() > GROUPED_MAX {
            return Err(status(Fault::invalid("link_ids", format!("1 to {GROUPED_MAX}"))));
        }
        let all = asked
            .link_ids
            .iter()
            .map(|id| link_id(id))
            .collect::<Result<Vec<_>, _>>();
        let all = all.map_err(status)?;
        finish(async move { links.group(&session, &all, (&asked.add, &asked.remove)).await }).await?;
        Ok(Response::new(wire::GroupLinksResponse {}))
    }

    async fn list_groups(
        &self,
        request: Request<wire::ListGroupsRequest>,
    ) -> Result<Response<wire::ListGroupsResponse>, Status> {
        let groups = self.0.groups(&Session::of(&request)?).await.map_err(status)?;
        let many = |links: i64| u32::try_from(links).unwrap_or(u32::MAX);
        let groups = groups.into_iter().map(|row| wire::Group {
            name: row.name,
            links: many(row.links),
            active: many(row.active),
        });
        Ok(Response::new(wire::ListGroupsResponse {
            groups: groups.collect(),
        }))
    }

    async fn suspend_link(
        &self,
        request: Request<wire::SuspendLinkRequest>,
    ) -> Result<Response<wire::SuspendLinkResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let link = self.say(session, &asked.id, Say::Suspend(asked.reason)).await?;
        Ok(Response::new(wire::SuspendLinkResponse { link }))
    }

    async fn resume_link(
        &self,
        request: Request<wire::ResumeLinkRequest>,
    ) -> Result<Response<wire::ResumeLinkResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let link = self.say(session, &asked.id, Say::Resume).await?;
        Ok(Response::new(wire::ResumeLinkResponse { link }))
    }

    async fn revoke_link(
        &self,
        request: Request<wire::RevokeLinkRequest>,
    ) -> Result<Response<wire::RevokeLinkResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let link = self.say(session, &asked.id, Say::Revoke(asked.reason)).await?;
        Ok(Response::new(wire::RevokeLinkResponse { link }))
    }

    async fn list_parked(
        &self,
        request: Request<wire::ListParkedRequest>,
    ) -> Result<Response<wire::ListParkedResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let id = link_id(&asked.id).map_err(status)?;
        let rows = self.0.parked(&session, id).await.map_err(status)?;
        Ok(Response::new(wire::ListParkedResponse {
            messages: rows
                .into_iter()
                .map(|row| wire::ParkedMessage {
                    number: row.number,
                    r#type: row.kind,
                    ordering_key: row.ordering_key,
                    reason: row.reason,
                    waiting: row.waiting,
                    class: row.class.into(),
                    received_at: Some(timestamp(row.received_at)),
                })
                .collect(),
        }))
    }

    async fn replay_parked(
        &self,
        request: Request<wire::ReplayParkedRequest>,
    ) -> Result<Response<wire::ReplayParkedResponse>, Status> {
        let (session, links, asked) = (Session::of(&request)?, self.0.clone(), request.into_inner());
        let id = link_id(&asked.id).map_err(status)?;
        let class = match asked.class() {
            wire::TrafficClass::Unspecified => wire::TrafficClass::Event,
            class => class,
        };
        let (processed, reason) =
            finish(async move { links.replay(&session, id, class, asked.number, asked.skip).await }).await?;
        Ok(Response::new(wire::ReplayParkedResponse { processed, reason }))
    }

    type ExportEvidenceStream = Pin<Box<dyn Stream<Item = Result<wire::ExportEvidenceResponse, Status>> + Send>>;

    async fn export_evidence(
        &self,
        request: Request<wire::ExportEvidenceRequest>,
    ) -> Result<Response<Self::ExportEvidenceStream>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let id = link_id(&asked.id).map_err(status)?;
        let ended = session.ended();
        let (lines, written) = mpsc::channel(CHUNKS_AHEAD);
        tokio::spawn(self.0.clone().export(session, id, lines));
        let answers = ReceiverStream::new(written)
            .take_until(ended.cancelled_owned())
            .map(|chunk| match chunk {
                Ok(lines) => Ok(wire::ExportEvidenceResponse {
                    lines: lines.into_bytes().into(),
                }),
                Err(error) => Err(status(error)),
            });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn set_grant(
        &self,
        request: Request<wire::SetGrantRequest>,
    ) -> Result<Response<wire::SetGrantResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let granted = grant(asked.grant.as_ref()).map_err(status)?;
        let link = self.say(session, &asked.id, Say::Grant(Box::new(granted))).await?;
        Ok(Response::new(wire::SetGrantResponse { link }))
    }
}
