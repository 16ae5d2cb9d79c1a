//! OTLP against a scripted receiver on real sockets: one module for each part of the contract.

mod delivery;
mod hostile;
mod messages;
mod names;
mod outages;
mod words;

use otlp_tests::{config, http as receiver, until};
use vsr_metrics::{Metrics, OtelConfig, OtelExporter, ReplicaId};

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
