//! What our own people do with coupons and points: those of our pools, and those of partners' pools.

use hansa_directory::Session;
use hansa_edge::{finish, id, maybe_id, status, timestamp};
use hansa_proto::loyalty::v1::{self as wire, loyalty_staff_service_server::LoyaltyStaffService};
use hansa_vocab::{Fault, LinkId};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{body_hash, booking, booking_there, entry, positive, ttl};
use crate::{
    Error, Loyalty,
    model::{self, PAGE_MAX},
    ops::{Ask, Basket, By, Hold, NewCoupons, Shown, Statement, What},
    store::{
        coupons::KindRow,
        points::{EntryRow, ProgramRow},
    },
};

/// `hansa.loyalty.v1.LoyaltyStaffService`.
#[derive(Clone, Debug)]
pub struct LoyaltyStaff(pub Loyalty);

/// Bookings of a page, unless it is said.
const PAGE: i64 = 100;

fn number(field: &'static str, number: u64) -> Result<i64, Status> {
    i64::try_from(number).map_err(|_| status(Fault::invalid(field, "no such number")))
}

fn instant(field: &'static str, at: Option<prost_types::Timestamp>) -> Result<OffsetDateTime, Status> {
    let read = at.and_then(|at| OffsetDateTime::from_unix_timestamp(at.seconds).ok());
    read.ok_or_else(|| status(Fault::invalid(field, "a time is needed")))
}

fn program((row, pool): (ProgramRow, String)) -> wire::Program {
    wire::Program {
        pool,
        unit: row.unit,
        value: row.value,
        currency: row.currency,
        idle_days: u32::try_from(row.idle_days).unwrap_or(0),
    }
}

fn scope(kind: &wire::CouponKind) -> Result<&'static str, Status> {
    match kind.scope() {
        wire::CouponScope::Own => Ok("own"),
        wire::CouponScope::Partner => Ok("partner"),
        wire::CouponScope::Partners => Ok("partners"),
        wire::CouponScope::Unspecified => Err(status(Fault::invalid("scope", "where it is good must be said"))),
    }
}

fn kind_row(kind: &wire::CouponKind) -> Result<KindRow, Status> {
    let small = |field, number: u32| i32::try_from(number).map_err(|_| status(Fault::invalid(field, "0 to 1000")));
    Ok(KindRow {
        id: Uuid::nil(),
        code: kind.code.clone(),
        pool_id: Uuid::nil(),
        benefit: kind.benefit.clone(),
        currency: kind.currency.clone(),
        amount: kind.amount,
        permille: small("permille", kind.permille)?,
        discount_max: kind.discount_max,
        basket_min: kind.basket_min,
        issuer_permille: small("issuer_permille", kind.issuer_permille)?,
        scope: scope(kind)?.to_owned(),
        link_id: maybe_id("link_id", &kind.link_id)?,
        valid_from: instant("valid_from", kind.valid_from)?,
        valid_until: instant("valid_until", kind.valid_until)?,
        issued_max: match kind.issued_max {
            0 => model::ISSUED_MAX,
            given => number("issued_max", given)?,
        },
        issued: 0,
    })
}

fn kind((row, pool): (KindRow, String)) -> wire::CouponKind {
    let small = |number: i32| u32::try_from(number).unwrap_or(0);
    let scope = match &*row.scope {
        "partner" => wire::CouponScope::Partner,
        "partners" => wire::CouponScope::Partners,
        _ => wire::CouponScope::Own,
    };
    wire::CouponKind {
        code: row.code,
        pool,
        benefit: row.benefit,
        currency: row.currency,
        amount: row.amount,
        permille: small(row.permille),
        discount_max: row.discount_max,
        basket_min: row.basket_min,
        issuer_permille: small(row.issuer_permille),
        scope: scope.into(),
        link_id: row.link_id.map(|id| id.to_string()).unwrap_or_default(),
        valid_from: Some(timestamp(row.valid_from)),
        valid_until: Some(timestamp(row.valid_until)),
        issued_max: positive(row.issued_max),
        issued: positive(row.issued),
    }
}

fn coupon(shown: Shown) -> wire::Coupon {
    wire::Coupon {
        kind: shown.kind.code,
        serial: positive(shown.row.serial_no),
        code: shown.code,
        number: shown.row.no.map_or(0, positive),
        state: shown.row.state,
        benefit: shown.kind.benefit,
        valid_until: Some(timestamp(shown.kind.valid_until)),
    }
}

