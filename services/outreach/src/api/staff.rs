//! What our own people do: ways, people at the counter, invitations, messages.

use hansa_directory::Session;
use hansa_edge::{finish, id, maybe_id, status, timestamp};
use hansa_proto::outreach::v1::{self as wire, outreach_staff_service_server::OutreachStaffService};
use hansa_vocab::{Fault, LinkId};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::positive;
use crate::{
    Outreach,
    model::courtesy::{Courtesy, clock, minute},
    ops::{GuideCount, Joiner, NewInvitations, NewWay, Tally, Way, hash_of, message},
    store::ways::WayRow,
};

/// `hansa.outreach.v1.OutreachStaffService`.
#[derive(Clone, Debug)]
pub struct OutreachStaff(pub Outreach);

fn number(field: &'static str, number: u64) -> Result<i64, Status> {
    i64::try_from(number).map_err(|_| status(Fault::invalid(field, "no such number")))
}

fn new_way(way: wire::Way) -> NewWay {
    NewWay {
        row: WayRow {
            id: Uuid::nil(),
            code: way.code,
            title: way.title,
            pool_id: Uuid::nil(),
            language: way.language,
            region: way.region,
            fields: String::new(),
            guide: way.guide,
            notice_hash: way.notice_hash,
            link_id: None,
            partner_pool: way.partner_pool,
            terms: String::new(),
            ended: way.ended,
            shown: 0,
        },
        pool: way.pool,
        fields: way.fields,
    }
}

fn way(way: Way) -> wire::Way {
    let fields = way.row.fields.split(',').filter(|field| !field.is_empty());
    let notice = way.terms.notice.map(|notice| wire::ShownNotice {
        hash: notice.hash,
        purpose: notice.purpose,
        fields: notice.fields,
        language: notice.language,
        text: notice.text,
    });
    wire::Way {
        fields: fields.map(str::to_owned).collect(),
        code: way.row.code,
        title: way.row.title,
        pool: way.pool,
        language: way.row.language,
        region: way.row.region,
        guide: way.row.guide,
        notice_hash: way.row.notice_hash,
        partner_pool: way.row.partner_pool,
        ended: way.row.ended,
        address: way.address,
        partner_name: way.terms.name,
        partner_notice: notice,
    }
}

fn guide(count: GuideCount) -> wire::GuideCount {
    wire::GuideCount {
        guide: count.row.guide,
        joined: positive(count.row.joined),
        known: positive(count.row.known),
        consented: positive(count.row.agreed),
        at_partner: positive(count.row.at_partner),
        bought: positive(count.bought),
    }
}

fn run(tally: &Tally) -> wire::Run {
    let of = |state: &str| positive(tally.of(&[state]));
    wire::Run {
        id: tally.row.id.to_string(),
        kind: tally.row.kind.clone(),
        pool: tally.pool.clone(),
        link_id: tally.row.link_id.map(|id| id.to_string()).unwrap_or_default(),
        purpose: tally.row.purpose.clone(),
        subject: tally.row.subject.clone(),
        made_at: Some(timestamp(tally.row.made_at)),
        state: tally.state().to_owned(),
        asked: positive(tally.all()),
        waiting: of("waiting"),
        // Whoever has answered has got the mail, or was asked at the counter.
        mailed: of("mailed"),
        failed: positive(tally.failed),
        reminded: positive(tally.reminded()),
        agreed: of("agreed"),
        declined: of("declined"),
        capped: of("capped"),
        opted_out: of("opted_out"),
        no_address: of("no_address"),
        not_agreed: of("not_agreed"),
    }
}

impl OutreachStaff {
    fn id(&self, text: &str) -> Result<Uuid, Status> {
        Ok(maybe_id("id", text)?.unwrap_or_else(|| self.0.new_id()))
    }
}

fn courtesy(pool: &str, row: &Courtesy) -> wire::Courtesy {
    wire::Courtesy {
        pool: pool.to_owned(),
        zone: row.zone.clone(),
        quiet_from: clock(row.quiet_from),
        quiet_until: clock(row.quiet_until),
        messages_max: u32::try_from(row.messages_max).unwrap_or(0),
        within_days: u32::try_from(row.within_days).unwrap_or(0),
    }
}

#[tonic::async_trait]
impl OutreachStaffService for OutreachStaff {
    async fn put_way(&self, asked: Request<wire::PutWayRequest>) -> Result<Response<wire::PutWayResponse>, Status> {
        let (session, outreach, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let new = new_way(asked.way.unwrap_or_default());
        let made = finish(async move { outreach.put_way(&session, new).await }).await?;
        Ok(Response::new(wire::PutWayResponse { way: Some(way(made)) }))
    }

    async fn list_ways(
        &self,
        asked: Request<wire::ListWaysRequest>,
    ) -> Result<Response<wire::ListWaysResponse>, Status> {
        let (session, outreach) = (Session::of(&asked)?, self.0.clone());
        let ways = finish(async move { outreach.ways(&session).await }).await?;
        Ok(Response::new(wire::ListWaysResponse {
            ways: ways.into_iter().map(way).collect(),
        }))
    }

    async fn enrol_person(
        &self,
        asked: Request<wire::EnrolPersonRequest>,
    ) -> Result<Response<wire::EnrolPersonResponse>, Status> {
        let (session, outreach, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let who = Joiner {
            id: self.id(&asked.id)?,
            phone: asked.phone,
            email: asked.email,
            fields: asked.fields.into_iter().collect(),
            own: asked.own,
            share: asked.share,
            partner: asked.partner,
            partner_share: asked.partner_share,
            guide: asked.guide,
        };
        let joined = finish(async move { outreach.join_at_counter(&session, &asked.way, &who).await }).await?;
        Ok(Response::new(wire::EnrolPersonResponse {
            number: joined.number.map_or(0, positive),
            known: joined.known,
            partner: joined.partner,
        }))
    }

    async fn get_funnel(
        &self,
        asked: Request<wire::GetFunnelRequest>,
    ) -> Result<Response<wire::GetFunnelResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let (shown, guides) = self.0.funnel(&session, &asked.way).await.map_err(status)?;
        Ok(Response::new(wire::GetFunnelResponse {
            shown: positive(shown),
            guides: guides.into_iter().map(guide).collect(),
        }))
    }

    async fn get_partner_funnel(
        &self,
        asked: Request<wire::GetPartnerFunnelRequest>,
    ) -> Result<Response<wire::GetPartnerFunnelResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = LinkId(id("link_id", &asked.link_id)?);
        let ask = wire::GetJointFunnelRequest {
            pool: asked.partner_pool,
            way: asked.way,
        };
        let counts = self.0.funnel_at(&session, link, ask).await.map_err(status)?;
        Ok(Response::new(wire::GetPartnerFunnelResponse { counts }))
    }

