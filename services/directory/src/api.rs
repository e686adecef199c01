//! The wire of the directory: staff only.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use hansa_edge::{finish, status, timestamp};
use hansa_proto::directory::v1 as wire;
use hansa_vocab::{Fault, Role, StaffId};
use time::OffsetDateTime;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::{
    Directory, Session,
    ops::{Checked, Staff, Start, Told, Update},
    store::{KeyRow, accounts::SessionRow, chain::LineRow},
};

/// Where the console takes an invitation: behind the #, so that it stands in nobody's log.
#[must_use]
pub fn invited_at(link: &str) -> String {
    format!("/console/invited#{link}")
}

/// `hansa.directory.v1.DirectoryStaffService`.
#[derive(Clone, Debug)]
pub struct DirectoryStaff(pub Directory);

fn role(role: Role) -> wire::Role {
    match role {
        Role::Owner => wire::Role::Owner,
        Role::Admin => wire::Role::Admin,
        Role::Buyer => wire::Role::Buyer,
        Role::Approver => wire::Role::Approver,
        Role::Store => wire::Role::Store,
        Role::Marketer => wire::Role::Marketer,
        Role::Support => wire::Role::Support,
        Role::Auditor => wire::Role::Auditor,
    }
}

fn roles(numbers: &[i32]) -> Result<Vec<Role>, Fault> {
    let known = |number: &i32| Role::ALL.iter().copied().find(|one| i32::from(role(*one)) == *number);
    numbers
        .iter()
        .map(|number| known(number).ok_or_else(|| Fault::invalid("roles", "unknown role")))
        .collect()
}

fn staff(staff: Staff) -> wire::Staff {
    wire::Staff {
        id: staff.id.to_string(),
        name: staff.name,
        roles: staff.roles.into_iter().map(|one| role(one).into()).collect(),
        units: staff.units,
        disabled: staff.disabled,
    }
}

fn key(row: KeyRow) -> wire::ApiKey {
    wire::ApiKey {
        id: row.id,
        staff_id: row.staff_id.to_string(),
        label: row.label,
        created_at: Some(timestamp(row.created_at)),
        expires_at: Some(timestamp(row.expires_at)),
        revoked: row.revoked,
    }
}

fn change((update, resume_token): Told) -> wire::WatchChangesResponse {
    use wire::watch_changes_response::Update as Shown;
    let update = match update {
        Update::Change(row) => {
            let (topic, id) = row.resource.split_once('/').unwrap_or((&row.resource, ""));
            Shown::Change(wire::Change {
                topic: topic.to_owned(),
                id: id.to_owned(),
                action: row.action,
                at: Some(timestamp(row.at)),
            })
        }
        Update::CaughtUp => Shown::CaughtUp(wire::CaughtUp {}),
        Update::Heartbeat => Shown::Heartbeat(wire::Heartbeat {}),
        Update::Resync => Shown::Resync(wire::Resync {}),
    };
    wire::WatchChangesResponse {
        update: Some(update),
        resume_token,
    }
}

fn audit_line(row: LineRow) -> wire::AuditLine {
    wire::AuditLine {
        id: row.id.to_string(),
        at: Some(timestamp(row.at)),
        actor: row.actor,
        action: row.action,
        resource: row.resource,
        rule: row.rule,
    }
}

fn checks(checked: Checked) -> wire::VerifyAuditResponse {
    let flaws = checked.flaws.into_iter().map(|flaw| wire::AuditFlaw {
        checkpoint: flaw.checkpoint,
        signed_at: flaw.signed_at,
        text: flaw.text,
    });
    wire::VerifyAuditResponse {
        checkpoints: checked.checkpoints,
        lines: checked.lines,
        unsigned_lines: checked.unsigned,
        flaws: flaws.collect(),
        next: checked.next,
    }
}

fn sign_in(session: &Session, row: SessionRow) -> wire::SignIn {
    wire::SignIn {
        current: row.id == session.credential(),
        id: row.id,
        browser: row.label,
        created_at: Some(timestamp(row.created_at)),
        expires_at: Some(timestamp(row.expires_at)),
    }
}

fn staff_id(text: &str) -> Result<StaffId, Fault> {
    text.parse().map_err(|_| Fault::invalid("id", "not a staff id"))
}