/// An id of nobody's stays out.
fn told(id: Uuid) -> String {
    if id.is_nil() { String::new() } else { id.to_string() }
}

fn statement(statement: Statement) -> wire::GetPointsResponse {
    let entry = |row: EntryRow| wire::PointsEntry {
        points: row.points,
        cause: row.cause,
        booking_id: told(row.booking_id),
        link_id: told(row.link_id),
        balance: row.balance,
        at: Some(timestamp(row.at)),
    };
    wire::GetPointsResponse {
        unit: statement.program.unit,
        balance: statement.account.balance,
        held: positive(statement.account.held),
        entries: statement.entries.into_iter().map(entry).collect(),
    }
}

fn points(points: &wire::MemberPoints) -> Result<What, Status> {
    let count = number("points", points.points)?;
    Ok(What::Member(
        points.pool.clone(),
        number("number", points.number)?,
        count,
    ))
}

fn named(points: wire::MemberPoints) -> wire::PointsOf {
    wire::PointsOf {
        pseudonym: points.pseudonym,
        points: points.points,
    }
}

/// The link to the partner whose coupon or member it is; none = ours.
fn link(text: &str) -> Result<Option<LinkId>, Status> {
    Ok(maybe_id("link_id", text)?.map(LinkId))
}

impl LoyaltyStaff {
    fn id(&self, text: &str) -> Result<Uuid, Status> {
        Ok(maybe_id("id", text)?.unwrap_or_else(|| self.0.new_id()))
    }

    /// Goes on with a booking: of ours, or at a partner's.
    async fn go_on(
        &self,
        session: Session,
        (given, at): (&str, &str),
        ask: Ask,
    ) -> Result<Option<wire::Booking>, Status> {
        let (loyalty, id, link) = (self.0.clone(), id("id", given)?, link(at)?);
        let done = async move {
            let by = By::Counter(&session);
            if let Some(link) = link {
                return Ok(booking_there(&loyalty.go_on_at(&session, link, id, ask).await?));
            }
            let row = match ask {
                Ask::Confirm => loyalty.confirm(by, id).await?,
                Ask::Void(reason) => loyalty.void(by, id, &reason).await?,
                Ask::Reverse(reason) => loyalty.reverse(by, id, &reason).await?,
                _ => loyalty.outcome(by, id, false).await?,
            };
            Ok::<_, Error>(booking(&row))
        };
        finish(done).await.map(Some)
    }

    /// Begins a booking: of ours, or at a partner's.
    async fn begin(
        &self,
        session: Session,
        link: Option<LinkId>,
        (hold, ask): (Hold, Ask),
    ) -> Result<Option<wire::Booking>, Status> {
        let loyalty = self.0.clone();
        let done = async move {
            let by = By::Counter(&session);
            if let Some(link) = link {
                return Ok(booking_there(&loyalty.book_at(&session, link, hold.id, ask).await?));
            }
            let row = match ask {
                Ask::Credit(_) => loyalty.credit(by, &hold).await?,
                _ => loyalty.hold(by, &hold).await?,
            };
            Ok::<_, Error>(booking(&row))
        };
        finish(done).await.map(Some)
    }
}

