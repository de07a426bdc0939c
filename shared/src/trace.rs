//! Spans of one invocation: for the log, and for X-Ray what the function asked of Redis and of API Gateway.
//!
//! Lambda makes the X-Ray segment of a traced invocation itself and runs the X-Ray daemon beside the function. We add the parts as
//! subsegments: one datagram each, and nothing unless the invocation is sampled. A library for this would bring an OpenTelemetry pipeline,
//! which makes each cold start longer.
//!
//! # Source
//! AWS X-Ray Developer Guide, "Sending segment data to the X-Ray daemon" and "X-Ray segment documents".

use std::fmt;
use std::net::UdpSocket;

use serde_json::json;
use tracing::field::{Empty, Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt as _, Targets};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use crate::ports::Clock;

/// Begins the span of an invocation. Every log line inside it tells the request, its user and its conversation.
///
/// `trace_id` is the trace header that Lambda gives, `Root=1-…;Parent=…;Sampled=1`.
pub(crate) fn invocation(function: &str, request_id: &str, trace_id: Option<&str>) -> Span {
    tracing::info_span!(
        "invocation",
        function,
        request_id,
        trace_id,
        user = Empty,
        conversation = Empty,
        connection = Empty,
    )
}

/// The target of spans that become subsegments. Their level keeps them out of the log.
pub(crate) const TARGET: &str = "xray";

/// Begins a part of the invocation; the span's name is the subsegment's.
macro_rules! part {
    ($name:literal) => {
        tracing::trace_span!(target: crate::trace::TARGET, $name, fault = tracing::field::Empty)
    };
}
pub(crate) use part;

/// Sends the spans of a sampled invocation to the daemon.
pub(crate) struct XRay<C> {
    socket: UdpSocket,
    clock: C,
}

/// The segment that a part belongs to, from the invocation's trace header.
#[derive(Clone)]
struct Sampled {
    trace_id: String,
    parent_id: String,
}

struct Part {
    begun_ms: u64,
    fault: bool,
}

impl<C: Clock + 'static> XRay<C> {
    /// A layer that sends to the daemon at this address; `None` if no datagram can be sent from here.
    pub(crate) fn layer<S>(daemon: &str, clock: C) -> Option<impl Layer<S> + use<S, C>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
        socket.connect(daemon).ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket, clock }.with_filter(parts().or(invocations())))
    }
}

fn parts<S>() -> impl Filter<S> + Send + Sync + 'static {
    Targets::new().with_target(TARGET, Level::TRACE)
}

fn invocations<S>() -> impl Filter<S> + Send + Sync + 'static {
    Targets::new().with_target(module_path!(), Level::INFO)
}

impl<S: Subscriber + for<'a> LookupSpan<'a>, C: Clock + 'static> Layer<S> for XRay<C> {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if attributes.metadata().target() == TARGET {
            let begun_ms = self.clock.now_ms();
            span.extensions_mut().insert(Part { begun_ms, fault: false });
            return;
        }
        let mut header = TraceHeader(String::new());
        attributes.record(&mut header);
        if let Some(sampled) = sampled(&header.0) {
            span.extensions_mut().insert(sampled);
        }
    }

    fn on_record(&self, id: &Id, _: &Record<'_>, context: Context<'_, S>) {
        // The one field of a part that is recorded later is its fault.
        if let Some(span) = context.span(id)
            && let Some(part) = span.extensions_mut().get_mut::<Part>()
        {
            part.fault = true;
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(Part { begun_ms, fault }) = span.extensions_mut().remove::<Part>() else {
            return;
        };
        let Some(sampled) = span
            .scope()
            .find_map(|outer| outer.extensions().get::<Sampled>().cloned())
        else {
            return;
        };
        let seconds = |ms: u64| std::time::Duration::from_millis(ms).as_secs_f64();
        let document = json!({
            "type": "subsegment",
            "namespace": "remote",
            "name": span.name(),
            "id": segment_id(),
            "trace_id": sampled.trace_id,
            "parent_id": sampled.parent_id,
            "start_time": seconds(begun_ms),
            "end_time": seconds(self.clock.now_ms()),
            "fault": fault,
        });
        let datagram = format!("{{\"format\":\"json\",\"version\":1}}\n{document}");
        // A lost trace must not fail or delay a request.
        self.socket.send(datagram.as_bytes()).ok();
    }
}

/// 64 random bits in hexadecimal digits.
fn segment_id() -> String {
    let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
    format!("{high:016x}")
}

fn sampled(header: &str) -> Option<Sampled> {
    let part = |name: &str| {
        header
            .split(';')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .map(str::to_owned)
    };
    (part("Sampled")? == "1").then_some(())?;
    Some(Sampled {
        trace_id: part("Root")?,
        parent_id: part("Parent")?,
    })
}

/// Reads the field with the trace header.
struct TraceHeader(String);

impl Visit for TraceHeader {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "trace_id" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    struct Noon;

    impl Clock for Noon {
        fn now_ms(&self) -> u64 {
            1_750_000_000_250
        }
    }

    #[test]
    fn a_sampled_invocation_sends_its_parts_and_another_nothing() {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        daemon.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let layer = XRay::layer(&daemon.local_addr().unwrap().to_string(), Noon).unwrap();
        let invoke = |trace_id: &str| {
            let _invocation = invocation("send", "request", Some(trace_id)).entered();
            let part = part!("redis").entered();
            part.record("fault", true);
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            invoke("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0");
            invoke("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
        });
        let mut bytes = [0; 2_000];
        let length = daemon.recv(&mut bytes).unwrap();
        let (head, document) = std::str::from_utf8(&bytes[..length]).unwrap().split_once('\n').unwrap();
        assert_eq!(head, r#"{"format":"json","version":1}"#);
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        insta::assert_json_snapshot!(document, {".id" => "[16 digits]"}, @r#"
        {
          "end_time": 1750000000.25,
          "fault": true,
          "id": "[16 digits]",
          "name": "redis",
          "namespace": "remote",
          "parent_id": "53995c3f42cd8ad8",
          "start_time": 1750000000.25,
          "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
          "type": "subsegment"
        }
        "#);
        daemon.set_nonblocking(true).unwrap();
        assert!(daemon.recv(&mut bytes).is_err(), "one part of one sampled invocation");
    }
}
