//! What our own people do with stock, ours and the partners'.

use std::{pin::Pin, time::Duration};

use hansa_directory::Session;
use hansa_edge::{finish, status};
use hansa_proto::inventory::v1::{self as wire, inventory_staff_service_server::InventoryStaffService};
use hansa_vocab::LinkId;
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::{
    item, link, own_gtin, quantity,
    rows::{answered, found_item, hold, item_stock, level, movement, partner_answer, partner_hold, raw},
    shown, shown_partner, uuid,
};
use crate::{
    Error, Inventory,
    model::{Defaults, ItemRef, RawRow},
    ops::{Import, Place, page_after, page_size},
};

/// `hansa.inventory.v1.InventoryStaffService`.
#[derive(Clone, Debug)]
pub struct InventoryStaff(pub Inventory);

/// How long to wait; what can't be so is refused as too short.
fn wait(asked: Option<prost_types::Duration>) -> Option<Duration> {
    asked.map(|given| Duration::try_from(given).unwrap_or(Duration::ZERO))
}

fn some_link(text: &str) -> Result<Option<LinkId>, Error> {
    if text.is_empty() {
        Ok(None)
    } else {
        link(text).map(Some)
    }
}

fn some_item(given: Option<&wire::ItemRef>) -> Result<Option<ItemRef>, Error> {
    given.map(|one| item(Some(one), own_gtin)).transpose()
}

/// Link and id of a reservation.
fn place(link_id: &str, id: &str) -> Result<(LinkId, uuid::Uuid), Error> {
    Ok((link(link_id)?, uuid(id)?))
}

