//! The wire of buying: our own people only.

use hansa_directory::Session;
use hansa_edge::{finish, id, status};
use hansa_proto::procurement::v1::{self as wire, procurement_staff_service_server::ProcurementStaffService};
use hansa_vocab::LinkId;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{Procurement, ops::Assignment};

/// `hansa.procurement.v1.ProcurementStaffService`.
#[derive(Clone, Debug)]
pub struct ProcurementStaff(pub Procurement);

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
