//! Metrics pushed over OTLP: `cargo run -p vsr-metrics --features otel --example otlp -- http://localhost:4318`.
//!
//! Without an address, the one that `OTEL_EXPORTER_OTLP_ENDPOINT` names, or port 4318 of this machine.

use std::time::Duration;

use vsr_metrics::{METRICS, OtelConfig, OtelExporter, ReplicaId, Status};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    METRICS.set_replica_id(ReplicaId::new(0)?);

    let environment = OtelConfig::default();
    let mut exporter = OtelExporter::new(OtelConfig {
        otlp_endpoint: std::env::args().nth(1).or(environment.otlp_endpoint.clone()),
        service_name: "otlp-example".to_string(),
        service_version: env!("CARGO_PKG_VERSION").to_string(),
        ..environment
    })?;
    exporter.init_otlp()?; // from now on, every ten seconds, on a thread of its own

    for latency in [1, 2, 30] {
        METRICS.increment_operations(Status::Success);
        METRICS.record_prepare_latency(Duration::from_millis(latency));
    }
    exporter.export_metrics()?; // and now
    println!("exported {} bytes", exporter.status().bytes);
    Ok(())
}