    async fn get_member_page(
        &self,
        asked: Request<wire::GetMemberPageRequest>,
    ) -> Result<Response<wire::GetMemberPageResponse>, Status> {
        let (session, outreach, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let number = number("number", asked.number)?;
        let address = finish(async move { outreach.member_page(&session, &asked.pool, number).await }).await?;
        Ok(Response::new(wire::GetMemberPageResponse { address }))
    }

    async fn put_courtesy(
        &self,
        asked: Request<wire::PutCourtesyRequest>,
    ) -> Result<Response<wire::PutCourtesyResponse>, Status> {
        let (session, outreach, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let asked = asked.courtesy.unwrap_or_default();
        let whole = |number: u32| i32::try_from(number).unwrap_or(0);
        let row = Courtesy {
            quiet_from: minute("quiet_from", &asked.quiet_from).map_err(status)?,
            quiet_until: minute("quiet_until", &asked.quiet_until).map_err(status)?,
            messages_max: whole(asked.messages_max),
            within_days: whole(asked.within_days),
            zone: asked.zone,
        };
        let shown = courtesy(&asked.pool, &row);
        finish(async move { outreach.put_courtesy(&session, &asked.pool, &row).await }).await?;
        Ok(Response::new(wire::PutCourtesyResponse { courtesy: Some(shown) }))
    }

    async fn get_courtesy(
        &self,
        asked: Request<wire::GetCourtesyRequest>,
    ) -> Result<Response<wire::GetCourtesyResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let row = self.0.courtesy(&session, &asked.pool).await.map_err(status)?;
        Ok(Response::new(wire::GetCourtesyResponse {
            courtesy: row.map(|row| courtesy(&asked.pool, &row)),
        }))
    }

    async fn start_invitations(
        &self,
        asked: Request<wire::StartInvitationsRequest>,
    ) -> Result<Response<wire::StartInvitationsResponse>, Status> {
        let (session, outreach, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let new = NewInvitations {
            id: self.id(&asked.id)?,
            body_hash: hash_of(&asked),
            members_max: number("members_max", asked.members_max)?,
            pool: asked.pool,
            notice_hash: asked.notice_hash,
            subject: asked.subject,
            text: asked.text,
            remind_days: asked.remind_after_days,
        };
        let tally = finish(async move { outreach.invite(&session, new).await }).await?;
        Ok(Response::new(wire::StartInvitationsResponse { run: Some(run(&tally)) }))
    }

    async fn stop_run(&self, asked: Request<wire::StopRunRequest>) -> Result<Response<wire::StopRunResponse>, Status> {
        let (session, outreach, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let id = id("id", &asked.id)?;
        let tally = finish(async move { outreach.stop(&session, id).await }).await?;
        Ok(Response::new(wire::StopRunResponse { run: Some(run(&tally)) }))
    }

    async fn list_runs(
        &self,
        asked: Request<wire::ListRunsRequest>,
    ) -> Result<Response<wire::ListRunsResponse>, Status> {
        let runs = self.0.runs(&Session::of(&asked)?).await.map_err(status)?;
        Ok(Response::new(wire::ListRunsResponse {
            runs: runs.iter().map(run).collect(),
        }))
    }

    async fn send_partner_message(
        &self,
        asked: Request<wire::SendPartnerMessageRequest>,
    ) -> Result<Response<wire::SendPartnerMessageResponse>, Status> {
        let (session, outreach, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        message(&asked.subject, &asked.text, &asked.language).map_err(status)?;
        let link = LinkId(id("link_id", &asked.link_id)?);
        let ask = wire::SendMessageRequest {
            id: self.id(&asked.id)?.to_string(),
            pool: asked.partner_pool,
            purpose: asked.purpose,
            subject: asked.subject,
            text: asked.text,
            language: asked.language,
            pseudonyms: asked.pseudonyms,
        };
        let reach = finish(async move { outreach.send_by(&session, link, ask).await }).await?;
        Ok(Response::new(wire::SendPartnerMessageResponse { reach }))
    }

    async fn get_partner_reach(
        &self,
        asked: Request<wire::GetPartnerReachRequest>,
    ) -> Result<Response<wire::GetPartnerReachResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let (link, id) = (LinkId(id("link_id", &asked.link_id)?), id("id", &asked.id)?);
        let reach = self.0.reach_at(&session, link, id.to_string()).await.map_err(status)?;
        Ok(Response::new(wire::GetPartnerReachResponse { reach }))
    }
}
