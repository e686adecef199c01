//! What partners may do with coupons and points of ours.

use hansa_edge::{finish, id, status};
use hansa_link::Permit;
use hansa_proto::loyalty::v1::{self as wire, loyalty_partner_service_server::LoyaltyPartnerService};
use hansa_vocab::Fault;
use tonic::{Request, Response, Status};

use super::{body_hash, booking, entry, ttl};
use crate::{
    Error, Loyalty,
    ops::{Basket, By, Hold, What, after},
};

/// `hansa.loyalty.v1.LoyaltyPartnerService`.
#[derive(Clone, Debug)]
pub struct LoyaltyPartner(pub Loyalty);

fn named(points: &wire::PointsOf) -> Result<What, Status> {
    let count = i64::try_from(points.points).unwrap_or(i64::MAX);
    Ok(What::Named(id("pseudonym", &points.pseudonym)?, count))
}

fn hold(asked: &wire::HoldRequest) -> Result<Hold, Status> {
    let what = match &asked.what {
        Some(wire::hold_request::What::Coupon(code)) => What::Coupon(code.clone()),
        Some(wire::hold_request::What::Points(points)) => named(points)?,
        None => return Err(status(Fault::invalid("what", "a coupon, or points"))),
    };
    Ok(Hold {
        id: id("id", &asked.id)?,
        what,
        basket: asked.basket.clone().map(|basket| Basket {
            amount: basket.amount,
            currency: basket.currency,
        }),
        ttl: ttl(asked.ttl).map_err(status)?,
        order_ref: asked.order_ref.clone(),
        body_hash: body_hash(asked),
    })
}

#[tonic::async_trait]
impl LoyaltyPartnerService for LoyaltyPartner {
    async fn hold(&self, asked: Request<wire::HoldRequest>) -> Result<Response<wire::HoldResponse>, Status> {
        let (permit, loyalty, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let hold = hold(&asked)?;
        let row = finish(async move { loyalty.hold(By::Partner(&permit), &hold).await }).await?;
        Ok(Response::new(wire::HoldResponse {
            booking: Some(booking(&row)),
        }))
    }

    async fn confirm(&self, asked: Request<wire::ConfirmRequest>) -> Result<Response<wire::ConfirmResponse>, Status> {
        let (permit, loyalty, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let id = id("id", &asked.id)?;
        let row = finish(async move { loyalty.confirm(By::Partner(&permit), id).await }).await?;
        Ok(Response::new(wire::ConfirmResponse {
            booking: Some(booking(&row)),
        }))
    }

    async fn void(&self, asked: Request<wire::VoidRequest>) -> Result<Response<wire::VoidResponse>, Status> {
        let (permit, loyalty, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let id = id("id", &asked.id)?;
        let row = finish(async move { loyalty.void(By::Partner(&permit), id, &asked.reason).await }).await?;
        Ok(Response::new(wire::VoidResponse {
            booking: Some(booking(&row)),
        }))
    }

    async fn credit(&self, asked: Request<wire::CreditRequest>) -> Result<Response<wire::CreditResponse>, Status> {
        let (permit, loyalty, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let points = asked.points.as_ref();
        let hold = Hold {
            id: id("id", &asked.id)?,
            what: named(points.ok_or_else(|| status(Fault::invalid("points", "whose, and how many")))?)?,
            basket: None,
            ttl: None,
            order_ref: asked.order_ref.clone(),
            body_hash: body_hash(&asked),
        };
        let row = finish(async move { loyalty.credit(By::Partner(&permit), &hold).await }).await?;
        Ok(Response::new(wire::CreditResponse {
            booking: Some(booking(&row)),
        }))
    }

    async fn reverse(&self, asked: Request<wire::ReverseRequest>) -> Result<Response<wire::ReverseResponse>, Status> {
        let (permit, loyalty, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let id = id("id", &asked.id)?;
        let row = finish(async move { loyalty.reverse(By::Partner(&permit), id, &asked.reason).await }).await?;
        Ok(Response::new(wire::ReverseResponse {
            booking: Some(booking(&row)),
        }))
    }

    async fn get_outcome(
        &self,
        asked: Request<wire::GetOutcomeRequest>,
    ) -> Result<Response<wire::GetOutcomeResponse>, Status> {
        let (permit, loyalty, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let id = id("id", &asked.id)?;
        let row = finish(async move { loyalty.outcome(By::Partner(&permit), id, asked.close).await }).await?;
        Ok(Response::new(wire::GetOutcomeResponse {
            booking: Some(booking(&row)),
        }))
    }

    async fn get_settlement(
        &self,
        asked: Request<wire::GetSettlementRequest>,
    ) -> Result<Response<wire::GetSettlementResponse>, Status> {
        let (permit, asked) = (Permit::of(&asked)?, asked.into_inner());
        let after = after(&asked.after).map_err(status)?;
        let answer = self.0.settlement_for(&permit, &asked.month, after).await;
        let (settlement, rows) = answer.map_err(|error: Error| status(error))?;
        Ok(Response::new(wire::GetSettlementResponse {
            settlement: Some(settlement),
            entries: rows.into_iter().map(entry).collect(),
        }))
    }
}
