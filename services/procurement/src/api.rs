//! The wire of buying: our own people only.

mod account;
mod prices;

pub use account::{AccountsPartner, AccountsStaff};
pub use prices::PricesStaff;

use hansa_directory::Session;
use hansa_edge::{finish, id, maybe_id, status, timestamp};
use hansa_proto::{
    procurement::v1::{self as wire, procurement_staff_service_server::ProcurementStaffService},
    types::v1::{Decimal, Quantity as WireQuantity},
};
use hansa_vocab::{Fault, LinkId, Quantity, Unit};
use time::{Date, macros::format_description};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    Procurement,
    ops::{Assignment, Compared},
    store::{AcceptanceRow, BudgetRow, PaperParty, ToleranceRow},
};

/// `hansa.procurement.v1.ProcurementStaffService`.
#[derive(Clone, Debug)]
pub struct ProcurementStaff(pub Procurement);

fn budget(row: BudgetRow) -> wire::Budget {
    wire::Budget {
        accounting_cost: row.accounting_cost,
        begins_on: row.begins_on.to_string(),
        ends_on: row.ends_on.to_string(),
        currency: row.currency,
        amount: row.amount,
        bound: row.bound,
    }
}

fn day(field: &'static str, text: &str) -> Result<Date, Status> {
    let read = Date::parse(text, format_description!("[year]-[month]-[day]"));
    read.map_err(|_| status(Fault::invalid(field, "a date is YYYY-MM-DD")))
}

fn tolerance(row: ToleranceRow) -> wire::MatchTolerance {
    let (value, scale) = Quantity::of(row.quantity_units, 6, Unit::default()).shortest();
    wire::MatchTolerance {
        link_id: row.link,
        quantity_percent: row.quantity_percent.try_into().unwrap_or(0),
        quantity: Some(Decimal {
            value,
            scale: scale.into(),
        }),
        price_percent: row.price_percent.try_into().unwrap_or(0),
        price_amount: row.price_amount,
    }
}

fn matched(compared: &Compared) -> wire::GetMatchResponse {
    let lines = compared.lines.iter().map(|line| {
        let unit = compared.units.iter().find(|(id, _)| *id == line.of_line);
        let unit = unit.and_then(|(_, unit)| unit.parse().ok()).unwrap_or_default();
        let of = |micros: i64| Some(quantity(Quantity::of(micros, 6, unit)));
        wire::MatchedLine {
            line: line.line.clone(),
            of_line: line.of_line.clone(),
            ordered: of(line.ordered),
            received: of(line.received),
            invoiced: of(line.invoiced),
            amount: line.amount,
            expected: line.expected,
            findings: line.findings.iter().map(|found| found.as_str().to_owned()).collect(),
        }
    });
    wire::GetMatchResponse {
        lines: lines.collect(),
        matched: compared.lines.iter().all(|line| line.findings.is_empty()),
        tolerance: Some(tolerance(compared.tolerance.clone())),
        currency: compared.currency.clone(),
    }
}

fn quantity(quantity: Quantity) -> WireQuantity {
    let (value, scale) = quantity.shortest();
    WireQuantity {
        value,
        scale: scale.into(),
        unit: quantity.unit().as_str().to_owned(),
    }
}

#[tonic::async_trait]
impl ProcurementStaffService for ProcurementStaff {
    async fn make_orders(
        &self,
        asked: Request<wire::MakeOrdersRequest>,
    ) -> Result<Response<wire::MakeOrdersResponse>, Status> {
        let (session, procurement, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let request = match &*asked.id {
            "" => procurement.new_id(),
            given => id("id", given)?,
        };
        let assignments = asked.assignments.iter().map(|one| {
            Ok(Assignment {
                requisition: id("assignments", &one.requisition_id)?,
                line: one.line.clone(),
                link: LinkId(id("assignments", &one.link_id)?),
            })
        });
        let assignments = assignments.collect::<Result<Vec<_>, Status>>()?;
        let head = asked.head.unwrap_or_default();
        let done = async move { procurement.make_orders(&session, request, &assignments, head).await };
        let made = finish(done).await?;
        let orders = made.orders.into_iter().map(|(link, paper)| wire::MadeOrder {
            document_id: paper.id.to_string(),
            number: paper.number,
            link_id: link.to_string(),
            state: paper.state,
        });
        Ok(Response::new(wire::MakeOrdersResponse {
            orders: orders.collect(),
            ordered_requisition_ids: made.ordered.iter().map(Uuid::to_string).collect(),
        }))
    }

    async fn get_outlook(
        &self,
        asked: Request<wire::GetOutlookRequest>,
    ) -> Result<Response<wire::GetOutlookResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let document = id("document_id", &asked.document_id)?;
        let beside = self.0.beside(&session, document).await.map_err(status)?;
        let stock = beside.outlook.stock.into_iter().map(|(line, figures)| wire::LineStock {
            line,
            on_hand: Some(quantity(figures.on_hand)),
            reserved: Some(quantity(figures.reserved)),
            incoming: Some(quantity(figures.incoming)),
        });
        Ok(Response::new(wire::GetOutlookResponse {
            stock: stock.collect(),
            budget: beside.budget.map(budget),
            this_request: beside.request,
            over_budget: beside.over,
        }))
    }

