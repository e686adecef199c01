//! What our own people do with members.

use std::pin::Pin;

use hansa_directory::Session;
use hansa_edge::{finish, id, maybe_id, status};
use hansa_proto::members::v1::{self as wire, members_staff_service_server::MembersStaffService};
use hansa_vault::Identifier;
use hansa_vocab::{Fault, LinkId};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::shown::{answered, at, consent, field, member, notice, pool, positive, publication, raw, shown};
use crate::{
    Error, Members,
    model::fields::RawRow,
    ops::{Import, NewNotice, Segment, Who, Wish},
    store::{consents::ReleaseRow, offers::After},
};

/// `hansa.members.v1.MembersStaffService`.
#[derive(Clone, Debug)]
pub struct MembersStaff(pub Members);

/// A partner that has not acknowledged an end for so long is called.
const LATE_AFTER: time::Duration = time::Duration::days(7);
/// By then whoever asked must have been told that it is done.
const DUE_AFTER: time::Duration = time::Duration::days(30);

fn number(field: &'static str, number: u64) -> Result<i64, Status> {
    i64::try_from(number).map_err(|_| status(Fault::invalid(field, "no such number")))
}

fn page_size(given: u32) -> Result<i64, Status> {
    match given {
        0 => Ok(100),
        1..=1_000 => Ok(i64::from(given)),
        _ => Err(status(Fault::invalid("page_size", "at most 1000"))),
    }
}

/// Where a list of offers goes on; an empty page is the first.
fn after_offer(page: &str) -> Result<After, Status> {
    let mut parts = page.splitn(3, '.');
    let mut part = || parts.next().unwrap_or_default();
    let (link, pool, purpose) = (part(), part(), part());
    let known = |text| Ok::<_, Status>(maybe_id("page", text)?.unwrap_or_default());
    Ok((known(link)?, known(pool)?, purpose.to_owned()))
}

/// Takes an import to its end; each chunk is one transaction, finished whatever becomes of the caller.
async fn take_import(
    members: Members,
    session: Session,
    mut chunks: Streaming<wire::ImportMembersRequest>,
    answers: tokio::sync::mpsc::Sender<Result<wire::ImportMembersResponse, Status>>,
) {
    let mut import: Option<Import> = None;
    let ended = session.ended();
    loop {
        let chunk = tokio::select! {
            chunk = chunks.message() => chunk,
            () = ended.cancelled() => Err(Status::unauthenticated("the key was withdrawn")),
        };
        let answer = match chunk {
            Ok(None) => return,
            Ok(Some(chunk)) => {
                let (members, session, under_way) = (members.clone(), session.clone(), import.take());
                let done = finish(async move {
                    let mut under_way = match under_way {
                        Some(under_way) => under_way,
                        None => {
                            let options = chunk.options.unwrap_or_default();
                            members
                                .import(session, &options.pool, &options.region, options.dry_run)
                                .await?
                        }
                    };
                    let rows: Vec<RawRow> = chunk.rows.into_iter().map(raw).collect();
                    let problems = under_way.chunk(&rows).await?;
                    Ok::<_, Error>((problems, under_way))
                });
                done.await.map(|(problems, under_way)| {
                    let answer = answered(problems, under_way.totals);
                    import = Some(under_way);
                    answer
                })
            }
            Err(status) => Err(status),
        };
        let failed = answer.is_err();
        if answers.send(answer).await.is_err() || failed {
            return;
        }
    }
}

/// By what a member is asked for: one of the three.
fn who(asked: &wire::GetMemberRequest) -> Result<Who, Status> {
    let wrong =
        |field: &'static str| move |wrong: hansa_vault::NotNormal| status(Fault::invalid(field, wrong.to_string()));
    match (asked.number, asked.phone.as_str(), asked.email.as_str()) {
        (0, "", email) => Ok(Who::Known(Identifier::email(email).map_err(wrong("email"))?)),
        (0, phone, "") => Ok(Who::Known(Identifier::phone(phone, None).map_err(wrong("phone"))?)),
        (given, "", "") => Ok(Who::Number(number("number", given)?)),
        _ => Err(status(Fault::invalid("number", "one of number, phone and email"))),
    }
}

