//! The exporter of traces: takes what was recorded and carries it out as the metrics' exporter does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use super::config::{OtelConfig, Signal};
use super::counts::{Counts, Status};
use super::error::OtelError;
use super::exporter::{Running, checked};
use super::resource;
use super::transport::Message;
use super::worker::{Feed, Undelivered};
use crate::Snapshot;
use crate::health::{self, Exporter};
use crate::trace::{SpanData, drain, dropped};

/// Pushes traces over OTLP, from a thread of its own. Dropping it exports a last time and ends the thread.
///
/// ```no_run
/// use vsr_metrics::export::otlp::{OtelConfig, Signal, TraceExporter};
///
/// vsr_metrics::trace::set_sampling(1_000); // one operation of a thousand
/// let (config, _) = OtelConfig::from_env(Signal::Traces);
/// let exporter = TraceExporter::start(&config)?;
/// # Ok::<(), vsr_metrics::export::otlp::OtelError>(())
/// ```
pub struct TraceExporter {
    running: Option<Running>,
    counts: Arc<Counts>,
    shutdown_timeout: Duration,
}

/// What was recorded, on its way out.
struct Traces {
    resource: Vec<KeyValue>,
}

impl TraceExporter {
    /// Starts the thread. A disabled one does nothing.
    ///
    /// # Errors
    /// If the configuration cannot work, or the thread cannot be started.
    pub fn start(config: &OtelConfig) -> Result<Self, OtelError> {
        let factory = checked(config, Signal::Traces)?;
        let counts = Arc::default();
        let feed = Traces { resource: resource::attributes(config, &Snapshot::new()) };
        let running = if config.disabled {
            None
        } else {
            Some(Running::start(feed, factory, config, Arc::clone(&counts), Exporter::OtlpTraces)?)
        };
        Ok(Self { running, counts, shutdown_timeout: config.shutdown_timeout })
    }

    /// Exports now, and waits for the end of it, at most as long as that.
    ///
    /// # Errors
    /// If it was not exported, or not in time.
    pub fn flush(&self, timeout: Duration) -> Result<(), OtelError> {
        self.running.as_ref().map_or(Ok(()), |running| running.export(timeout).wait(timeout))
    }

    /// What it has been through.
    pub fn status(&self) -> Status {
        self.counts.status()
    }
}

impl Drop for TraceExporter {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            // Nobody is left to tell how it ended.
            let _ = running.shut_down(self.shutdown_timeout);
        }
    }
}

impl Feed for Traces {
    fn gather(&mut self, most_points: usize) -> Vec<Message> {
        let dropped = dropped();
        if dropped > 0 {
            health::METRICS.add_dropped_points(Exporter::OtlpTraces, dropped);
        }
        let spans: Vec<_> = drain().iter().map(span).collect();
        let message = |spans: &[Span]| {
            let scope = InstrumentationScope {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                ..InstrumentationScope::default()
            };
            let scope_spans =
                vec![ScopeSpans { scope: Some(scope), spans: spans.to_vec(), schema_url: String::new() }];
            let resource = Resource { attributes: self.resource.clone(), ..Resource::default() };
            let resource_spans =
                vec![ResourceSpans { resource: Some(resource), scope_spans, schema_url: String::new() }];
            Message::Traces(ExportTraceServiceRequest { resource_spans })
        };
        spans.chunks(most_points).map(message).collect()
    }

    fn accept(&mut self) {}

    fn undelivered(&self) -> Undelivered {
        Undelivered::Repeated
    }
}

fn span(data: &SpanData) -> Span {
    let number = |(key, value): &(&str, u64)| {
        let value = AnyValue { value: Some(Value::IntValue(value.cast_signed())) };
        KeyValue { key: (*key).to_owned(), value: Some(value), ..KeyValue::default() }
    };
    let parent = if data.phase.is_some() { data.root_id().to_vec() } else { Vec::new() };
    Span {
        trace_id: data.trace_id().to_vec(),
        span_id: data.span_id().to_vec(),
        parent_span_id: parent,
        // The W3C flag that the trace was chosen.
        flags: 1,
        name: data.phase.unwrap_or(data.trace).to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: data.start,
        end_time_unix_nano: data.end,
        attributes: [("number", data.number)].iter().chain(data.attributes()).map(number).collect(),
        ..Span::default()
    }
}

impl fmt::Debug for TraceExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceExporter").field("status", &self.status()).finish_non_exhaustive()
    }
}
