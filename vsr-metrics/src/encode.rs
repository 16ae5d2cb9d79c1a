//! Snapshot in, bytes out: the text formats of Prometheus and OpenMetrics, the lines of StatsD, the messages of OTLP.
//!
//! The encoder of the text formats lays out every byte that does not change between two scrapes once: names,
//! labels, help. A scrape then copies text and formats numbers, and allocates nothing. It needs the feature `text`;
//! [`statsd`] is always there; OTLP needs the feature `otel`.

#[cfg(feature = "text")]
mod number;
#[cfg(feature = "text")]
mod openmetrics;
#[cfg(feature = "otel")]
pub mod otlp;
#[cfg(feature = "text")]
mod prometheus;
pub mod statsd;
#[cfg(feature = "text")]
mod template;
#[cfg(feature = "text")]
mod text;

#[cfg(feature = "text")]
pub use text::{Encoder, Format, openmetrics_text, prometheus_text};