#[tonic::async_trait]
impl LoyaltyStaffService for LoyaltyStaff {
    async fn put_program(
        &self,
        asked: Request<wire::PutProgramRequest>,
    ) -> Result<Response<wire::PutProgramResponse>, Status> {
        let (session, loyalty, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let asked = asked.program.unwrap_or_default();
        let row = ProgramRow {
            pool_id: Uuid::nil(),
            unit: asked.unit,
            value: asked.value,
            currency: asked.currency,
            idle_days: i32::try_from(asked.idle_days).unwrap_or(i32::MAX),
        };
        let done = finish(async move { loyalty.put_program(&session, &asked.pool, row).await }).await?;
        Ok(Response::new(wire::PutProgramResponse {
            program: Some(program(done)),
        }))
    }

    async fn list_programs(
        &self,
        asked: Request<wire::ListProgramsRequest>,
    ) -> Result<Response<wire::ListProgramsResponse>, Status> {
        let programs = self.0.programs(&Session::of(&asked)?).await.map_err(status)?;
        Ok(Response::new(wire::ListProgramsResponse {
            programs: programs.into_iter().map(program).collect(),
        }))
    }

    async fn put_coupon_kind(
        &self,
        asked: Request<wire::PutCouponKindRequest>,
    ) -> Result<Response<wire::PutCouponKindResponse>, Status> {
        let (session, loyalty, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let asked = asked.kind.unwrap_or_default();
        let row = kind_row(&asked)?;
        let done = finish(async move { loyalty.put_kind(&session, &asked.pool, row).await }).await?;
        Ok(Response::new(wire::PutCouponKindResponse { kind: Some(kind(done)) }))
    }

    async fn list_coupon_kinds(
        &self,
        asked: Request<wire::ListCouponKindsRequest>,
    ) -> Result<Response<wire::ListCouponKindsResponse>, Status> {
        let kinds = self.0.kinds(&Session::of(&asked)?).await.map_err(status)?;
        Ok(Response::new(wire::ListCouponKindsResponse {
            kinds: kinds.into_iter().map(kind).collect(),
        }))
    }

    async fn issue_coupons(
        &self,
        asked: Request<wire::IssueCouponsRequest>,
    ) -> Result<Response<wire::IssueCouponsResponse>, Status> {
        let (session, loyalty, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let numbers = asked.numbers.iter().map(|one| number("numbers", *one));
        let new = NewCoupons {
            kind: asked.kind,
            numbers: numbers.collect::<Result<_, _>>()?,
            count: asked.count.into(),
            first: number("first", asked.first)?,
        };
        let issued = finish(async move { loyalty.issue(&session, &new).await }).await?;
        Ok(Response::new(wire::IssueCouponsResponse {
            coupons: issued.coupons.into_iter().map(coupon).collect(),
            unknown: issued.unknown.into_iter().map(positive).collect(),
        }))
    }

    async fn list_coupons(
        &self,
        asked: Request<wire::ListCouponsRequest>,
    ) -> Result<Response<wire::ListCouponsResponse>, Status> {
        let (session, loyalty, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let number = number("number", asked.number)?;
        let coupons = finish(async move { loyalty.coupons(&session, &asked.pool, number).await }).await?;
        Ok(Response::new(wire::ListCouponsResponse {
            coupons: coupons.into_iter().map(coupon).collect(),
        }))
    }

    async fn withdraw_coupon(
        &self,
        asked: Request<wire::WithdrawCouponRequest>,
    ) -> Result<Response<wire::WithdrawCouponResponse>, Status> {
        let (session, loyalty, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let serial_no = number("serial", asked.serial)?;
        let shown = finish(async move { loyalty.withdraw(&session, &asked.kind, serial_no).await }).await?;
        Ok(Response::new(wire::WithdrawCouponResponse {
            coupon: Some(coupon(shown)),
        }))
    }

    async fn get_points(
        &self,
        asked: Request<wire::GetPointsRequest>,
    ) -> Result<Response<wire::GetPointsResponse>, Status> {
        let (session, loyalty, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let number = number("number", asked.number)?;
        let found = finish(async move { loyalty.points(&session, &asked.pool, number).await }).await?;
        Ok(Response::new(statement(found)))
    }

    async fn hold_booking(
        &self,
        asked: Request<wire::HoldBookingRequest>,
    ) -> Result<Response<wire::HoldBookingResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let (id, link) = (self.id(&asked.id)?, link(&asked.link_id)?);
        let what = match asked.what.clone() {
            Some(wire::hold_booking_request::What::Coupon(code)) => {
                (What::Coupon(code.clone()), wire::hold_request::What::Coupon(code))
            }
            Some(wire::hold_booking_request::What::Points(given)) => {
                (points(&given)?, wire::hold_request::What::Points(named(given)))
            }
            None => return Err(status(Fault::invalid("what", "a coupon, or points"))),
        };
        let hold = Hold {
            id,
            what: what.0,
            basket: asked.basket.clone().map(|basket| Basket {
                amount: basket.amount,
                currency: basket.currency,
            }),
            ttl: ttl(asked.ttl).map_err(status)?,
            order_ref: asked.order_ref.clone(),
            body_hash: body_hash(&asked),
        };
        let ask = wire::HoldRequest {
            id: id.to_string(),
            what: Some(what.1),
            basket: asked.basket,
            ttl: asked.ttl,
            order_ref: asked.order_ref,
        };
        let booking = self.begin(session, link, (hold, Ask::Hold(ask))).await?;
        Ok(Response::new(wire::HoldBookingResponse { booking }))
    }

    async fn confirm_booking(
        &self,
        asked: Request<wire::ConfirmBookingRequest>,
    ) -> Result<Response<wire::ConfirmBookingResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let booking = self.go_on(session, (&asked.id, &asked.link_id), Ask::Confirm).await?;
        Ok(Response::new(wire::ConfirmBookingResponse { booking }))
    }

    async fn void_booking(
        &self,
        asked: Request<wire::VoidBookingRequest>,
    ) -> Result<Response<wire::VoidBookingResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let ask = Ask::Void(asked.reason);
        let booking = self.go_on(session, (&asked.id, &asked.link_id), ask).await?;
        Ok(Response::new(wire::VoidBookingResponse { booking }))
    }

    async fn credit_points(
        &self,
        asked: Request<wire::CreditPointsRequest>,
    ) -> Result<Response<wire::CreditPointsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let (id, link) = (self.id(&asked.id)?, link(&asked.link_id)?);
        let given = asked.points.clone();
        let given = given.ok_or_else(|| status(Fault::invalid("points", "whose, and how many")))?;
        let hold = Hold {
            id,
            what: points(&given)?,
            basket: None,
            ttl: None,
            order_ref: asked.order_ref.clone(),
            body_hash: body_hash(&asked),
        };
        let ask = wire::CreditRequest {
            id: id.to_string(),
            points: Some(named(given)),
            order_ref: asked.order_ref,
        };
        let booking = self.begin(session, link, (hold, Ask::Credit(ask))).await?;
        Ok(Response::new(wire::CreditPointsResponse { booking }))
    }

    async fn reverse_booking(
        &self,
        asked: Request<wire::ReverseBookingRequest>,
    ) -> Result<Response<wire::ReverseBookingResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let ask = Ask::Reverse(asked.reason);
        let booking = self.go_on(session, (&asked.id, &asked.link_id), ask).await?;
        Ok(Response::new(wire::ReverseBookingResponse { booking }))
    }

    async fn get_booking(
        &self,
        asked: Request<wire::GetBookingRequest>,
    ) -> Result<Response<wire::GetBookingResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let ask = Ask::Outcome { close: false };
        let booking = self.go_on(session, (&asked.id, &asked.link_id), ask).await?;
        Ok(Response::new(wire::GetBookingResponse { booking }))
    }