#[tonic::async_trait]
impl wire::directory_staff_service_server::DirectoryStaffService for DirectoryStaff {
    async fn invite_staff(
        &self,
        request: Request<wire::InviteStaffRequest>,
    ) -> Result<Response<wire::InviteStaffResponse>, Status> {
        let (session, directory) = (Session::of(&request)?, self.0.clone());
        let staff = staff_id(&request.into_inner().staff_id).map_err(status)?;
        let (link, expires_at) = finish(async move { directory.invite_staff(&session, staff).await }).await?;
        Ok(Response::new(wire::InviteStaffResponse {
            path: invited_at(&link),
            expires_at: Some(timestamp(expires_at)),
        }))
    }

    async fn change_password(
        &self,
        request: Request<wire::ChangePasswordRequest>,
    ) -> Result<Response<wire::ChangePasswordResponse>, Status> {
        let (session, directory) = (Session::of(&request)?, self.0.clone());
        let asked = request.into_inner();
        finish(async move { directory.change_password(&session, &asked.old, &asked.new).await }).await?;
        Ok(Response::new(wire::ChangePasswordResponse {}))
    }

    async fn list_sessions(
        &self,
        request: Request<wire::ListSessionsRequest>,
    ) -> Result<Response<wire::ListSessionsResponse>, Status> {
        let session = Session::of(&request)?;
        let rows = self.0.list_sessions(&session).await.map_err(status)?;
        let sessions = rows.into_iter().map(|row| sign_in(&session, row)).collect();
        Ok(Response::new(wire::ListSessionsResponse { sessions }))
    }

    async fn end_sessions(
        &self,
        request: Request<wire::EndSessionsRequest>,
    ) -> Result<Response<wire::EndSessionsResponse>, Status> {
        let (session, directory) = (Session::of(&request)?, self.0.clone());
        let id = request.into_inner().id;
        let only = (!id.is_empty()).then_some(id);
        let ended = finish(async move { directory.end_sessions(&session, only.as_deref()).await }).await?;
        Ok(Response::new(wire::EndSessionsResponse {
            ended: u32::try_from(ended).unwrap_or(u32::MAX),
        }))
    }

    async fn who_am_i(&self, request: Request<wire::WhoAmIRequest>) -> Result<Response<wire::WhoAmIResponse>, Status> {
        let session = Session::of(&request)?;
        let enterprise = self.0.enterprise(&session).await.map_err(status)?;
        let (units, login) = self.0.own(&session).await.map_err(status)?;
        let me = Staff {
            id: session.staff(),
            name: session.staff_name().to_owned(),
            roles: session.roles().to_vec(),
            units,
            disabled: false,
        };
        Ok(Response::new(wire::WhoAmIResponse {
            enterprise: session.enterprise_name().to_owned(),
            enterprise_id: enterprise.to_string(),
            staff: Some(staff(me)),
            login,
        }))
    }

    async fn create_staff(
        &self,
        request: Request<wire::CreateStaffRequest>,
    ) -> Result<Response<wire::CreateStaffResponse>, Status> {
        let (session, directory, asked) = (Session::of(&request)?, self.0.clone(), request.into_inner());
        let roles = roles(&asked.roles).map_err(status)?;
        let made = finish(async move {
            directory
                .create_staff(&session, &asked.name, (&roles, &asked.units))
                .await
        })
        .await?;
        Ok(Response::new(wire::CreateStaffResponse {
            staff: Some(staff(made)),
        }))
    }

    async fn move_staff(
        &self,
        request: Request<wire::MoveStaffRequest>,
    ) -> Result<Response<wire::MoveStaffResponse>, Status> {
        let (session, directory, asked) = (Session::of(&request)?, self.0.clone(), request.into_inner());
        let id = staff_id(&asked.id).map_err(status)?;
        let done = finish(async move { directory.move_staff(&session, id, &asked.units).await }).await?;
        Ok(Response::new(wire::MoveStaffResponse {
            staff: Some(staff(done)),
        }))
    }

    async fn list_staff(
        &self,
        request: Request<wire::ListStaffRequest>,
    ) -> Result<Response<wire::ListStaffResponse>, Status> {
        let all = self.0.list_staff(&Session::of(&request)?).await.map_err(status)?;
        Ok(Response::new(wire::ListStaffResponse {
            staff: all.into_iter().map(staff).collect(),
        }))
    }

    async fn list_colleagues(
        &self,
        request: Request<wire::ListColleaguesRequest>,
    ) -> Result<Response<wire::ListColleaguesResponse>, Status> {
        let all = self.0.list_colleagues(&Session::of(&request)?).await.map_err(status)?;
        let colleague = |(id, name): (StaffId, String)| wire::Colleague {
            id: id.to_string(),
            name,
        };
        Ok(Response::new(wire::ListColleaguesResponse {
            colleagues: all.into_iter().map(colleague).collect(),
        }))
    }

