//! Push over OTLP, to a collector or to whatever else speaks it: HTTP with protobuf, or gRPC.
//!
//! [`OtelExporter`] owns its thread, and for gRPC its runtime: it works in a program without an asynchronous runtime,
//! in one, and while one ends. Recording never notices it: a receiver that hangs or is gone costs an export, not a
//! metric. What could not be delivered is told later, as totals (or, in delta temporality, as a larger increment).
//!
//! Of itself it tells in the built-in catalog [`health`](crate::health), beside what it exports, and in
//! [`OtelExporter::status`]. It logs through the `log` crate, as `vsr_metrics::otlp`, at most once a minute.
//! Proxies of the environment are not used, and redirects are not followed.

mod address;
mod completion;
mod config;
mod counts;
mod env;
mod error;
mod exporter;
#[cfg(feature = "otel-grpc")]
mod grpc;
mod http;
mod metrics;
mod resource;
mod retry;
#[cfg(feature = "tls")]
mod tls;
mod traces;
mod transport;
mod worker;

pub use crate::encode::otlp::{Histograms, Temporality};
pub use completion::Completion;
pub use config::{BackOff, Compression, Headers, OtelConfig, Protocol, Signal, TlsFiles};
pub use counts::Status;
pub use error::{ErrorKind, OtelError};
pub use exporter::{OtelExporter, OtelHandle};
pub use traces::TraceExporter;

/// Target of what is logged.
const LOG: &str = "vsr_metrics::otlp";

/// How requests introduce themselves.
const USER_AGENT: &str = concat!(
    "vsr-metrics/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/",
    env!("CARGO_PKG_VERSION")
);

/// Keeps the libraries of the exporter's thread from reporting to the program's `tracing` subscriber, which may well
/// export what it hears through this very thread.
#[cfg(feature = "otel-grpc")]
fn without_tracing() -> impl Drop {
    tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default())
}

/// Nothing on the thread reports to `tracing`.
#[cfg(not(feature = "otel-grpc"))]
const fn without_tracing() -> Option<()> {
    None
}
