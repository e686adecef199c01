//! What other enterprises may ask of our stock.

use std::time::Duration;

use hansa_edge::{finish, status};
use hansa_link::Permit;
use hansa_proto::inventory::v1::{self as wire, inventory_partner_service_server::InventoryPartnerService};
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::{amount, item, line, shown, uuid};
use crate::{
    Error, Inventory,
    model::{self, Figure},
    ops::{Reserve, shared_gtin},
    store::reservations::SeenRow,
};

/// `hansa.inventory.v1.InventoryPartnerService`.
#[derive(Clone, Debug)]
pub struct InventoryPartner(pub Inventory);

fn availability(row: SeenRow, figure: Figure) -> wire::Availability {
    use wire::availability::Figure as Shown;
    wire::Availability {
        item: Some(wire::ItemRef {
            r#ref: Some(wire::item_ref::Ref::Sku(row.sku.clone())),
        }),
        gtin: row.gtin14.unwrap_or_default(),
        sku: row.sku,
        name: row.name,
        location: row.location,
        figure: match figure {
            Figure::Exact(units) => amount(units, row.scale, &row.unit).map(Shown::Exact),
            Figure::Band(edge) => Some(Shown::Band(edge)),
            Figure::InStock(yes) => Some(Shown::InStock(yes)),
        },
    }
}

fn request(asked: &wire::ReserveRequest) -> Result<Reserve, Error> {
    let lines = asked
        .lines
        .iter()
        .take(model::LINES_MAX + 1)
        .map(line)
        .collect::<Result<Vec<_>, _>>()?;
    model::check_lines(&lines)?;
    let ttl = asked.ttl.as_ref().map(|ttl| Duration::try_from(*ttl)).transpose();
    Ok(Reserve {
        id: uuid(&asked.id)?,
        ttl: ttl.map_err(|_| Error::Invalid {
            field: "ttl",
            text: "must not be below zero".to_owned(),
        })?,
        order_ref: model::text("order_ref", &asked.order_ref, model::REFERENCE_MAX)?,
        body: asked.encode_to_vec(),
        lines,
    })
}

#[tonic::async_trait]
impl InventoryPartnerService for InventoryPartner {
    async fn query_availability(
        &self,
        asked: Request<wire::QueryAvailabilityRequest>,
    ) -> Result<Response<wire::QueryAvailabilityResponse>, Status> {
        let (permit, asked) = (Permit::of(&asked)?, asked.into_inner());
        let items = asked
            .items
            .iter()
            .take(model::ITEMS_MAX + 1)
            .map(|one| item(Some(one), shared_gtin));
        let items = items.collect::<Result<Vec<_>, _>>().map_err(status)?;
        let rows = self.0.query(&permit, &items, &asked.locations).await.map_err(status)?;
        let availabilities = rows
            .into_iter()
            .map(|(row, figure)| availability(row, figure))
            .collect();
        Ok(Response::new(wire::QueryAvailabilityResponse { availabilities }))
    }

    async fn reserve(&self, asked: Request<wire::ReserveRequest>) -> Result<Response<wire::ReserveResponse>, Status> {
        let (permit, inventory) = (Permit::of(&asked)?, self.0.clone());
        let request = request(&asked.into_inner()).map_err(status)?;
        let whole = finish(async move { inventory.reserve(&permit, &request).await }).await?;
        Ok(Response::new(wire::ReserveResponse {
            reservation: Some(shown(&whole)),
        }))
    }

    async fn confirm(&self, asked: Request<wire::ConfirmRequest>) -> Result<Response<wire::ConfirmResponse>, Status> {
        let (permit, inventory) = (Permit::of(&asked)?, self.0.clone());
        let id = uuid(&asked.into_inner().id).map_err(status)?;
        let whole = finish(async move { inventory.confirm(&permit, id).await }).await?;
        Ok(Response::new(wire::ConfirmResponse {
            reservation: Some(shown(&whole)),
        }))
    }

    async fn release(&self, asked: Request<wire::ReleaseRequest>) -> Result<Response<wire::ReleaseResponse>, Status> {
        let (permit, inventory, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let id = uuid(&asked.id).map_err(status)?;
        let whole = finish(async move { inventory.release(&permit, id, &asked.reason).await }).await?;
        Ok(Response::new(wire::ReleaseResponse {
            reservation: Some(shown(&whole)),
        }))
    }

    async fn get_outcome(
        &self,
        asked: Request<wire::GetOutcomeRequest>,
    ) -> Result<Response<wire::GetOutcomeResponse>, Status> {
        let (permit, inventory, asked) = (Permit::of(&asked)?, self.0.clone(), asked.into_inner());
        let id = uuid(&asked.id).map_err(status)?;
        let whole = finish(async move { inventory.outcome(&permit, id, asked.close).await }).await?;
        Ok(Response::new(wire::GetOutcomeResponse {
            reservation: Some(shown(&whole)),
        }))
    }
}
