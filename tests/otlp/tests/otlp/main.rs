//! OTLP against a scripted receiver on real sockets: one module for each part of the contract.

mod delivery;
mod messages;
mod names;
mod outages;
mod receiver;
mod words;

use std::time::{Duration, Instant};

use vsr_metrics::export::otlp::{BackOff, Headers, Temporality};
use vsr_metrics::{Metrics, OtelConfig, OtelExporter, ReplicaId};

/// Far more than anything here takes, on a machine that does other things, too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Short pauses, and exports only when told to.
fn config(endpoint: &str) -> OtelConfig {
    OtelConfig {
        otlp_endpoint: Some(endpoint.to_owned()),
        export_interval: Duration::ZERO,
        timeout: Duration::from_secs(10),
        service_name: "test".to_owned(),
        headers: Headers::default(),
        temporality: Temporality::Cumulative,
        back_off: BackOff {
            first: Duration::from_millis(10),
            longest: Duration::from_millis(50),
            longest_asked: Duration::from_secs(30),
        },
        ..OtelConfig::built_in()
    }
}

/// A replica's metrics, made for this test alone and never freed.
fn replica(number: u32) -> &'static Metrics {
    Box::leak(Box::new(Metrics::new(ReplicaId::new(number).expect("it is in range"))))
}

/// An exporter that runs.
fn started(config: OtelConfig, metrics: &'static Metrics) -> OtelExporter {
    let mut exporter = OtelExporter::with_source(config, metrics).expect("the configuration works");
    exporter.init_otlp().expect("there is a thread");
    exporter
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
