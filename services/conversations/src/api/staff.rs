//! The wire of threads for our own people.

use std::pin::Pin;

use futures_util::{Stream, TryStreamExt as _};
use hansa_directory::Session;
use hansa_edge::{finish, id, maybe_id, parts, status, timestamp};
use hansa_proto::conversations::v1::{
    self as wire, conversations_staff_service_server::ConversationsStaffService, subject::About,
};
use hansa_vocab::{Fault, LinkId};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use crate::{
    Conversations,
    model::Subject,
    ops::{Notice, Shown, Whole, Wish},
    store::RuleRow,
};

const PAGE: u32 = 50;
const PAGE_MAX: u32 = 200;

/// `hansa.conversations.v1.ConversationsStaffService`.
#[derive(Clone, Debug)]
pub struct ConversationsStaff(pub Conversations);

fn about(subject: Option<wire::Subject>) -> Result<Subject, Status> {
    match subject.and_then(|subject| subject.about) {
        Some(About::LinkId(link)) => Ok(Subject::Link(id("subject", &link)?)),
        Some(About::DocumentId(document)) => Ok(Subject::Document(id("subject", &document)?)),
        None => Err(status(Fault::invalid("subject", "a link or a document"))),
    }
}

fn page_size(asked: u32) -> Result<u32, Status> {
    match asked {
        0 => Ok(PAGE),
        size @ 1..=PAGE_MAX => Ok(size),
        _ => Err(status(Fault::invalid("page_size", "at most 200"))),
    }
}

fn count(place: i64) -> u64 {
    u64::try_from(place).unwrap_or(0)
}

fn thread(whole: Whole) -> wire::Thread {
    let id = whole.row.subject_id.to_string();
    let about = match whole.row.subject_kind.as_str() {
        "link" => About::LinkId(id),
        _ => About::DocumentId(id),
    };
    wire::Thread {
        subject: Some(wire::Subject { about: Some(about) }),
        title: whole.title,
        last: count(whole.row.last),
        read: count(whole.read),
        last_at: Some(timestamp(whole.row.last_at)),
        read_by: whole
            .read_by
            .into_iter()
            .map(|(reader, place)| (reader, count(place)))
            .collect(),
    }
}

fn entry(shown: Shown) -> wire::EntryShown {
    let row = shown.row;
    let pending = shown.pending;
    let files = shown.files.into_iter().map(|file| {
        let missing = pending.iter().find(|(hash, _)| *file.hash == **hash);
        wire::FileShown {
            pending: missing.is_some(),
            trouble: missing.map(|(_, trouble)| trouble.clone()).unwrap_or_default(),
            file: Some(file),
        }
    });
    wire::EntryShown {
        id: row.id.to_string(),
        place: count(row.place.unwrap_or(0)),
        text: shown.text,
        files: files.collect(),
        enterprise_id: row.enterprise,
        enterprise_name: row.enterprise_name,
        author: shown.author,
        role: shown.role,
        at: Some(timestamp(row.at)),
        earlier: shown.earlier,
        withdrawn: shown.withdrawn,
        state: row.state,
        reason: row.reason,
        own: shown.own,
    }
}

fn rule(row: &RuleRow) -> wire::ContactRule {
    wire::ContactRule {
        link_id: row.link_id.to_string(),
        roles: row
            .roles
            .split(' ')
            .filter(|role| !role.is_empty())
            .map(str::to_owned)
            .collect(),
        names: row.names,
    }
}

#[tonic::async_trait]
impl ConversationsStaffService for ConversationsStaff {
    type DownloadFileStream = Pin<Box<dyn Stream<Item = Result<wire::DownloadFileResponse, Status>> + Send>>;