#[tonic::async_trait]
impl MembersStaffService for MembersStaff {
    async fn put_pool(&self, asked: Request<wire::PutPoolRequest>) -> Result<Response<wire::PutPoolResponse>, Status> {
        let (session, members) = (Session::of(&asked)?, self.0.clone());
        let given = asked.into_inner().pool.unwrap_or_default();
        let fields = given.fields.iter().cloned().map(field).collect::<Result<Vec<_>, _>>()?;
        let (code, name) = (given.code.clone(), given.name.clone());
        finish(async move { members.put_pool(&session, &code, &name, &fields).await }).await?;
        Ok(Response::new(wire::PutPoolResponse { pool: Some(given) }))
    }

    async fn list_pools(
        &self,
        asked: Request<wire::ListPoolsRequest>,
    ) -> Result<Response<wire::ListPoolsResponse>, Status> {
        let session = Session::of(&asked)?;
        let pools = self.0.pools(&session).await.map_err(status)?;
        let pools = pools.into_iter().map(pool).collect::<Result<_, _>>().map_err(status)?;
        Ok(Response::new(wire::ListPoolsResponse { pools }))
    }

    type ImportMembersStream = Pin<Box<dyn Stream<Item = Result<wire::ImportMembersResponse, Status>> + Send>>;

    async fn import_members(
        &self,
        asked: Request<Streaming<wire::ImportMembersRequest>>,
    ) -> Result<Response<Self::ImportMembersStream>, Status> {
        let session = Session::of(&asked)?;
        let (to_caller, answers) = tokio::sync::mpsc::channel(2);
        tokio::spawn(take_import(self.0.clone(), session, asked.into_inner(), to_caller));
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn import_member_rows(
        &self,
        asked: Request<wire::ImportMemberRowsRequest>,
    ) -> Result<Response<wire::ImportMemberRowsResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let options = asked.options.unwrap_or_default();
        let rows: Vec<RawRow> = asked.rows.into_iter().map(raw).collect();
        let done = finish(async move {
            let mut import = members
                .import(session, &options.pool, &options.region, options.dry_run)
                .await?;
            let problems = import.chunk(&rows).await?;
            Ok::<_, Error>((problems, import.totals))
        });
        let (problems, totals) = done.await?;
        let wire::ImportMembersResponse { problems, totals } = answered(problems, totals);
        Ok(Response::new(wire::ImportMemberRowsResponse { problems, totals }))
    }

