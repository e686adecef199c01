//! A call's trace over two nodes, as an OTLP collector receives it: what belongs together, and what must not be in it.
// covers: I11, I19

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hansa::Telemetry;
use hansa_proto::{
    inventory::v1::{
        ItemRef, ReservationLine, ReserveAtPartnerRequest, inventory_staff_service_client::InventoryStaffServiceClient,
        item_ref::Ref,
    },
    types::v1::Quantity,
};
use hansa_tests::House;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value::Value as Any,
    trace::v1::Span,
};
use prost::Message as _;
use serde_json::json;
use sqlx::Row as _;
use tonic::{Request, Response, Status};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = TraceServiceServer::new(self.clone());
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        format!("http://{address}")
    }

    fn spans(&self) -> Vec<Span> {
        let all = self.0.lock().unwrap();
        let scopes = all
            .iter()
            .flat_map(|one| &one.resource_spans)
            .flat_map(|one| &one.scope_spans);
        scopes.flat_map(|one| one.spans.clone()).collect()
    }
}

fn attributes(span: &Span) -> BTreeMap<String, String> {
    let text = |value: Any| match value {
        Any::StringValue(text) => text,
        other => format!("{other:?}"),
    };
    let all = span
        .attributes
        .iter()
        .map(|one| (one.key.clone(), one.value.clone().and_then(|value| value.value)));
    all.map(|(key, value)| (key, value.map(text).unwrap_or_default()))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn links(span: &Span) -> Vec<String> {
    span.links.iter().map(|link| hex(&link.trace_id)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_one_trace_on_each_node_and_each_links_to_what_caused_it() {
    let collector = Collector::default();
    let telemetry = Telemetry::new(Some(&collector.start().await)).unwrap();
    telemetry.install(true).unwrap();
    let (ours, theirs) = (House::new().await, House::new().await);
    let (visby, luebeck) = (ours.enterprise("Visby").await, theirs.enterprise("Lübeck").await);
    let grant = json!({"visibility": "VISIBILITY_EXACT", "mayReserve": true});
    let link = visby.links_with(&luebeck, grant, json!({})).await;
    visby.has(&[("SECRET-SKU", 10)]).await;
    let item = ItemRef {
        r#ref: Some(Ref::Sku("SECRET-SKU".into())),
    };
    let line = ReservationLine {
        item: Some(item),
        quantity: Some(Quantity {
            value: 1,
            ..Default::default()
        }),
        ..Default::default()
    };
    let asked = ReserveAtPartnerRequest {
        link_id: link.clone(),
        lines: vec![line],
        order_ref: "SECRET-REF".into(),
        ..Default::default()
    };
    let mut request = luebeck.client().request(asked).unwrap();
    request
        .metadata_mut()
        .insert("traceparent", format!("00-{TRACE}-{PARENT}-01").parse().unwrap());
    let mut client = InventoryStaffServiceClient::new(luebeck.client().channel.clone());
    client.reserve_at_partner(request).await.unwrap();
    let mut admin = theirs.world.superuser().await;
    let heard = format!(
        "select count(*) from {}.inbox where type = 'inventory.reservation.v1'",
        luebeck.tenant.schema()
    );
    while sqlx::query(sqlx::AssertSqlSafe(heard.clone()))
        .fetch_one(&mut admin)
        .await
        .unwrap()
        .get::<i64, _>(0)
        == 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::task::spawn_blocking(move || telemetry.end()).await.unwrap();

    let spans = collector.spans();
    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| {
            panic!(
                "no span {name} among {:?}",
                spans.iter().map(|span| &span.name).collect::<Vec<_>>()
            )
        })
    };
    let staff = named("hansa.inventory.v1.InventoryStaffService/ReserveAtPartner");
    assert_eq!(
        (hex(&staff.trace_id), hex(&staff.parent_span_id)),
        (TRACE.into(), PARENT.into())
    );
    assert_eq!(attributes(staff)["tenant.id"], luebeck.tenant.to_string());
    assert_eq!(attributes(staff)["rpc.grpc.status_code"], "0");

    let partner = named("hansa.inventory.v1.InventoryPartnerService/Reserve");
    let theirs_trace = hex(&partner.trace_id);
    assert_ne!(theirs_trace, TRACE, "a partner's trace is foreign");
    assert!(partner.parent_span_id.is_empty());
    assert_eq!(links(partner), [TRACE]);
    let told = attributes(partner);
    assert_eq!(
        (&*told["tenant.id"], &*told["link.id"]),
        (visby.tenant.as_str(), &*link)
    );
    assert!(told.contains_key("partner.id"));
    let inside = spans
        .iter()
        .filter(|span| hex(&span.trace_id) == theirs_trace)
        .map(attributes);
    assert!(
        inside
            .into_iter()
            .any(|one| one.get("tx.name").is_some_and(|name| name == "inventory.reserve"))
    );

    let event = named("event");
    assert_eq!(attributes(event)["event.kind"], "inventory.reservation.v1");
    assert_eq!(links(event), [theirs_trace], "the event names the call that caused it");

    let bytes: Vec<u8> = collector
        .0
        .lock()
        .unwrap()
        .iter()
        .flat_map(|one| one.encode_to_vec())
        .collect();
    let all = String::from_utf8_lossy(&bytes);
    for secret in ["SECRET-SKU", "SECRET-REF", &visby.key, &luebeck.key, "Visby", "Lübeck"] {
        assert!(!all.contains(secret), "{secret} stands in the traces");
    }
}
