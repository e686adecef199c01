//! What the operator's monitoring reads: one set of figures for each node, in the text form of Prometheus.
//!
//! Labels hold methods and codes alone: never a tenant, a partner, an article or a person.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use hansa_edge::{Rules, call_span};
use hansa_tenancy::Tenancy;
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector as _,
};
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

/// How calls of one method have gone at one port.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// The port: staff, partner or join.
    pub side: String,
    /// In full; "other" = what we do not serve.
    pub method: String,
    /// How many there were.
    pub count: u64,
    /// Of those, refused: the caller has to do something.
    pub refused: u64,
    /// Of those, failed through our own fault.
    pub failed: u64,
    /// All of them together.
    pub seconds: f64,
    /// How many took no longer than each of [`SECONDS`].
    within: [u64; SECONDS.len()],
}

impl Calls {
    /// Seconds of one call.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean for people to read")]
    pub fn mean(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            self.seconds / self.count as f64
        }
    }

    /// The least of our edges that nine of ten calls stayed within, for people to read.
    #[must_use]
    pub fn ninth(&self) -> String {
        let edge = self.within.iter().position(|within| within * 10 >= self.count * 9);
        match edge.and_then(|place| SECONDS.get(place)) {
            Some(edge) => format!("{} ms", edge * 1_000.0),
            None => "> 10 s".to_owned(),
        }
    }
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

    /// How calls have gone since the process began, by port and method.
    #[must_use]
    pub fn calls(&self) -> Vec<Calls> {
        let mut all: BTreeMap<(String, String), Calls> = BTreeMap::new();
        for metric in self
            .0
            .calls
            .collect()
            .iter()
            .flat_map(prometheus::proto::MetricFamily::get_metric)
        {
            let label = |name: &str| {
                let pair = metric.get_label().iter().find(|pair| pair.name() == name);
                pair.map(|pair| pair.value().to_owned()).unwrap_or_default()
            };
            let (side, method, code) = (label("side"), label("method"), label("code"));
            let told = all.entry((side.clone(), method.clone())).or_insert_with(|| Calls {
                side,
                method,
                ..Calls::default()
            });
            let figures = metric.get_histogram();
            told.count += figures.get_sample_count();
            told.seconds += figures.get_sample_sum();
            if OUR_FAULT.contains(&&*code) {
                told.failed += figures.get_sample_count();
            } else if code != "0" {
                told.refused += figures.get_sample_count();
            }
            for (slot, bucket) in told.within.iter_mut().zip(figures.get_bucket()) {
                *slot += bucket.cumulative_count();
            }
        }
        all.into_values().collect()
    }

    /// Bytes of this process that are resident.
    #[must_use]
    pub fn memory(&self) -> i64 {
        resident_bytes().unwrap_or(0)
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
