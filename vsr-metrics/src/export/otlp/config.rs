//! How an exporter is to be: plain fields with defaults, to be changed with struct update.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::env;
use crate::encode::otlp::{Histograms, Temporality};

/// How metrics leave over OTLP.
///
/// The defaults are built in, changed by the standard environment variables (`OTEL_EXPORTER_OTLP_ENDPOINT`,
/// `OTEL_SERVICE_NAME` and the rest); what a program sets itself wins over both.
///
/// ```
/// use std::time::Duration;
/// use vsr_metrics::OtelConfig;
///
/// let config = OtelConfig {
///     otlp_endpoint: Some("http://localhost:4318".to_string()),
///     export_interval: Duration::from_secs(10),
///     service_name: "my-database".to_string(),
///     service_version: "0.4.0".to_string(),
///     ..OtelConfig::default()
/// };
/// assert_eq!(config.timeout, Duration::from_secs(5));
/// ```
#[derive(Clone, Debug)]
pub struct OtelConfig {
    /// Base of the receiver's address; `/v1/metrics` is appended for HTTP. Without one it is
    /// `http://localhost:4318`, or port 4317 for gRPC.
    pub otlp_endpoint: Option<String>,
    /// The whole address for this signal, used as it is; wins over the base. Addresses are shown in logs: a key
    /// belongs in a header.
    pub signal_endpoint: Option<String>,
    /// How messages travel; HTTP with protobuf.
    pub protocol: Protocol,
    /// Time between two exports, 10 s. Zero exports only when told to.
    pub export_interval: Duration,
    /// How long one attempt may take, 5 s; a millisecond at least.
    pub timeout: Duration,
    /// How long a whole export with its retries may take; without a value, until the next one is due, or as long as one
    /// attempt if that is longer.
    pub export_timeout: Option<Duration>,
    /// How long dropping the exporter may take, the last export included: 2 s.
    pub shutdown_timeout: Duration,
    /// Whether messages are compressed; gzip.
    pub compression: Compression,
    /// Sent with each message, such as for authentication; none. Their values are never shown.
    pub headers: Headers,
    /// Whether totals or increments are sent; totals.
    pub temporality: Temporality,
    /// Which buckets histograms are sent with; those that the catalog says.
    pub histograms: Histograms,
    /// The attribute `service.name`; `unknown_service:` and the name of the program's file.
    pub service_name: String,
    /// The attribute `service.version`; empty, and then left out.
    pub service_version: String,
    /// The attribute `service.instance.id`. Without one it is the constant labels' values of the only instance, and
    /// a number that no other start of a process has.
    pub service_instance_id: Option<String>,
    /// Further attributes of the resource; none. Of two with one name the last one stands, but what fields say.
    pub resource: Vec<(String, String)>,
    /// Files for `https`; without any, the public certificates are trusted and no own one is shown.
    pub tls: TlsFiles,
    /// Whether a gRPC address without `http://` or `https://` is reached in plain text; it is not.
    pub insecure: bool,
    /// The most data points, or spans, in one message: 2,000.
    pub batch_points: usize,
    /// Pauses between attempts.
    pub back_off: BackOff,
    /// Whether nothing is to be exported at all; it is. Nothing that is asked of such an exporter is an error.
    pub disabled: bool,
}

/// How OTLP messages travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Protobuf over HTTP/1.1.
    #[default]
    HttpProtobuf,
    /// gRPC; needs the feature `otel-grpc`.
    Grpc,
}

/// Whether messages are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// They are.
    #[default]
    Gzip,
    /// They are not.
    None,
}

/// Headers of a request. Their values don't show in its `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

/// Files in PEM for `https`. They need the feature `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates to trust, in place of the public ones.
    pub ca: Option<PathBuf>,
    /// Our own certificate, for receivers that ask for one.
    pub certificate: Option<PathBuf>,
    /// The key of our own certificate.
    pub key: Option<PathBuf>,
}

/// Pauses between attempts: each is twice the one before, and half of that more or less, by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    /// The first pause, 0.5 s.
    pub first: Duration,
    /// The longest, 5 s.
    pub longest: Duration,
    /// The longest that a receiver can ask for, 30 s.
    pub longest_asked: Duration,
}

/// What travels: each has an address and environment variables of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Metrics.
    Metrics,
    /// Traces.
    Traces,
}

impl OtelConfig {
    /// The defaults without the environment.
    pub fn built_in() -> Self {
        Self {
            otlp_endpoint: None,
            signal_endpoint: None,
            protocol: Protocol::default(),
            export_interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            export_timeout: None,
            shutdown_timeout: Duration::from_secs(2),
            compression: Compression::default(),
            headers: Headers::default(),
            temporality: Temporality::default(),
            histograms: Histograms::default(),
            service_name: env::unknown_service(),
            service_version: String::new(),
            service_instance_id: None,
            resource: Vec::new(),
            tls: TlsFiles::default(),
            insecure: false,
            batch_points: 2_000,
            back_off: BackOff::default(),
            disabled: false,
        }
    }

    /// The defaults for a signal, and what is wrong in the environment: such values count as not set.
    pub fn from_env(signal: Signal) -> (Self, Vec<String>) {
        env::read(signal, &|name| std::env::var_os(name))
    }
}

impl Default for OtelConfig {
    /// [`from_env`](OtelConfig::from_env) for metrics; what is wrong in the environment is logged.
    fn default() -> Self {
        let (config, warnings) = Self::from_env(Signal::Metrics);
        for warning in warnings {
            log::warn!(target: super::LOG, "{warning}");
        }
        config
    }
}

impl Default for BackOff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(5),
            longest_asked: Duration::from_secs(30),
        }
    }
}

impl Signal {
    /// What is appended to a base address for HTTP.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Metrics => "v1/metrics",
            Self::Traces => "v1/traces",
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, _)| (name, "…"))).finish()
    }
}
