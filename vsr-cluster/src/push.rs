//! What is served is pushed as well: metrics, and traces of some operations, over OTLP; metrics over StatsD.

use std::error::Error;
use std::time::Duration;

use vsr_metrics::encode::statsd::{Dialect, Encoder};
use vsr_metrics::export::otlp::{OtelError, Signal, TraceExporter};
use vsr_metrics::export::statsd::Sender;
use vsr_metrics::{OtelConfig, OtelExporter, Source, trace};

use crate::message::ReplicaIndex;

/// Of so many operations, one is traced.
const SAMPLED: u64 = 100;
/// How long the last increments may take to be sent.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Who receives what is pushed, if anybody.
#[derive(Clone, Debug, Default)]
pub struct Receivers {
    /// Base of an address for OTLP over HTTP.
    pub otlp: Option<String>,
    /// `host:port` for StatsD, in the plain dialect.
    pub statsd: Option<String>,
}

/// The exporters; they end with this value.
pub struct Push {
    statsd: Option<Sender>,
    otlp: Option<Otlp>,
}

/// Both signals.
struct Otlp {
    metrics: OtelExporter,
    traces: TraceExporter,
}

impl Push {
    /// Starts pushing. What else there is to say about OTLP, the standard environment variables say. A process that holds
    /// one replica names it.
    ///
    /// # Errors
    /// If an address is none, or there is no thread.
    pub fn start<S: Source + 'static>(
        receivers: &Receivers,
        replica: Option<ReplicaIndex>,
        source: impl Fn() -> S,
    ) -> Result<Self, Box<dyn Error>> {
        let statsd = receivers.statsd.as_ref().map(|address| send(address, replica, source()));
        let otlp = receivers.otlp.as_ref().map(|endpoint| Otlp::start(endpoint, replica, source()));
        Ok(Self { statsd: statsd.transpose()?, otlp: otlp.transpose()? })
    }

    /// Pushes a last time, and says how OTLP went. Whether anybody received the last words is nobody's business here.
    pub fn stop(self) -> Option<String> {
        let told = self.otlp.map(Otlp::stop);
        let _ = self.statsd.map(|sender| sender.stop(LAST_WORDS));
        told
    }
}

/// Replicas that are processes of their own send to one receiver: it must be able to tell them apart.
fn send(
    address: &str,
    replica: Option<ReplicaIndex>,
    source: impl Source + 'static,
) -> Result<Sender, Box<dyn Error>> {
    let mut encoder = Encoder::new(Dialect::Plain);
    if let Some(replica) = replica {
        encoder = encoder.instance(&replica.to_string())?;
    }
    Ok(Sender::udp(address).encoder(encoder).start(source)?)
}

impl Otlp {
    fn start(
        endpoint: &str,
        replica: Option<ReplicaIndex>,
        source: impl Source + 'static,
    ) -> Result<Self, OtelError> {
        let ours = |mut config: OtelConfig| {
            config.otlp_endpoint = Some(endpoint.to_owned());
            "vsr-cluster".clone_into(&mut config.service_name);
            env!("CARGO_PKG_VERSION").clone_into(&mut config.service_version);
            config.resource.extend(replica.map(|replica| ("replica_id".to_owned(), replica.to_string())));
            config
        };
        let mut metrics = OtelExporter::with_source(ours(OtelConfig::default()), source)?;
        let (config, _) = OtelConfig::from_env(Signal::Traces);
        let traces = TraceExporter::start(&ours(config))?;
        metrics.init_otlp()?;
        trace::set_sampling(SAMPLED);
        Ok(Self { metrics, traces })
    }

    fn stop(self) -> String {
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