    async fn list_bookings(
        &self,
        asked: Request<wire::ListBookingsRequest>,
    ) -> Result<Response<wire::ListBookingsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = maybe_id("link_id", &asked.link_id)?;
        let size = match asked.page_size {
            0 => PAGE,
            given => {
                let most = i64::try_from(PAGE_MAX).unwrap_or(PAGE);
                model::within("page_size", given, 1, most).map_err(status)?
            }
        };
        let page = (maybe_id("before", &asked.before)?, size);
        let shown = |link_id: Uuid, booking| wire::LinkBooking {
            link_id: told(link_id),
            booking: Some(booking),
        };
        let bookings: Vec<_> = match asked.at_partners {
            true => {
                let rows = self.0.bookings_there(&session, link, page).await.map_err(status)?;
                rows.iter().map(|row| shown(row.link_id, booking_there(row))).collect()
            }
            false => {
                let rows = self
                    .0
                    .bookings(By::Counter(&session), link, page)
                    .await
                    .map_err(status)?;
                rows.iter().map(|row| shown(row.link_id, booking(row))).collect()
            }
        };
        Ok(Response::new(wire::ListBookingsResponse { bookings }))
    }

    async fn check_settlement(
        &self,
        asked: Request<wire::CheckSettlementRequest>,
    ) -> Result<Response<wire::CheckSettlementResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = LinkId(id("link_id", &asked.link_id)?);
        let checked = match asked.partner_issues {
            true => self.0.their_settlement(&session, link, &asked.month).await,
            false => self.0.our_settlement(&session, link, &asked.month).await,
        };
        let checked = checked.map_err(status)?;
        let difference = |one: crate::ops::Difference| {
            let row = one.issuer.as_ref().or(one.ours.as_ref());
            wire::SettlementDifference {
                booking_id: row.map(|row| row.booking_id.to_string()).unwrap_or_default(),
                reversal: row.is_some_and(|row| row.reversal),
                issuer: one.issuer.map(entry),
                ours: one.ours.map(entry),
            }
        };
        Ok(Response::new(wire::CheckSettlementResponse {
            settlement: Some(checked.settlement),
            differences: checked.differences.into_iter().map(difference).collect(),
        }))
    }
}
