//! What each port of a node serves: staff, partners, strangers who join, and the operator.

use axum::{Router, middleware, routing::get};
use hansa_apps::{AppsPartner, AppsStaff};
use hansa_console::Console;
use hansa_conversations::{ConversationsPartner, ConversationsStaff};
use hansa_directory::{DirectoryStaff, Door};
use hansa_documents::{DocumentsPartner, DocumentsStaff, PapersStaff};
use hansa_edge::{PARTNER_MESSAGE_MAX, Rules, STAFF_MESSAGE_MAX, StaffOptions, staff_router};
use hansa_egress::EgressStaff;
use hansa_files::FilesStaff;
use hansa_inventory::{InventoryPartner, InventoryStaff};
use hansa_link::{Gate, LinkJoin, LinkPartner, LinkStaff};
use hansa_loyalty::{LoyaltyPartner, LoyaltyStaff};
use hansa_members::{MembersPartner, MembersStaff};
use hansa_outreach::{OutreachPartner, OutreachStaff};
use hansa_procurement::{AccountsPartner, AccountsStaff, PricesStaff, ProcurementStaff};
use hansa_proto::{
    DESCRIPTORS,
    apps::v1::{
        apps_partner_service_server::AppsPartnerServiceServer, apps_staff_service_server::AppsStaffServiceServer,
    },
    conversations::v1::{
        conversations_partner_service_server::ConversationsPartnerServiceServer,
        conversations_staff_service_server::ConversationsStaffServiceServer,
    },
    directory::v1::directory_staff_service_server::DirectoryStaffServiceServer,
    documents::v1::{
        documents_partner_service_server::DocumentsPartnerServiceServer,
        documents_staff_service_server::DocumentsStaffServiceServer,
        papers_staff_service_server::PapersStaffServiceServer,
    },
    egress::v1::egress_staff_service_server::EgressStaffServiceServer,
    files::v1::files_staff_service_server::FilesStaffServiceServer,
    inventory::v1::{
        inventory_partner_service_server::InventoryPartnerServiceServer,
        inventory_staff_service_server::InventoryStaffServiceServer,
    },
    link::v1::{
        link_join_service_server::LinkJoinServiceServer, link_partner_service_server::LinkPartnerServiceServer,
        link_staff_service_server::LinkStaffServiceServer,
    },
    loyalty::v1::{
        loyalty_partner_service_server::LoyaltyPartnerServiceServer,
        loyalty_staff_service_server::LoyaltyStaffServiceServer,
    },
    members::v1::{
        members_partner_service_server::MembersPartnerServiceServer,
        members_staff_service_server::MembersStaffServiceServer,
    },
    outreach::v1::{
        outreach_partner_service_server::OutreachPartnerServiceServer,
        outreach_staff_service_server::OutreachStaffServiceServer,
    },
    procurement::v1::{
        accounts_partner_service_server::AccountsPartnerServiceServer,
        accounts_staff_service_server::AccountsStaffServiceServer,
        prices_staff_service_server::PricesStaffServiceServer,
        procurement_staff_service_server::ProcurementStaffServiceServer,
    },
    workflow::v1::workflow_staff_service_server::WorkflowStaffServiceServer,
};
use hansa_workflow::WorkflowStaff;
use tonic::service::Routes;

use super::{
    Rooms,
    page::{Watched, page_routes},
};
use crate::metrics::Metrics;