    async fn disable_staff(
        &self,
        request: Request<wire::DisableStaffRequest>,
    ) -> Result<Response<wire::DisableStaffResponse>, Status> {
        let (session, directory) = (Session::of(&request)?, self.0.clone());
        let id = staff_id(&request.into_inner().id).map_err(status)?;
        let done = finish(async move { directory.disable_staff(&session, id).await }).await?;
        Ok(Response::new(wire::DisableStaffResponse {
            staff: Some(staff(done)),
        }))
    }

    async fn create_api_key(
        &self,
        request: Request<wire::CreateApiKeyRequest>,
    ) -> Result<Response<wire::CreateApiKeyResponse>, Status> {
        let (session, directory, asked) = (Session::of(&request)?, self.0.clone(), request.into_inner());
        let id = staff_id(&asked.staff_id).map_err(status)?;
        let expires_at = asked
            .expires_at
            .map(|at| OffsetDateTime::from_unix_timestamp(at.seconds))
            .transpose()
            .map_err(|_| status(Fault::invalid("expires_at", "out of range")))?;
        let made = finish(async move { directory.create_key(&session, id, &asked.label, expires_at).await }).await?;
        Ok(Response::new(wire::CreateApiKeyResponse {
            secret: made.secret,
            api_key: Some(key(made.row)),
        }))
    }

    async fn list_api_keys(
        &self,
        request: Request<wire::ListApiKeysRequest>,
    ) -> Result<Response<wire::ListApiKeysResponse>, Status> {
        let session = Session::of(&request)?;
        let id = staff_id(&request.into_inner().staff_id).map_err(status)?;
        let keys = self.0.list_keys(&session, id).await.map_err(status)?;
        Ok(Response::new(wire::ListApiKeysResponse {
            api_keys: keys.into_iter().map(key).collect(),
        }))
    }

    async fn revoke_api_key(
        &self,
        request: Request<wire::RevokeApiKeyRequest>,
    ) -> Result<Response<wire::RevokeApiKeyResponse>, Status> {
        let (session, directory, id) = (Session::of(&request)?, self.0.clone(), request.into_inner().id);
        let row = finish(async move { directory.revoke_key(&session, &id).await }).await?;
        Ok(Response::new(wire::RevokeApiKeyResponse {
            api_key: Some(key(row)),
        }))
    }

    async fn list_audit_lines(
        &self,
        request: Request<wire::ListAuditLinesRequest>,
    ) -> Result<Response<wire::ListAuditLinesResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let size = match asked.page_size {
            0 => 50,
            size @ 1..=200 => size,
            _ => return Err(status(Fault::invalid("page_size", "at most 200"))),
        };
        let before = match &*asked.page {
            "" => None,
            page => {
                let id = page.parse();
                Some(id.map_err(|_| status(Fault::invalid("page", "not a page of this list")))?)
            }
        };
        let rows = self
            .0
            .audit_lines(&session, before, size.into())
            .await
            .map_err(status)?;
        let full = u32::try_from(rows.len()) == Ok(size);
        Ok(Response::new(wire::ListAuditLinesResponse {
            next_page: rows
                .last()
                .filter(|_| full)
                .map_or_else(String::new, |row| row.id.to_string()),
            lines: rows.into_iter().map(audit_line).collect(),
        }))
    }

    type WatchChangesStream = Pin<Box<dyn Stream<Item = Result<wire::WatchChangesResponse, Status>> + Send>>;

    async fn watch_changes(
        &self,
        request: Request<wire::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let start = match (&*asked.resume_token, asked.from_the_beginning) {
            ("", true) => Start::Beginning,
            ("", false) => Start::Now,
            (token, _) => Start::Token(token.to_owned()),
        };
        let updates = self.0.watch(&session, &asked.topics, start).map_err(status)?;
        let told = ReceiverStream::new(updates).map(|told| told.map(change).map_err(status));
        Ok(Response::new(Box::pin(told)))
    }

    async fn verify_audit(
        &self,
        request: Request<wire::VerifyAuditRequest>,
    ) -> Result<Response<wire::VerifyAuditResponse>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let checked = self.0.check_audit(&session, asked.after, &asked.witnesses).await;
        Ok(Response::new(checks(checked.map_err(status)?)))
    }
}