    async fn put_budget(
        &self,
        asked: Request<wire::PutBudgetRequest>,
    ) -> Result<Response<wire::PutBudgetResponse>, Status> {
        let (session, procurement, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let asked = asked.budget.unwrap_or_default();
        let row = BudgetRow {
            begins_on: day("begins_on", &asked.begins_on)?,
            ends_on: day("ends_on", &asked.ends_on)?,
            accounting_cost: asked.accounting_cost,
            currency: asked.currency,
            amount: asked.amount,
            bound: 0,
        };
        let row = finish(async move { procurement.put_budget(&session, row).await }).await?;
        Ok(Response::new(wire::PutBudgetResponse {
            budget: Some(budget(row)),
        }))
    }

    async fn list_budgets(
        &self,
        asked: Request<wire::ListBudgetsRequest>,
    ) -> Result<Response<wire::ListBudgetsResponse>, Status> {
        let session = Session::of(&asked)?;
        let budgets = self.0.budgets(&session).await.map_err(status)?;
        let budgets = budgets.into_iter().map(budget);
        Ok(Response::new(wire::ListBudgetsResponse {
            budgets: budgets.collect(),
        }))
    }

    async fn get_match(
        &self,
        asked: Request<wire::GetMatchRequest>,
    ) -> Result<Response<wire::GetMatchResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let document = id("document_id", &asked.document_id)?;
        let compared = self.0.compared(&session, document).await.map_err(status)?;
        Ok(Response::new(matched(&compared)))
    }

    async fn list_match_exceptions(
        &self,
        asked: Request<wire::ListMatchExceptionsRequest>,
    ) -> Result<Response<wire::ListMatchExceptionsResponse>, Status> {
        let session = Session::of(&asked)?;
        let exceptions = self.0.exceptions(&session).await.map_err(status)?;
        let exceptions = exceptions.into_iter().map(|row| wire::MatchException {
            document_id: row.document_id.to_string(),
            number: row.number,
            link_id: row.link_id.map(|link| link.to_string()).unwrap_or_default(),
            findings: row.findings.split(',').map(str::to_owned).collect(),
            since: Some(timestamp(row.since)),
        });
        Ok(Response::new(wire::ListMatchExceptionsResponse {
            exceptions: exceptions.collect(),
        }))
    }

