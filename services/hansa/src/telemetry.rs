//! What a process tells of itself while it runs: log lines, and traces by OTLP.
//!
//! Each process has its own; only `main` makes it the one that everything in the process speaks to.

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// What is logged when `RUST_LOG` says nothing.
const LOGGED: &str = "info,h2=off,hyper=off,tonic=off,sqlx=warn,opentelemetry=warn";
/// What is traced: our own spans, never those of libraries, which may hold what they send.
const TRACED: &str = "off,hansa=info";

/// Where logs and traces go. Dropped without [`Telemetry::end`], the last spans may be lost.
#[derive(Debug)]
pub struct Telemetry {
    tracer: SdkTracerProvider,
}

impl Telemetry {
    /// Sends traces to an OTLP collector by gRPC, such as `http://127.0.0.1:4317`; without one they only name log lines and
    /// calls to partners. In a tokio runtime, which then does the sending.
    ///
    /// # Errors
    ///
    /// When the address is none.
    pub fn new(collector: Option<&str>) -> anyhow::Result<Self> {
        let resource = Resource::builder()
            .with_service_name("hansa")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let mut tracer = SdkTracerProvider::builder().with_resource(resource);
        // An empty variable is as good as none.
        if let Some(collector) = collector.filter(|address| !address.is_empty()) {
            let exporter = opentelemetry_otlp::SpanExporter::builder()
                .with_tonic()
                .with_endpoint(collector)
                .build()
                .with_context(|| format!("traces can't be sent to {collector}"))?;
            tracer = tracer.with_batch_exporter(exporter);
        }
        Ok(Self { tracer: tracer.build() })
    }

    /// Everything in this process speaks to this from now on; log lines go to stderr, for people or as JSON.
    ///
    /// # Errors
    ///
    /// When another one was installed before.
    pub fn install(&self, json: bool) -> anyhow::Result<()> {
        Ok(self.subscriber(json, std::io::stderr).try_init()?)
    }

    fn subscriber<W>(&self, json: bool, to: W) -> impl tracing::Subscriber + Send + Sync + 'static
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOGGED));
        let lines = tracing_subscriber::fmt::layer().with_writer(to);
        let lines = if json {
            lines.json().with_span_list(false).with_filter(filter).boxed()
        } else {
            lines.compact().with_filter(filter).boxed()
        };
        let spans = tracing_opentelemetry::layer()
            .with_tracer(self.tracer.tracer("hansa"))
            .with_location(false)
            .with_threads(false)
            .with_filter(EnvFilter::new(TRACED));
        tracing_subscriber::registry().with(spans).with(lines)
    }

    /// Sends what has not been sent yet.
    pub fn end(self) {
        if let Err(error) = self.tracer.shutdown() {
            eprintln!("hansa: the last traces were not sent: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_of_the_log_names_the_call_and_the_trace_that_it_belongs_to() {
        let kept = Kept::default();
        let to = kept.clone();
        let telemetry = Telemetry::new(None).unwrap();
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let headers = [(
            "traceparent".parse().unwrap(),
            format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap(),
        )];
        tracing::subscriber::with_default(telemetry.subscriber(true, move || to.clone()), || {
            let call = hansa_edge::call_span(
                "staff",
                "hansa.link.v1.LinkStaffService/GetLink",
                &headers.into_iter().collect(),
            );
            call.record("tenant.id", "t");
            call.in_scope(|| tracing::warn!(target: "hansa", "something happened"));
        });
        let line: serde_json::Value = serde_json::from_slice(&kept.0.lock().unwrap()).unwrap();
        assert_eq!(line["fields"]["message"], "something happened");
        let span = &line["span"];
        assert_eq!((&span["trace.id"], &span["tenant.id"]), (&trace.into(), &"t".into()));
        assert_eq!(span["rpc.method"], "hansa.link.v1.LinkStaffService/GetLink");
    }
}