pub(super) fn staff_routes(rooms: &Rooms, rules: Rules, dev: bool) -> anyhow::Result<Router> {
    let door = Door::new(rooms.directory.clone(), rules);
    let console = Console::new(rooms.directory.clone(), door.clone(), rooms.egress.clone());
    let limit = STAFF_MESSAGE_MAX;
    let guarded = Routes::new(
        DirectoryStaffServiceServer::new(DirectoryStaff(rooms.directory.clone())).max_decoding_message_size(limit),
    )
    .add_service(LinkStaffServiceServer::new(LinkStaff(rooms.links.clone())).max_decoding_message_size(limit))
    .add_service(
        InventoryStaffServiceServer::new(InventoryStaff(rooms.inventory.clone())).max_decoding_message_size(limit),
    )
    .add_service(
        DocumentsStaffServiceServer::new(DocumentsStaff(rooms.documents.clone())).max_decoding_message_size(limit),
    )
    .add_service(PapersStaffServiceServer::new(PapersStaff(rooms.documents.clone())).max_decoding_message_size(limit))
    .add_service(
        WorkflowStaffServiceServer::new(WorkflowStaff(rooms.workflow.clone())).max_decoding_message_size(limit),
    )
    .add_service(FilesStaffServiceServer::new(FilesStaff(rooms.files.clone())).max_decoding_message_size(limit))
    .add_service(EgressStaffServiceServer::new(EgressStaff(rooms.egress.clone())).max_decoding_message_size(limit))
    .add_service(
        ProcurementStaffServiceServer::new(ProcurementStaff(rooms.procurement.clone()))
            .max_decoding_message_size(limit),
    )
    .add_service(PricesStaffServiceServer::new(PricesStaff(rooms.procurement.clone())).max_decoding_message_size(limit))
    .add_service(
        AccountsStaffServiceServer::new(AccountsStaff(rooms.procurement.clone())).max_decoding_message_size(limit),
    )
    .add_service(MembersStaffServiceServer::new(MembersStaff(rooms.members.clone())).max_decoding_message_size(limit))
    .add_service(LoyaltyStaffServiceServer::new(LoyaltyStaff(rooms.loyalty.clone())).max_decoding_message_size(limit))
    .add_service(
        OutreachStaffServiceServer::new(OutreachStaff(rooms.outreach.clone())).max_decoding_message_size(limit),
    )
    .add_service(AppsStaffServiceServer::new(AppsStaff(rooms.apps.clone())).max_decoding_message_size(limit))
    .add_service(
        ConversationsStaffServiceServer::new(ConversationsStaff(rooms.conversations.clone()))
            .max_decoding_message_size(limit),
    )
    .prepare()
    .into_axum_router()
    .layer(middleware::from_fn_with_state(door, Door::pass))
    .layer(middleware::from_fn_with_state(
        rooms.metrics.port("staff"),
        Metrics::count,
    ));
    let (health, health_service) = tonic_health::server::health_reporter();
    drop(health);
    let mut open = Router::new().route_service("/grpc.health.v1.Health/{method}", health_service);
    if dev {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .build_v1()?;
        open = open.route_service("/grpc.reflection.v1.ServerReflection/{method}", reflection);
        let older = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .build_v1alpha()?;
        open = open.route_service("/grpc.reflection.v1alpha.ServerReflection/{method}", older);
    }
    let port = staff_router(DESCRIPTORS, open.fallback_service(guarded), StaffOptions::default())?;
    Ok(port.merge(console.router()))
}

pub(super) fn partner_routes(rooms: &Rooms, rules: Rules) -> Router {
    let gate = Gate::new(rooms.links.clone(), rules);
    let limit = PARTNER_MESSAGE_MAX;
    Routes::new(LinkPartnerServiceServer::new(LinkPartner(rooms.links.clone())).max_decoding_message_size(limit))
        .add_service(
            InventoryPartnerServiceServer::new(InventoryPartner(rooms.inventory.clone()))
                .max_decoding_message_size(limit),
        )
        .add_service(
            DocumentsPartnerServiceServer::new(DocumentsPartner(rooms.documents.clone()))
                .max_decoding_message_size(limit),
        )
        .add_service(
            AccountsPartnerServiceServer::new(AccountsPartner(rooms.procurement.clone()))
                .max_decoding_message_size(limit),
        )
        .add_service(
            MembersPartnerServiceServer::new(MembersPartner(rooms.members.clone())).max_decoding_message_size(limit),
        )
        .add_service(
            LoyaltyPartnerServiceServer::new(LoyaltyPartner(rooms.loyalty.clone())).max_decoding_message_size(limit),
        )
        .add_service(
            OutreachPartnerServiceServer::new(OutreachPartner(rooms.outreach.clone())).max_decoding_message_size(limit),
        )
        .add_service(AppsPartnerServiceServer::new(AppsPartner(rooms.apps.clone())).max_decoding_message_size(limit))
        .add_service(
            ConversationsPartnerServiceServer::new(ConversationsPartner(rooms.conversations.clone()))
                .max_decoding_message_size(limit),
        )
        .prepare()
        .into_axum_router()
        .layer(middleware::from_fn_with_state(gate, Gate::pass))
        .layer(middleware::from_fn_with_state(
            rooms.metrics.port("partner"),
            Metrics::count,
        ))
}

pub(super) fn join_routes(rooms: &Rooms) -> Router {
    let service = LinkJoinServiceServer::new(LinkJoin(rooms.links.clone()));
    Routes::new(service.max_decoding_message_size(PARTNER_MESSAGE_MAX))
        .prepare()
        .into_axum_router()
        .layer(middleware::from_fn_with_state(
            rooms.metrics.port("join"),
            Metrics::count,
        ))
}

pub(super) fn ops_routes(watched: Watched) -> Router {
    let (tenancy, metrics) = (watched.tenancy.clone(), watched.metrics.clone());
    let counted = tenancy.clone();
    let figures = get(move || async move {
        let kind = [(http::header::CONTENT_TYPE, "text/plain; version=0.0.4")];
        match metrics.text(&counted) {
            Ok(text) => (http::StatusCode::OK, kind, text),
            Err(error) => (http::StatusCode::INTERNAL_SERVER_ERROR, kind, format!("{error}\n")),
        }
    });
    let ready = page_routes(watched).route("/metrics", figures);
    ready.route("/healthz", get(|| async { "ok\n" })).route(
        "/readyz",
        get(move || {
            let tenancy = tenancy.clone();
            async move {
                match tenancy.tenants().await {
                    Ok(tenants) => (http::StatusCode::OK, format!("ready, {} tenants\n", tenants.len())),
                    Err(error) => (http::StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {error}\n")),
                }
            }
        }),
    )
}
