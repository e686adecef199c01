//! What other enterprises may ask of our stock.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt as _};
use hansa_edge::{finish, status};
use hansa_link::Permit;
use hansa_proto::inventory::v1::{self as wire, inventory_partner_service_server::InventoryPartnerService};
use prost::Message as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::{amount, item, line, shown, timestamp, uuid};
use crate::{
    Error, Inventory,
    model::{self, Figure},
    ops::{Reserve, Told, Update, shared_gtin},
    store::{feed::FeedRow, reservations::SeenRow},
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

fn update((update, resume_token): Told) -> wire::WatchAvailabilityResponse {
    use wire::watch_availability_response::Update as Shown;
    let shown = match update {
        Update::Level(row, figure) => Shown::Figure(wire::StockFigure {
            version: u64::try_from(row.version).unwrap_or(0),
            changed_at: row.at.map(timestamp),
            lot: row.lot.clone(),
            availability: Some(level(*row, figure)),
        }),
        Update::SnapshotEnd => Shown::SnapshotEnd(wire::SnapshotEnd {}),
        Update::Heartbeat => Shown::Heartbeat(wire::Heartbeat {}),
        Update::Resync => Shown::Resync(wire::Resync {}),
    };
    wire::WatchAvailabilityResponse {
        update: Some(shown),
        resume_token,
    }
}

fn level(row: FeedRow, figure: Figure) -> wire::Availability {
    let seen = SeenRow {
        sku: row.sku,
        gtin14: row.gtin14,
        name: row.name,
        unit: row.unit,
        scale: row.scale,
        location: row.location,
        on_hand: row.on_hand,
        reserved: row.reserved,
        safety_stock: row.safety_stock,
    };
    availability(seen, figure)
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

    type WatchAvailabilityStream = Pin<Box<dyn Stream<Item = Result<wire::WatchAvailabilityResponse, Status>> + Send>>;

    async fn watch_availability(
        &self,
        asked: Request<wire::WatchAvailabilityRequest>,
    ) -> Result<Response<Self::WatchAvailabilityStream>, Status> {
        let (permit, asked) = (Permit::of(&asked)?, asked.into_inner());
        let ended = permit.ended();
        let updates = self.0.watch(permit, &asked.resume_token).map_err(status)?;
        // What lies ready when the permit ends is not sent any more.
        let told = ReceiverStream::new(updates)
            .map(|told| told.map(update).map_err(status))
            .take_until(ended.cancelled_owned())
            .chain(futures_util::stream::once(async { Err(status(Error::Stale)) }));
        Ok(Response::new(Box::pin(told)))
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
