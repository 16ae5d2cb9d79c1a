//! Traces of the critical path: what one operation spent its time on, for Jaeger, Zipkin and whatever else takes OTLP.
//!
//! A protocol handles the phases of an operation in different calls, often on different machines. So a span is
//! recorded when its phase is over, where its latency is recorded anyway, and nothing has to be carried along: the
//! identity of a trace follows from its name and its number, and so do those of its spans. Replicas that agree on
//! the numbers of operations agree on their traces.
//!
//! ```
//! use std::time::Duration;
//! use vsr_metrics::trace::Trace;
//!
//! static OPERATION: Trace = Trace::sampled("operation");
//!
//! // Where the quorum is reached, and where the operation is applied:
//! OPERATION.phase("prepare", 4711, Duration::from_micros(300), &[("replica", 0)]);
//! OPERATION.end(4711, Duration::from_micros(420), &[("replica", 0)]);
//! ```
//!
//! It is off until [`set_sampling`] says otherwise, and then costs one relaxed load and a comparison for an operation
//! that is not sampled. Without the feature `otel` nothing is compiled into the call at all.

#[cfg(feature = "otel")]
mod span;

#[cfg(feature = "otel")]
pub use span::set_sampling;
#[cfg(feature = "otel")]
pub(crate) use span::{SpanData, drain, dropped};

use std::time::{Duration, SystemTime};

/// A kind of trace: an operation, a view change, a recovery.
#[derive(Debug)]
pub struct Trace {
    name: &'static str,
    is_sampled: bool,
}

/// Numbers told with a span.
pub type Attributes<'a> = &'a [(&'static str, u64)];

impl Trace {
    /// A kind that happens often: of so many as [`set_sampling`] says, one is traced.
    pub const fn sampled(name: &'static str) -> Self {
        Self { name, is_sampled: true }
    }

    /// A kind that happens rarely: each is traced, unless tracing is off.
    pub const fn rare(name: &'static str) -> Self {
        Self { name, is_sampled: false }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the thing of that number is traced. Only what has to be measured for the sake of a trace alone needs to ask.
    #[inline]
    pub fn is_traced(&self, number: u64) -> bool {
        #[cfg(all(feature = "otel", not(vsr_metrics_untraced)))]
        let is_traced = span::is_traced(self.is_sampled, number);
        #[cfg(not(all(feature = "otel", not(vsr_metrics_untraced))))]
        let is_traced = {
            let _ = (self.is_sampled, number);
            false
        };
        is_traced
    }

    /// A phase of the trace of that number is over, and took that long.
    #[inline]
    pub fn phase(&self, phase: &'static str, number: u64, took: Duration, attributes: Attributes<'_>) {
        if self.is_traced(number) {
            self.record(Some(phase), number, None, took, attributes);
        }
    }

    /// A phase began then, took that long, and has been over for a while: of several that are told at once, each has its
    /// place.
    #[inline]
    pub fn past_phase(
        &self,
        phase: &'static str,
        number: u64,
        start: SystemTime,
        took: Duration,
        attributes: Attributes<'_>,
    ) {
        if self.is_traced(number) {
            self.record(Some(phase), number, Some(start), took, attributes);
        }
    }

    /// The whole of the trace of that number is over, and took that long.
    #[inline]
    pub fn end(&self, number: u64, took: Duration, attributes: Attributes<'_>) {
        if self.is_traced(number) {
            self.record(None, number, None, took, attributes);
        }
    }

    /// The whole of the trace of that number began then and took that long.
    #[inline]
    pub fn past_end(&self, number: u64, start: SystemTime, took: Duration, attributes: Attributes<'_>) {
        if self.is_traced(number) {
            self.record(None, number, Some(start), took, attributes);
        }
    }

    /// Without a start, it is over now.
    #[cold]
    fn record(
        &self,
        phase: Option<&'static str>,
        number: u64,
        start: Option<SystemTime>,
        took: Duration,
        attributes: Attributes<'_>,
    ) {
        #[cfg(feature = "otel")]
        span::record(self, phase, number, start, took, attributes);
        #[cfg(not(feature = "otel"))]
        let _ = (self, phase, number, start, took, attributes);
    }
}
