//! Push over OTLP, to a collector or to whatever else speaks it: HTTP with protobuf, or gRPC.
//!
//! [`OtelExporter`] owns its thread, and for gRPC its runtime: it works in a program without an asynchronous runtime,
//! in one, and while one ends. Recording never notices it: a receiver that hangs or is gone costs an export, not a
//! metric. What could not be delivered is told later, as totals (or, in delta temporality, as a larger increment).
//!
//! Of itself it tells in the built-in catalog [`health`](crate::health), beside what it exports, and in
//! [`OtelExporter::status`]. It logs through the `log` crate, as `vsr_metrics::otlp`, at most once a minute.
//! Proxies of the environment are not used, and redirects are not followed.
//!
//! # The environment
//!
//! [`OtelConfig::default`] and [`OtelConfig::from_env`] read these variables, by the rules of OpenTelemetry: an empty one
//! counts as not set, words are read in any case, times are in milliseconds, and what cannot be understood is told and
//! ignored. What the program sets itself wins. Where the table says `OTLP_…`, the signal's own variable
//! (`OTEL_EXPORTER_OTLP_METRICS_…`, `OTEL_EXPORTER_OTLP_TRACES_…`) comes before the one for all (`OTEL_EXPORTER_OTLP_…`).
//!
//! | variable | field, and what it means |
//! | --- | --- |
//! | `OTEL_SDK_DISABLED` | [`disabled`](OtelConfig::disabled), by `true` |
//! | `OTEL_METRICS_EXPORTER`, `OTEL_TRACES_EXPORTER` | [`disabled`](OtelConfig::disabled), by a list without `otlp` |
//! | `OTEL_SERVICE_NAME` | [`service_name`](OtelConfig::service_name) |
//! | `OTEL_RESOURCE_ATTRIBUTES` | `service.name`, `service.version`, `service.instance.id` their fields, all others [`resource`](OtelConfig::resource); a list that is wrong anywhere is ignored as a whole |
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | [`otlp_endpoint`](OtelConfig::otlp_endpoint) |
//! | `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | [`signal_endpoint`](OtelConfig::signal_endpoint) |
//! | `OTLP_PROTOCOL` | [`protocol`](OtelConfig::protocol): `http/protobuf` or `grpc` |
//! | `OTLP_HEADERS` | [`headers`](OtelConfig::headers): `name=value,…`, percent-encoded |
//! | `OTLP_COMPRESSION` | [`compression`](OtelConfig::compression): `gzip` or `none` |
//! | `OTLP_TIMEOUT` | [`timeout`](OtelConfig::timeout); 0 is no limit |
//! | `OTLP_INSECURE` | [`insecure`](OtelConfig::insecure) |
//! | `OTLP_CERTIFICATE`, `OTLP_CLIENT_CERTIFICATE`, `OTLP_CLIENT_KEY` | [`tls`](OtelConfig::tls) |
//! | `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_BSP_SCHEDULE_DELAY` | [`export_interval`](OtelConfig::export_interval) of metrics and of traces |
//! | `OTEL_METRIC_EXPORT_TIMEOUT`, `OTEL_BSP_EXPORT_TIMEOUT` | [`export_timeout`](OtelConfig::export_timeout) of metrics and of traces; 0 is no limit |
//! | `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | [`batch_points`](OtelConfig::batch_points) of traces |
//! | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | [`temporality`](OtelConfig::temporality): `cumulative`; `delta` and `lowmemory` are the same here |
//! | `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` | [`histograms`](OtelConfig::histograms): `explicit_bucket_histogram`; `base2_exponential_bucket_histogram` is what the catalog says, since a family without a grid cannot be sent so |
//!
//! Not read: the samplers (a program says [`set_sampling`](crate::trace::set_sampling)), `OTEL_BSP_MAX_QUEUE_SIZE` (the
//! lists of spans have one size), limits of attributes, exemplars, propagators, logs, `OTEL_LOG_LEVEL` (the program's
//! logger decides) and configuration files.

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
