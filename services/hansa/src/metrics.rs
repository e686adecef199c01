//! What the operator's monitoring reads: one set of figures for each node, in the text form of Prometheus.
//!
//! Labels hold methods and codes alone: never a tenant, a partner, an article or a person.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use hansa_edge::{Rules, call_span};
use hansa_tenancy::Tenancy;
use prometheus::{Encoder as _, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};
use tracing::Instrument as _;

/// Upper edges of call times, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 10.0];

/// Codes of gRPC that mean that we could not do our part: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS.
const OUR_FAULT: [&str; 5] = ["2", "4", "13", "14", "15"];

/// The figures of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    calls: HistogramVec,
    connections: IntGaugeVec,
    memory: IntGauge,
    rules: Rules,
}

/// Counts the calls of one port.
#[derive(Clone, Debug)]
pub struct Port {
    metrics: Metrics,
    side: &'static str,
}

impl Metrics {
    /// New figures, all zero; methods without a rule are counted together.
    ///
    /// # Errors
    ///
    /// When two figures have one name.
    pub fn new(rules: Rules) -> anyhow::Result<Self> {
        let registry = Registry::new();
        let calls = HistogramVec::new(
            HistogramOpts::new(
                "hansa_rpc_duration_seconds",
                "Time until a call's answer, or the head of its stream.",
            )
            .buckets(SECONDS.to_vec()),
            &["side", "method", "code"],
        )?;
        let connections = IntGaugeVec::new(
            Opts::new(
                "hansa_database_connections",
                "Connections of this process to its database.",
            ),
            &["state"],
        )?;
        let memory = IntGauge::new(
            "process_resident_memory_bytes",
            "Memory of this process that is resident.",
        )?;
        registry.register(Box::new(calls.clone()))?;
        registry.register(Box::new(connections.clone()))?;
        registry.register(Box::new(memory.clone()))?;
        Ok(Self(Arc::new(Inner {
            registry,
            calls,
            connections,
            memory,
            rules,
        })))
    }

    /// Counts the calls of the staff port or the link port.
    #[must_use]
    pub fn port(&self, side: &'static str) -> Port {
        Port {
            metrics: self.clone(),
            side,
        }
    }

    /// The middleware, which also begins the call's span: `axum::middleware::from_fn_with_state(port, Metrics::count)`.
    pub async fn count(State(port): State<Port>, request: Request, next: Next) -> Response {
        let inner = &port.metrics.0;
        let path = request.uri().path().to_owned();
        let method = if inner.rules.of(&path).is_some() {
            path.trim_start_matches('/')
        } else {
            "other"
        };
        let begun = Instant::now();
        let span = call_span(port.side, method, request.headers());
        let response = next.run(request).instrument(span.clone()).await;
        let status = response
            .headers()
            .get("grpc-status")
            .and_then(|value| value.to_str().ok());
        let code = match status {
            Some(code) => code,
            None if response.status().is_success() => "0",
            // What gRPC calls unknown.
            None => "2",
        };
        span.record("rpc.grpc.status_code", code);
        if OUR_FAULT.contains(&code) {
            span.record("otel.status_code", "ERROR");
        }
        inner
            .calls
            .with_label_values(&[port.side, method, code])
            .observe(begun.elapsed().as_secs_f64());
        response
    }

    /// All figures as they are now.
    ///
    /// # Errors
    ///
    /// When they can't be written as text.
    pub fn text(&self, tenancy: &Tenancy) -> anyhow::Result<String> {
        let (in_use, idle) = tenancy.connections();
        let gauge = |state, count: u32| self.0.connections.with_label_values(&[state]).set(count.into());
        gauge("in_use", in_use);
        gauge("idle", idle);
        self.0.memory.set(resident_bytes().unwrap_or(0));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0.registry.gather(), &mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

/// Resident memory of this process, as Linux says it.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes * 1_024)
}
