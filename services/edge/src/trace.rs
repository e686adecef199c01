//! Traces across sockets: the span of each call, who caused it, and the header that carries the cause on.
//!
//! Our own people's tools may make a call a part of their trace. A partner's trace is foreign: the call begins a trace of its
//! own that links to theirs, so that nobody else decides what we record.

use std::sync::LazyLock;

use http::HeaderMap;
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator as _},
    trace::TraceContextExt as _,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::metadata::{MetadataMap, MetadataValue};
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

static W3C: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);
const TRACE_PARENT: &str = "traceparent";

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct One<'a>(&'a str);

impl Extractor for One<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        (name == TRACE_PARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACE_PARENT]
    }
}

#[derive(Default)]
struct Kept(String);

impl Injector for Kept {
    fn set(&mut self, name: &str, value: String) {
        if name == TRACE_PARENT {
            self.0 = value;
        }
    }
}

/// The span of a call that has come in on one of our ports; the door or the gate says later whose it is.
///
/// `method` is one of ours, such as `hansa.link.v1.LinkStaffService/GetLink`: what a stranger writes is no name.
#[must_use]
pub fn call_span(side: &'static str, method: &str, headers: &HeaderMap) -> Span {
    let span = info_span!(
        "call",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        side,
        tenant.id = Empty,
        link.id = Empty,
        partner.id = Empty,
        trace.id = Empty,
    );
    if side == "staff" {
        // Refused only when the span has begun already, and it has not.
        let _ = span.set_parent(W3C.extract_with_context(&Context::new(), &Headers(headers)));
    } else {
        caused_by(&span, Headers(headers).get(TRACE_PARENT).unwrap_or_default());
    }
    note_trace(&span);
    span
}

/// Links the span to what a partner's call or message names as its cause.
pub fn caused_by(span: &Span, trace_parent: &str) {
    if !trace_parent.is_empty() {
        let cause = W3C.extract_with_context(&Context::new(), &One(trace_parent));
        span.add_link(cause.span().span_context().clone());
    }
}

/// The span that is current, for what a call to a partner carries along. Its tracestate stays here: what our own tools write
/// into it is nobody else's.
pub fn carry(metadata: &mut MetadataMap) {
    if let Ok(cause) = MetadataValue::try_from(trace_parent())
        && !cause.is_empty()
    {
        metadata.insert(TRACE_PARENT, cause);
    }
}

/// The span that is current, in the W3C form, for what is told later; empty when nothing is traced.
#[must_use]
pub fn trace_parent() -> String {
    let mut kept = Kept::default();
    W3C.inject_context(&Span::current().context(), &mut kept);
    kept.0
}

/// Lines of the log name the trace they belong to.
fn note_trace(span: &Span) {
    let context = span.context();
    let trace = context.span().span_context().trace_id();
    if trace != opentelemetry::TraceId::INVALID {
        span.record("trace.id", tracing::field::display(trace));
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn a_partner_is_told_the_cause_and_nothing_of_our_tools() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let cause = format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap();
        let state = ("tracestate".parse().unwrap(), "ours=secret".parse().unwrap());
        let headers = HeaderMap::from_iter([(TRACE_PARENT.parse().unwrap(), cause), state]);
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
        let mut told = MetadataMap::new();
        tracing::subscriber::with_default(subscriber, || {
            call_span("staff", "a method", &headers).in_scope(|| carry(&mut told));
        });
        assert_eq!(told.len(), 1);
        assert!(told.get(TRACE_PARENT).unwrap().to_str().unwrap().contains(trace));
    }
}