    async fn put_match_tolerance(
        &self,
        asked: Request<wire::PutMatchToleranceRequest>,
    ) -> Result<Response<wire::PutMatchToleranceResponse>, Status> {
        let (session, procurement, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let asked = asked.tolerance.unwrap_or_default();
        let bad = || {
            status(Fault::invalid(
                "tolerance",
                "a share is 0 to 10,000 hundredths of a per cent",
            ))
        };
        let units = asked.quantity.unwrap_or_default();
        let units = Quantity::new(units.value, units.scale, "").ok();
        let units = units.and_then(|units| units.base_units(6, units.unit()).ok());
        let row = ToleranceRow {
            link: maybe_id("link_id", &asked.link_id)?
                .map(|link| link.to_string())
                .unwrap_or_default(),
            quantity_percent: asked.quantity_percent.try_into().map_err(|_| bad())?,
            quantity_units: units.ok_or_else(bad)?,
            price_percent: asked.price_percent.try_into().map_err(|_| bad())?,
            price_amount: asked.price_amount,
        };
        finish(async move { procurement.put_tolerance(&session, row).await }).await?;
        Ok(Response::new(wire::PutMatchToleranceResponse {}))
    }

    async fn list_match_tolerances(
        &self,
        asked: Request<wire::ListMatchTolerancesRequest>,
    ) -> Result<Response<wire::ListMatchTolerancesResponse>, Status> {
        let session = Session::of(&asked)?;
        let tolerances = self.0.tolerances(&session).await.map_err(status)?;
        Ok(Response::new(wire::ListMatchTolerancesResponse {
            tolerances: tolerances.into_iter().map(tolerance).collect(),
        }))
    }

    async fn put_acceptance_rule(
        &self,
        asked: Request<wire::PutAcceptanceRuleRequest>,
    ) -> Result<Response<wire::PutAcceptanceRuleResponse>, Status> {
        let (session, procurement, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let rule = asked.rule.unwrap_or_default();
        let row = AcceptanceRow {
            link: maybe_id("link_id", &rule.link_id)?
                .map(|link| link.to_string())
                .unwrap_or_default(),
            accepts: rule.accepts,
            amount_max: rule.amount_max,
            currency: rule.currency,
        };
        finish(async move { procurement.put_acceptance(&session, row).await }).await?;
        Ok(Response::new(wire::PutAcceptanceRuleResponse {}))
    }

    async fn list_acceptance_rules(
        &self,
        asked: Request<wire::ListAcceptanceRulesRequest>,
    ) -> Result<Response<wire::ListAcceptanceRulesResponse>, Status> {
        let session = Session::of(&asked)?;
        let rules = self.0.acceptances(&session).await.map_err(status)?.into_iter();
        let rules = rules.map(|row| wire::AcceptanceRule {
            link_id: row.link,
            accepts: row.accepts,
            amount_max: row.amount_max,
            currency: row.currency,
        });
        Ok(Response::new(wire::ListAcceptanceRulesResponse {
            rules: rules.collect(),
        }))
    }

    async fn put_paper_party(
        &self,
        asked: Request<wire::PutPaperPartyRequest>,
    ) -> Result<Response<wire::PutPaperPartyResponse>, Status> {
        let (session, procurement, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let party = asked.party.unwrap_or_default();
        let party = PaperParty {
            link_id: id("link_id", &party.link_id)?,
            scheme: party.scheme,
            id: party.id,
        };
        finish(async move { procurement.put_party(&session, party).await }).await?;
        Ok(Response::new(wire::PutPaperPartyResponse {}))
    }

    async fn remove_paper_party(
        &self,
        asked: Request<wire::RemovePaperPartyRequest>,
    ) -> Result<Response<wire::RemovePaperPartyResponse>, Status> {
        let (session, procurement, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (scheme, value) = (asked.scheme, asked.value);
        finish(async move { procurement.remove_party(&session, &scheme, &value).await }).await?;
        Ok(Response::new(wire::RemovePaperPartyResponse {}))
    }

    async fn list_paper_parties(
        &self,
        asked: Request<wire::ListPaperPartiesRequest>,
    ) -> Result<Response<wire::ListPaperPartiesResponse>, Status> {
        let session = Session::of(&asked)?;
        let parties = self.0.parties(&session).await.map_err(status)?;
        let parties = parties.into_iter().map(|party| wire::PaperParty {
            scheme: party.scheme,
            id: party.id,
            link_id: party.link_id.to_string(),
        });
        Ok(Response::new(wire::ListPaperPartiesResponse {
            parties: parties.collect(),
        }))
    }

    async fn list_order_sources(
        &self,
        asked: Request<wire::ListOrderSourcesRequest>,
    ) -> Result<Response<wire::ListOrderSourcesResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let document = id("document_id", &asked.document_id)?;
        let sources = self.0.sources(&session, document).await.map_err(status)?;
        let sources = sources.into_iter().map(|row| wire::OrderSource {
            requisition_id: row.requisition_id.to_string(),
            requisition_line: row.requisition_line,
            order_id: row.order_id.to_string(),
            order_line: row.order_line,
        });
        Ok(Response::new(wire::ListOrderSourcesResponse {
            sources: sources.collect(),
        }))
    }
}
