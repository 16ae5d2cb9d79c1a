//! The demo pushes what it serves: metrics, and traces of some operations, over OTLP.

use vsr_metrics::export::otlp::{OtelError, Signal, TraceExporter};
use vsr_metrics::{OtelConfig, OtelExporter, Source, trace};

/// Of so many operations, one is traced.
const SAMPLED: u64 = 100;

/// Both exporters; they end with this value, after a last export.
pub struct Push {
    metrics: OtelExporter,
    traces: TraceExporter,
}

impl Push {
    /// Starts pushing to a receiver of both. What else there is to say about it, the standard environment variables
    /// say.
    ///
    /// # Errors
    /// If the address is none, or there is no thread.
    pub fn start(endpoint: &str, source: impl Source + 'static) -> Result<Self, OtelError> {
        let for_demo = |config: OtelConfig| OtelConfig {
            otlp_endpoint: Some(endpoint.to_owned()),
            service_name: "vsr-cluster".to_owned(),
            service_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..config
        };
        let mut metrics = OtelExporter::with_source(for_demo(OtelConfig::default()), source)?;
        let (config, _) = OtelConfig::from_env(Signal::Traces);
        let traces = TraceExporter::start(&for_demo(config))?;
        metrics.init_otlp()?;
        trace::set_sampling(SAMPLED);
        Ok(Self { metrics, traces })
    }

    /// Exports a last time, and says how it went.
    pub fn stop(self) -> String {
        let flushed = self.metrics.flush(self.metrics.config().timeout);
        let _ = self.traces.flush(self.metrics.config().timeout);
        let (metrics, traces) = (self.metrics.status(), self.traces.status());
        let why = flushed.err().map_or_else(String::new, |error| format!(": {error}"));
        format!(
            "pushed metrics {} times and traces {} times, in vain {} times{why}",
            metrics.exports,
            traces.exports,
            metrics.failures + traces.failures
        )
    }
}