    async fn get_member(
        &self,
        asked: Request<wire::GetMemberRequest>,
    ) -> Result<Response<wire::GetMemberResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let who = who(&asked)?;
        let found = finish(async move { members.member(&session, &asked.pool, who).await }).await?;
        Ok(Response::new(wire::GetMemberResponse {
            member: Some(member(found)),
        }))
    }

    async fn erase_member(
        &self,
        asked: Request<wire::EraseMemberRequest>,
    ) -> Result<Response<wire::EraseMemberResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let number = number("number", asked.number)?;
        let told = finish(async move { members.erase(&session, &asked.pool, number).await }).await?;
        Ok(Response::new(wire::EraseMemberResponse {
            partners: u32::try_from(told).unwrap_or(u32::MAX),
        }))
    }

    async fn put_notice(
        &self,
        asked: Request<wire::PutNoticeRequest>,
    ) -> Result<Response<wire::PutNoticeResponse>, Status> {
        let (session, members) = (Session::of(&asked)?, self.0.clone());
        let given = asked.into_inner().notice.unwrap_or_default();
        let new = NewNotice {
            link: LinkId(id("link_id", &given.link_id)?),
            purpose: given.purpose,
            fields: given.fields,
            language: given.language,
            text: given.text,
        };
        let row = finish(async move { members.put_notice(&session, new).await }).await?;
        Ok(Response::new(wire::PutNoticeResponse {
            notice: Some(notice(row).map_err(status)?),
        }))
    }

    async fn list_notices(
        &self,
        asked: Request<wire::ListNoticesRequest>,
    ) -> Result<Response<wire::ListNoticesResponse>, Status> {
        let session = Session::of(&asked)?;
        let notices = self.0.notices(&session).await.map_err(status)?;
        let notices = notices
            .into_iter()
            .map(notice)
            .collect::<Result<_, _>>()
            .map_err(status)?;
        Ok(Response::new(wire::ListNoticesResponse { notices }))
    }

    async fn record_consents(
        &self,
        asked: Request<wire::RecordConsentsRequest>,
    ) -> Result<Response<wire::RecordConsentsResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let numbers = asked.numbers.iter().map(|one| number("numbers", *one));
        let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
        let done = async move {
            let of = (asked.pool.as_str(), asked.notice_hash.as_str());
            members.record(&session, of, &asked.channel, &numbers).await
        };
        let agreed = finish(done).await?;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Ok(Response::new(wire::RecordConsentsResponse {
            recorded: count(agreed.recorded),
            unchanged: count(agreed.unchanged),
            unknown: agreed.unknown.into_iter().map(positive).collect(),
        }))
    }

    async fn withdraw_consent(
        &self,
        asked: Request<wire::WithdrawConsentRequest>,
    ) -> Result<Response<wire::WithdrawConsentResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let number = number("number", asked.number)?;
        let done = async move {
            let whom = (asked.recipient.as_str(), asked.purpose.as_str());
            members
                .withdraw(&session, (&asked.pool, number), whom, &asked.channel)
                .await
        };
        let (row, recipient) = finish(done).await?;
        Ok(Response::new(wire::WithdrawConsentResponse {
            consent: Some(consent((row, Vec::new(), recipient, None))),
        }))
    }

    async fn merge_members(
        &self,
        asked: Request<wire::MergeMembersRequest>,
    ) -> Result<Response<wire::MergeMembersResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (from, into) = (number("from", asked.from)?, number("into", asked.into)?);
        finish(async move { members.merge(&session, &asked.pool, from, into).await }).await?;
        Ok(Response::new(wire::MergeMembersResponse {}))
    }

    async fn split_member(
        &self,
        asked: Request<wire::SplitMemberRequest>,
    ) -> Result<Response<wire::SplitMemberResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let one = number("number", asked.number)?;
        let new = finish(async move { members.split(&session, &asked.pool, one, &asked.kind).await }).await?;
        Ok(Response::new(wire::SplitMemberResponse { number: positive(new) }))
    }

    async fn get_consent_receipt(
        &self,
        asked: Request<wire::GetConsentReceiptRequest>,
    ) -> Result<Response<wire::GetConsentReceiptResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let number = number("number", asked.number)?;
        let done = async move {
            let whom = (asked.recipient.as_str(), asked.purpose.as_str());
            members.receipt(&session, (&asked.pool, number), whom).await
        };
        let receipt = finish(done).await?;
        Ok(Response::new(wire::GetConsentReceiptResponse {
            text: String::from_utf8_lossy(&receipt.body).into_owned(),
            receipt: Some(receipt),
        }))
    }

    async fn list_withdrawals(
        &self,
        asked: Request<wire::ListWithdrawalsRequest>,
    ) -> Result<Response<wire::ListWithdrawalsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let rows = self.0.withdrawals(&session, asked.open_only).await.map_err(status)?;
        let week_ago = self.0.now() - LATE_AFTER;
        let shown = |(row, pool): (ReleaseRow, String)| wire::Withdrawal {
            link_id: row.link_id.to_string(),
            pool,
            number: positive(row.no),
            purpose: row.purpose,
            reason: row.reason,
            ended_at: at(row.ended_at),
            acknowledged_at: at(row.acknowledged_at),
            due_at: at(row.ended_at.map(|ended| ended + DUE_AFTER)),
            late: row.acknowledged_at.is_none() && row.ended_at.is_some_and(|ended| ended < week_ago),
        };
        Ok(Response::new(wire::ListWithdrawalsResponse {
            withdrawals: rows.into_iter().map(shown).collect(),
        }))
    }

    async fn publish_pool(
        &self,
        asked: Request<wire::PublishPoolRequest>,
    ) -> Result<Response<wire::PublishPoolResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let link = LinkId(id("link_id", &asked.link_id)?);
        let done = async move { members.publish(&session, (&asked.pool, &asked.purpose), link).await };
        let row = finish(done).await?;
        Ok(Response::new(wire::PublishPoolResponse {
            publication: Some(publication(row)),
        }))
    }

    async fn list_publications(
        &self,
        asked: Request<wire::ListPublicationsRequest>,
    ) -> Result<Response<wire::ListPublicationsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = maybe_id("link_id", &asked.link_id)?.map(LinkId);
        let (most, after) = (page_size(asked.page_size)?, after_offer(&asked.page)?);
        let rows = self.0.publications(&session, link, (&after, most)).await;
        let rows = rows.map_err(status)?;
        let last = rows.last().filter(|_| rows.len() as i64 == most);
        let next_page = last.map(|(row, _)| format!("{}.{}.{}", row.link_id, row.pool_id, row.purpose));
        Ok(Response::new(wire::ListPublicationsResponse {
            next_page: next_page.unwrap_or_default(),
            publications: rows.into_iter().map(publication).collect(),
        }))
    }

    async fn estimate_match(
        &self,
        asked: Request<wire::EstimateMatchRequest>,
    ) -> Result<Response<wire::EstimateMatchResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let wish = Wish {
            id: None,
            link: LinkId(id("link_id", &asked.link_id)?),
            partner_pool: asked.partner_pool,
            purpose: asked.purpose,
            pool: asked.pool,
            mode: wire::MatchMode::Unspecified,
        };
        let estimate = self.0.estimate(&session, wish).await.map_err(status)?;
        Ok(Response::new(estimate))
    }

    async fn start_match(
        &self,
        asked: Request<wire::StartMatchRequest>,
    ) -> Result<Response<wire::StartMatchResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let mode = asked.mode();
        if mode == wire::MatchMode::Unspecified {
            return Err(status(Fault::invalid("mode", "OWN, JOINT or COUNT")));
        }
        let wish = Wish {
            id: maybe_id("id", &asked.id)?,
            link: LinkId(id("link_id", &asked.link_id)?),
            partner_pool: asked.partner_pool,
            purpose: asked.purpose,
            pool: asked.pool,
            mode,
        };
        let row = finish(async move { members.start_match(&session, wish).await }).await?;
        Ok(Response::new(wire::StartMatchResponse {
            r#match: Some(shown(row)),
        }))
    }

    async fn get_match(
        &self,
        asked: Request<wire::GetMatchRequest>,
    ) -> Result<Response<wire::GetMatchResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let row = self.0.get_match(&session, id("id", &asked.id)?).await.map_err(status)?;
        Ok(Response::new(wire::GetMatchResponse {
            r#match: Some(shown(row)),
        }))
    }

    async fn list_matches(
        &self,
        asked: Request<wire::ListMatchesRequest>,
    ) -> Result<Response<wire::ListMatchesResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = maybe_id("link_id", &asked.link_id)?.map(LinkId);
        let all = self.0.list_matches(&session, link).await.map_err(status)?;
        Ok(Response::new(wire::ListMatchesResponse {
            matches: all.into_iter().map(shown).collect(),
        }))
    }

    async fn list_matched(
        &self,
        asked: Request<wire::ListMatchedRequest>,
    ) -> Result<Response<wire::ListMatchedResponse>, Status> {
        let (session, members, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (link, after) = (LinkId(id("link_id", &asked.link_id)?), number("after", asked.after)?);
        let most = usize::try_from(page_size(asked.page_size)?).unwrap_or(0);
        let segment = Segment {
            link,
            partner_pool: asked.partner_pool,
            purpose: asked.purpose,
            pool: asked.pool,
            having: asked.having.into_iter().collect(),
        };
        let done = async move { members.matched(&session, &segment, (after, most)).await };
        let (rows, next) = finish(done).await?;
        let shown = rows.into_iter().map(|(number, held)| {
            let (pseudonym, fields, delete_by) = match held {
                Some((name, values, delete_by)) => (name.to_string(), values, delete_by),
                None => Default::default(),
            };
            wire::MatchedMember {
                number: positive(number),
                pseudonym,
                fields: fields.into_iter().collect(),
                delete_by: at(delete_by),
            }
        });
        Ok(Response::new(wire::ListMatchedResponse {
            members: shown.collect(),
            next_after: positive(next),
        }))
    }
}
