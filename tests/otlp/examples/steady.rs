//! Records steadily and pushes: what a judge compares with what a real collector received.
//! `steady ADDRESS SECONDS`; the rest is set by the standard environment variables.

use std::time::{Duration, Instant};

use vsr_metrics::snapshot::Value;
use vsr_metrics::{METRICS, OtelConfig, OtelExporter, ReplicaId, Status};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let endpoint = arguments.next().ok_or("expected an address")?;
    let seconds = arguments.next().ok_or("expected a number of seconds")?.parse()?;
    METRICS.set_replica_id(ReplicaId::new(0)?);
    let config = OtelConfig { otlp_endpoint: Some(endpoint), ..OtelConfig::default() };
    let mut exporter = OtelExporter::new(config)?;
    exporter.init_otlp()?;
    let began = Instant::now();
    let mut latency = 1;
    while began.elapsed() < Duration::from_secs(seconds) {
        METRICS.increment_operations(Status::Success);
        METRICS.record_prepare_latency(Duration::from_micros(latency));
        latency = latency * 3 % 200_003;
        std::thread::sleep(Duration::from_millis(2));
    }
    exporter.flush(Duration::from_secs(30))?;
    let snapshot = METRICS.snapshot();
    let operations = snapshot.family("vsr_operations_total").and_then(|it| it.find(&[("status", "success")]));
    let latency = snapshot.family("vsr_prepare_latency_ms").and_then(|it| it.series().next());
    let (Some(Value::Counter(operations)), Some(Value::Histogram(latency))) =
        (operations.map(|it| it.value()), latency.map(|it| it.value()))
    else {
        return Err("the families are in the catalog".into());
    };
    let buckets: Vec<_> = latency.buckets().iter().map(u64::to_string).collect();
    println!("operations={operations} sum={} buckets={}", latency.sum().as_f64(), buckets.join(","));
    Ok(())
}