    async fn write_entry(
        &self,
        asked: Request<wire::WriteEntryRequest>,
    ) -> Result<Response<wire::WriteEntryResponse>, Status> {
        let (session, conversations, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let wish = Wish {
            subject: about(asked.subject)?,
            id: maybe_id("entry_id", &asked.entry_id)?,
            of: maybe_id("of_id", &asked.of_id)?,
            text: asked.text,
            files: asked.files,
            withdraw: asked.withdraw,
        };
        let shown = finish(async move { conversations.write(&session, wish).await }).await?;
        Ok(Response::new(wire::WriteEntryResponse {
            entry: Some(entry(shown)),
        }))
    }

    async fn get_thread(
        &self,
        asked: Request<wire::GetThreadRequest>,
    ) -> Result<Response<wire::GetThreadResponse>, Status> {
        let (session, conversations, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let size = page_size(asked.page_size)?;
        let subject = about(asked.subject)?;
        let after = i64::try_from(asked.after).unwrap_or(i64::MAX);
        let (whole, entries, more) =
            finish(async move { conversations.read(&session, subject, (after, size.into())).await }).await?;
        Ok(Response::new(wire::GetThreadResponse {
            thread: Some(thread(whole)),
            entries: entries.into_iter().map(entry).collect(),
            more,
        }))
    }

    async fn list_threads(
        &self,
        asked: Request<wire::ListThreadsRequest>,
    ) -> Result<Response<wire::ListThreadsResponse>, Status> {
        let (session, conversations, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let size = page_size(asked.page_size)?;
        let place = |page: &str| {
            let (nanos, id) = page.split_once('.')?;
            let at = OffsetDateTime::from_unix_timestamp_nanos(nanos.parse().ok()?).ok()?;
            Some((at, id.parse().ok()?))
        };
        let bad = || status(Fault::invalid("page", "the nextPage of an answer to the same question"));
        let before = (!asked.page.is_empty())
            .then(|| place(&asked.page).ok_or_else(bad))
            .transpose()?;
        let mut rows = finish(async move {
            conversations
                .list(&session, asked.unread_only, before, i64::from(size) + 1)
                .await
        })
        .await?;
        let mut next_page = String::new();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if rows.len() > size {
            rows.truncate(size);
            let last = rows
                .last()
                .map(|whole| format!("{}.{}", whole.row.last_at.unix_timestamp_nanos(), whole.row.id));
            next_page = last.unwrap_or_default();
        }
        Ok(Response::new(wire::ListThreadsResponse {
            threads: rows.into_iter().map(thread).collect(),
            next_page,
        }))
    }

    async fn mark_read(
        &self,
        asked: Request<wire::MarkReadRequest>,
    ) -> Result<Response<wire::MarkReadResponse>, Status> {
        let (session, conversations, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let subject = about(asked.subject)?;
        let whole = finish(async move { conversations.mark_read(&session, subject, asked.place).await }).await?;
        Ok(Response::new(wire::MarkReadResponse {
            thread: Some(thread(whole)),
        }))
    }

    async fn put_contact_rule(
        &self,
        asked: Request<wire::PutContactRuleRequest>,
    ) -> Result<Response<wire::PutContactRuleResponse>, Status> {
        let (session, conversations) = (Session::of(&asked)?, self.0.clone());
        let asked = asked.into_inner().rule.unwrap_or_default();
        let link = LinkId(id("link_id", &asked.link_id)?);
        let row =
            finish(async move { conversations.put_rule(&session, link, &asked.roles, asked.names).await }).await?;
        Ok(Response::new(wire::PutContactRuleResponse { rule: Some(rule(&row)) }))
    }

    async fn list_contact_rules(
        &self,
        asked: Request<wire::ListContactRulesRequest>,
    ) -> Result<Response<wire::ListContactRulesResponse>, Status> {
        let (session, conversations) = (Session::of(&asked)?, self.0.clone());
        let rules = finish(async move { conversations.rules(&session).await }).await?;
        Ok(Response::new(wire::ListContactRulesResponse {
            rules: rules.iter().map(rule).collect(),
        }))
    }

    async fn put_mail_notice(
        &self,
        asked: Request<wire::PutMailNoticeRequest>,
    ) -> Result<Response<wire::PutMailNoticeResponse>, Status> {
        let (session, conversations, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let notice = asked.notice.map(|notice| Notice {
            email: notice.email,
            language: notice.language,
            after_minutes: i32::try_from(notice.after_minutes).unwrap_or(i32::MAX),
            everywhere: notice.everywhere,
        });
        finish(async move { conversations.put_notice(&session, notice).await }).await?;
        Ok(Response::new(wire::PutMailNoticeResponse {}))
    }

    async fn get_mail_notice(
        &self,
        asked: Request<wire::GetMailNoticeRequest>,
    ) -> Result<Response<wire::GetMailNoticeResponse>, Status> {
        let (session, conversations) = (Session::of(&asked)?, self.0.clone());
        let notice = finish(async move { conversations.notice(&session).await }).await?;
        let notice = notice.map(|notice| wire::MailNotice {
            email: notice.email,
            language: notice.language,
            after_minutes: notice.after_minutes.unsigned_abs(),
            everywhere: notice.everywhere,
        });
        Ok(Response::new(wire::GetMailNoticeResponse { notice }))
    }

    async fn download_file(
        &self,
        asked: Request<wire::DownloadFileRequest>,
    ) -> Result<Response<Self::DownloadFileStream>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let (subject, entry) = (about(asked.subject)?, id("entry_id", &asked.entry_id)?);
        let conversations = self.0.clone();
        conversations
            .readable(&session, subject, (entry, &asked.hash))
            .await
            .map_err(status)?;
        let part = move |place| {
            let (conversations, session, hash) = (conversations.clone(), session.clone(), asked.hash.clone());
            async move { conversations.part(&session, &hash, place).await }
        };
        let told = parts(part).map_ok(|bytes| wire::DownloadFileResponse { chunk: bytes.into() });
        Ok(Response::new(Box::pin(told)))
    }

    async fn verify_thread(
        &self,
        asked: Request<wire::VerifyThreadRequest>,
    ) -> Result<Response<wire::VerifyThreadResponse>, Status> {
        let (session, conversations, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let subject = about(asked.subject)?;
        let (entries, head, flaws) = finish(async move { conversations.verify(&session, subject).await }).await?;
        Ok(Response::new(wire::VerifyThreadResponse { entries, head, flaws }))
    }
}