/// Takes an import to its end; each chunk is one transaction, finished whatever becomes of the caller.
async fn take_import(
    inventory: Inventory,
    session: Session,
    mut chunks: Streaming<wire::ImportStockRequest>,
    answers: tokio::sync::mpsc::Sender<Result<wire::ImportStockResponse, Status>>,
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
                let options = chunk.options.unwrap_or_default();
                let defaults = Defaults {
                    location: options.location,
                    quantity: options.quantity,
                };
                let mut under_way = import
                    .take()
                    .unwrap_or_else(|| inventory.import(session.clone(), defaults, options.dry_run));
                let rows: Vec<RawRow> = chunk.rows.into_iter().map(raw).collect();
                let done = finish(async move {
                    let problems = under_way.chunk(&rows).await?;
                    Ok::<_, Error>((problems, under_way))
                })
                .await;
                done.map(|(problems, under_way)| {
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

/// Only then may there be another page.
fn fills_a_page(rows: usize, asked: u32) -> bool {
    page_size(asked).is_ok_and(|size| i64::try_from(rows).is_ok_and(|rows| rows >= size))
}

#[tonic::async_trait]
impl InventoryStaffService for InventoryStaff {
    async fn put_location(
        &self,
        asked: Request<wire::PutLocationRequest>,
    ) -> Result<Response<wire::PutLocationResponse>, Status> {
        let (session, inventory) = (Session::of(&asked)?, self.0.clone());
        let location = asked.into_inner().location.unwrap_or_default();
        let made = finish(async move {
            inventory
                .put_location(&session, &location.code, &location.name, &location.gln)
                .await?;
            Ok::<_, Error>(location)
        })
        .await?;
        Ok(Response::new(wire::PutLocationResponse { location: Some(made) }))
    }

    async fn list_locations(
        &self,
        asked: Request<wire::ListLocationsRequest>,
    ) -> Result<Response<wire::ListLocationsResponse>, Status> {
        let all = self.0.locations(&Session::of(&asked)?).await.map_err(status)?;
        let location = |(code, name, gln): (String, String, Option<String>)| wire::Location {
            code,
            name,
            gln: gln.unwrap_or_default(),
        };
        Ok(Response::new(wire::ListLocationsResponse {
            locations: all.into_iter().map(location).collect(),
        }))
    }

    type ImportStockStream = Pin<Box<dyn Stream<Item = Result<wire::ImportStockResponse, Status>> + Send>>;

    async fn import_stock(
        &self,
        asked: Request<Streaming<wire::ImportStockRequest>>,
    ) -> Result<Response<Self::ImportStockStream>, Status> {
        let session = Session::of(&asked)?;
        let (to_caller, answers) = tokio::sync::mpsc::channel(2);
        tokio::spawn(take_import(self.0.clone(), session, asked.into_inner(), to_caller));
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn import_rows(
        &self,
        asked: Request<wire::ImportRowsRequest>,
    ) -> Result<Response<wire::ImportRowsResponse>, Status> {
        let (session, inventory, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let options = asked.options.unwrap_or_default();
        let defaults = Defaults {
            location: options.location,
            quantity: options.quantity,
        };
        let rows: Vec<RawRow> = asked.rows.into_iter().map(raw).collect();
        let mut import = inventory.import(session, defaults, options.dry_run);
        let (problems, totals) = finish(async move {
            let problems = import.chunk(&rows).await?;
            Ok::<_, Error>((problems, import.totals))
        })
        .await?;
        let wire::ImportStockResponse { problems, totals } = answered(problems, totals);
        Ok(Response::new(wire::ImportRowsResponse { problems, totals }))
    }

    async fn count_stock(
        &self,
        asked: Request<wire::CountStockRequest>,
    ) -> Result<Response<wire::CountStockResponse>, Status> {
        let (session, inventory, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let row = finish(async move {
            let item = item(asked.item.as_ref(), own_gtin)?;
            let on_hand = quantity(asked.on_hand.as_ref(), "on_hand")?;
            let place = Place {
                item: &item,
                location: &asked.location,
                lot: &asked.lot,
            };
            inventory.count(&session, &place, on_hand).await
        })
        .await?;
        Ok(Response::new(wire::CountStockResponse {
            level: Some(level(&row)),
        }))
    }

    async fn set_safety_stock(
        &self,
        asked: Request<wire::SetSafetyStockRequest>,
    ) -> Result<Response<wire::SetSafetyStockResponse>, Status> {
        let (session, inventory, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let row = finish(async move {
            let item = item(asked.item.as_ref(), own_gtin)?;
            let safety_stock = quantity(asked.safety_stock.as_ref(), "safety_stock")?;
            let place = Place {
                item: &item,
                location: &asked.location,
                lot: &asked.lot,
            };
            inventory.keep_back(&session, &place, safety_stock).await
        })
        .await?;
        Ok(Response::new(wire::SetSafetyStockResponse {
            level: Some(level(&row)),
        }))
    }

    async fn list_low(&self, asked: Request<wire::ListLowRequest>) -> Result<Response<wire::ListLowResponse>, Status> {
        let session = Session::of(&asked)?;
        let (rows, all, watched) = self.0.low(&session).await.map_err(status)?;
        let levels = rows.iter().map(level).collect();
        Ok(Response::new(wire::ListLowResponse { levels, all, watched }))
    }

    async fn list_levels(
        &self,
        asked: Request<wire::ListLevelsRequest>,
    ) -> Result<Response<wire::ListLevelsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let item = some_item(asked.item.as_ref()).map_err(status)?;
        let rows = self
            .0
            .levels(&session, &asked.page, asked.page_size, item.as_ref())
            .await
            .map_err(status)?;
        let full = fills_a_page(rows.len(), asked.page_size);
        let next_page = rows
            .last()
            .filter(|_| full)
            .map(|row| [&row.sku[..], &row.location, &row.lot].join("\u{1f}"));
        let levels = rows.iter().map(level).collect();
        Ok(Response::new(wire::ListLevelsResponse {
            levels,
            next_page: next_page.unwrap_or_default(),
        }))
    }

    async fn list_movements(
        &self,
        asked: Request<wire::ListMovementsRequest>,
    ) -> Result<Response<wire::ListMovementsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let item = some_item(asked.item.as_ref()).map_err(status)?;
        let rows = self
            .0
            .movements(&session, &asked.page, asked.page_size, item.as_ref())
            .await
            .map_err(status)?;
        let full = fills_a_page(rows.len(), asked.page_size);
        let next_page = rows.last().filter(|_| full).map(page_after);
        Ok(Response::new(wire::ListMovementsResponse {
            movements: rows.into_iter().map(movement).collect(),
            next_page: next_page.unwrap_or_default(),
        }))
    }

    async fn export_movements(
        &self,
        asked: Request<wire::ExportMovementsRequest>,
    ) -> Result<Response<wire::ExportMovementsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let told = self
            .0
            .handlings(&session, &asked.page, asked.page_size)
            .await
            .map_err(status)?;
        Ok(Response::new(wire::ExportMovementsResponse {
            json: told.document.to_string(),
            events: u32::try_from(told.events).unwrap_or(0),
            next_page: told.place,
        }))
    }

    async fn list_reservations(
        &self,
        asked: Request<wire::ListReservationsRequest>,
    ) -> Result<Response<wire::ListReservationsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = some_link(&asked.link_id).map_err(status)?;
        let rows = self
            .0
            .held_by_partners(&session, link, &asked.page, asked.page_size)
            .await
            .map_err(status)?;
        let last = rows.last().filter(|_| fills_a_page(rows.len(), asked.page_size));
        let next_page = last.map(|whole| whole.row.id.to_string()).unwrap_or_default();
        Ok(Response::new(wire::ListReservationsResponse {
            reservations: rows.iter().map(hold).collect(),
            next_page,
        }))
    }

    async fn fulfil_reservation(
        &self,
        asked: Request<wire::FulfilReservationRequest>,
    ) -> Result<Response<wire::FulfilReservationResponse>, Status> {
        let (session, inventory, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (link, id) = place(&asked.link_id, &asked.id).map_err(status)?;
        let whole = finish(async move { inventory.fulfil(&session, link, id).await }).await?;
        Ok(Response::new(wire::FulfilReservationResponse {
            reservation: Some(shown(&whole)),
        }))
    }

    async fn release_reservation(
        &self,
        asked: Request<wire::ReleaseReservationRequest>,
    ) -> Result<Response<wire::ReleaseReservationResponse>, Status> {
        let (session, inventory, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (link, id) = place(&asked.link_id, &asked.id).map_err(status)?;
        let whole = finish(async move { inventory.release_ours(&session, link, id, &asked.reason).await }).await?;
        Ok(Response::new(wire::ReleaseReservationResponse {
            reservation: Some(shown(&whole)),
        }))
    }

    async fn audit_stock(
        &self,
        asked: Request<wire::AuditStockRequest>,
    ) -> Result<Response<wire::AuditStockResponse>, Status> {
        let ((levels, movements, reservations), differences) =
            self.0.audit_stock(&Session::of(&asked)?).await.map_err(status)?;
        Ok(Response::new(wire::AuditStockResponse {
            levels,
            movements,
            reservations,
            differences,
        }))
    }

    async fn list_items(
        &self,
        asked: Request<wire::ListItemsRequest>,
    ) -> Result<Response<wire::ListItemsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let (page, size) = (&asked.page, asked.page_size);
        let rows = self.0.items(&session, &asked.text, page, size).await.map_err(status)?;
        let full = fills_a_page(rows.len(), size);
        let next_page = rows.last().filter(|_| full).map(|row| row.sku.clone());
        Ok(Response::new(wire::ListItemsResponse {
            items: rows.into_iter().map(item_stock).collect(),
            next_page: next_page.unwrap_or_default(),
        }))
    }

    async fn lookup_item(
        &self,
        asked: Request<wire::LookupItemRequest>,
    ) -> Result<Response<wire::LookupItemResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let ours = session.enterprise_name().to_owned();
        let found = self.0.lookup(&session, &asked.code, wait(asked.deadline)).await;
        Ok(Response::new(found_item(ours, found.map_err(status)?)))
    }

    async fn query_partners(
        &self,
        asked: Request<wire::QueryPartnersRequest>,
    ) -> Result<Response<wire::QueryPartnersResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = some_link(&asked.link_id).map_err(status)?;
        let answers = self
            .0
            .query_partners(&session, link, asked.items, wait(asked.deadline))
            .await
            .map_err(status)?;
        let answers = answers.into_iter().map(partner_answer).collect();
        Ok(Response::new(wire::QueryPartnersResponse { answers }))
    }

    type WatchPartnerStream = Pin<Box<dyn Stream<Item = Result<wire::WatchPartnerResponse, Status>> + Send>>;

    async fn watch_partner(
        &self,
        request: Request<wire::WatchPartnerRequest>,
    ) -> Result<Response<Self::WatchPartnerStream>, Status> {
        let (session, asked) = (Session::of(&request)?, request.into_inner());
        let id = link(&asked.link_id).map_err(status)?;
        let updates = self
            .0
            .watch_partner(&session, id, asked.resume_token)
            .await
            .map_err(status)?;
        let told = ReceiverStream::new(updates).map(|told| {
            told.map(|update| wire::WatchPartnerResponse { update: Some(update) })
                .map_err(status)
        });
        Ok(Response::new(Box::pin(told)))
    }

    async fn reserve_at_partner(
        &self,
        asked: Request<wire::ReserveAtPartnerRequest>,
    ) -> Result<Response<wire::ReserveAtPartnerResponse>, Status> {
        let (session, inventory, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let link = link(&asked.link_id).map_err(status)?;
        let request = wire::ReserveRequest {
            id: asked.id,
            lines: asked.lines,
            ttl: asked.ttl,
            order_ref: asked.order_ref,
        };
        let row = finish(async move { inventory.reserve_at(&session, link, request).await }).await?;
        Ok(Response::new(wire::ReserveAtPartnerResponse {
            reservation: Some(shown_partner(&row)),
        }))
    }

    async fn confirm_at_partner(
        &self,
        asked: Request<wire::ConfirmAtPartnerRequest>,
    ) -> Result<Response<wire::ConfirmAtPartnerResponse>, Status> {
        let (session, inventory, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (link, id) = place(&asked.link_id, &asked.id).map_err(status)?;
        let row = finish(async move { inventory.confirm_at(&session, link, id).await }).await?;
        Ok(Response::new(wire::ConfirmAtPartnerResponse {
            reservation: Some(shown_partner(&row)),
        }))
    }

    async fn release_at_partner(
        &self,
        asked: Request<wire::ReleaseAtPartnerRequest>,
    ) -> Result<Response<wire::ReleaseAtPartnerResponse>, Status> {
        let (session, inventory, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (link, id) = place(&asked.link_id, &asked.id).map_err(status)?;
        let row = finish(async move { inventory.release_at(&session, link, id, &asked.reason).await }).await?;
        Ok(Response::new(wire::ReleaseAtPartnerResponse {
            reservation: Some(shown_partner(&row)),
        }))
    }

    async fn get_partner_reservation(
        &self,
        asked: Request<wire::GetPartnerReservationRequest>,
    ) -> Result<Response<wire::GetPartnerReservationResponse>, Status> {
        let (session, inventory, asked) = (Session::of(&asked)?, self.0.clone(), asked.into_inner());
        let (link, id) = place(&asked.link_id, &asked.id).map_err(status)?;
        let row = finish(async move { inventory.at_partner(&session, link, id, asked.close).await }).await?;
        Ok(Response::new(wire::GetPartnerReservationResponse {
            reservation: Some(shown_partner(&row)),
        }))
    }

    async fn list_partner_reservations(
        &self,
        asked: Request<wire::ListPartnerReservationsRequest>,
    ) -> Result<Response<wire::ListPartnerReservationsResponse>, Status> {
        let (session, asked) = (Session::of(&asked)?, asked.into_inner());
        let link = some_link(&asked.link_id).map_err(status)?;
        let rows = self
            .0
            .held_at_partners(&session, link, &asked.page, asked.page_size)
            .await
            .map_err(status)?;
        let last = rows.last().filter(|_| fills_a_page(rows.len(), asked.page_size));
        let next_page = last.map(|row| row.id.to_string()).unwrap_or_default();
        let reservations = rows.iter().map(partner_hold).collect();
        Ok(Response::new(wire::ListPartnerReservationsResponse {
            reservations,
            next_page,
        }))
    }
}
