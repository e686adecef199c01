//! The wire of agreed prices: our own people only.

use hansa_directory::Session;
use hansa_edge::{id, maybe_id, status, timestamp};
use hansa_proto::procurement::v1::{self as wire, prices_staff_service_server::PricesStaffService};
use hansa_trade::{matching::micros, pricing};
use hansa_vocab::{Fault, LinkId, Unit};
use tonic::{Request, Response, Status};

use super::day;
use crate::{
    Procurement,
    ops::{Article, Found},
    store::AgreementRow,
};

/// As whom one asks who does not say it.
const BUYER: &str = "buyer";

/// `hansa.procurement.v1.PricesStaffService`.
#[derive(Clone, Debug)]
pub struct PricesStaff(pub Procurement);

fn agreement(row: AgreementRow) -> wire::PriceAgreement {
    wire::PriceAgreement {
        document_id: row.document_id.to_string(),
        version: row.version.try_into().unwrap_or(0),
        number: row.number,
        link_id: row.link_id.to_string(),
        our_role: row.our_role,
        currency: row.currency,
        valid_from: row.valid_from.to_string(),
        valid_until: row.valid_until.map(|day| day.to_string()).unwrap_or_default(),
        incoterm: row.incoterm,
        blanket: row.blanket,
        drawn: row.drawn,
        agreed_at: Some(timestamp(row.agreed_at)),
        lines: row.lines.try_into().unwrap_or(0),
    }
}

/// What holds at so much.
fn price(found: Found, article: &Article) -> wire::FoundPrice {
    let unit = found.line.unit.parse::<Unit>().ok();
    let much = match &article.quantity {
        Some(quantity) => micros(Some(quantity)).filter(|(_, asked)| Some(*asked) == unit),
        None => unit.map(|unit| (1_000_000, unit)),
    };
    let signed_by = found.signers.into_iter().map(|signer| wire::PriceSigner {
        role: signer.role,
        enterprise: signer.enterprise,
        act: signer.act,
        actor: signer.actor,
    });
    wire::FoundPrice {
        price: much.and_then(|(much, _)| pricing::at(&found.line, much).cloned()),
        line: Some(found.line),
        agreement: Some(agreement(found.agreement)),
        signed_by: signed_by.collect(),
    }
}

#[tonic::async_trait]
impl PricesStaffService for PricesStaff {
    async fn list_price_agreements(
        &self,
        asked: Request<wire::ListPriceAgreementsRequest>,
    ) -> Result<Response<wire::ListPriceAgreementsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = maybe_id("link_id", &asked.link_id)?.map(LinkId);
        let agreements = self.0.agreements(&session, link).await.map_err(status)?;
        Ok(Response::new(wire::ListPriceAgreementsResponse {
            agreements: agreements.into_iter().map(agreement).collect(),
        }))
    }

    async fn list_price_lines(
        &self,
        asked: Request<wire::ListPriceLinesRequest>,
    ) -> Result<Response<wire::ListPriceLinesResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let bad = |field: &'static str| status(Fault::invalid(field, "is none"));
        let document = id("document_id", &asked.document_id)?;
        let version = i64::try_from(asked.version).map_err(|_| bad("version"))?;
        let after = match &*asked.page {
            "" => 0,
            page => page.parse().map_err(|_| bad("page"))?,
        };
        let lines = self.0.price_lines(&session, (document, version), after).await;
        let (lines, next) = lines.map_err(status)?;
        Ok(Response::new(wire::ListPriceLinesResponse {
            lines,
            next_page: next.map(|place| place.to_string()).unwrap_or_default(),
        }))
    }

    async fn find_prices(
        &self,
        asked: Request<wire::FindPricesRequest>,
    ) -> Result<Response<wire::FindPricesResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = LinkId(id("link_id", &asked.link_id)?);
        let role = if asked.our_role.is_empty() {
            BUYER
        } else {
            &asked.our_role
        };
        let on = match &*asked.day {
            "" => None,
            text => Some(day("day", text)?),
        };
        let articles = asked.articles.into_iter().map(|one| Article {
            sku: one.sku,
            gtin: one.gtin,
            category: one.category,
            quantity: one.quantity,
        });
        let articles: Vec<_> = articles.collect();
        let found = self.0.prices(&session, (link, role), on, &articles).await;
        let each = found.map_err(status)?.into_iter().zip(&articles);
        let prices = each.map(|(found, article)| found.map(|found| price(found, article)).unwrap_or_default());
        Ok(Response::new(wire::FindPricesResponse {
            prices: prices.collect(),
        }))
    }

    async fn get_order_prices(
        &self,
        asked: Request<wire::GetOrderPricesRequest>,
    ) -> Result<Response<wire::GetOrderPricesResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let document = id("document_id", &asked.document_id)?;
        let priced = self.0.priced_order(&session, document).await.map_err(status)?;
        let lines = priced.lines.into_iter().map(|line| wire::OrderPrice {
            agreed: line.found.map(|found| price(found, &line.article)),
            line: line.id,
            findings: line.deviations.iter().map(|found| found.as_str().to_owned()).collect(),
        });
        let draws = priced.draws.into_iter().map(|(document, amount)| wire::PriceDraw {
            document_id: document.to_string(),
            amount,
        });
        Ok(Response::new(wire::GetOrderPricesResponse {
            day: priced.on.to_string(),
            lines: lines.collect(),
            draws: draws.collect(),
        }))
    }

    async fn list_price_exceptions(
        &self,
        asked: Request<wire::ListPriceExceptionsRequest>,
    ) -> Result<Response<wire::ListPriceExceptionsResponse>, Status> {
        let session = Session::of(&asked)?;
        let exceptions = self.0.price_exceptions(&session).await.map_err(status)?;
        let exceptions = exceptions.into_iter().map(|row| wire::PriceException {
            document_id: row.document_id.to_string(),
            number: row.number,
            link_id: row.link_id.to_string(),
            day: row.on_day.to_string(),
            findings: row.findings.split(',').map(str::to_owned).collect(),
            since: Some(timestamp(row.since)),
        });
        Ok(Response::new(wire::ListPriceExceptionsResponse {
            exceptions: exceptions.collect(),
        }))
    }
}
