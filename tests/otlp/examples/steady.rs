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
        METRICS.record_repair_latency(Duration::from_micros(latency));
        METRICS.record_prepare_latency(Duration::from_micros(latency));
        latency = latency * 3 % 200_003;
        std::thread::sleep(Duration::from_millis(2));
    }
    exporter.flush(Duration::from_secs(30))?;
    let snapshot = METRICS.snapshot();
    let operations = snapshot.family("vsr_operations_total").and_then(|it| it.find(&[("status", "success")]));
    let Some(Value::Counter(operations)) = operations.map(|it| it.value()) else {
        return Err("the counter is in the catalog".into());
    };
    let histogram = |name| {
        let value = snapshot.family(name).and_then(|it| it.series().next()).map(|it| it.value());
        if let Some(Value::Histogram(histogram)) = value { Some(histogram) } else { None }
    };
    // One with the declared buckets, one with a grid.
    let repair = histogram("vsr_repair_latency_ms").ok_or("the histogram is in the catalog")?;
    let buckets: Vec<_> = repair.buckets().iter().map(u64::to_string).collect();
    let prepare = histogram("vsr_prepare_latency_ms").ok_or("the histogram is in the catalog")?;
    let fine = prepare.exponential().ok_or("it has a grid")?.buckets();
    let fine: Vec<_> = (fine.offset..)
        .zip(&fine.counts)
        .filter(|(_, count)| **count > 0)
        .map(|(index, count)| format!("{index}:{count}"))
        .collect();
    println!(
        "operations={operations} sum={} buckets={} fine_sum={} fine={}",
        repair.sum().as_f64(),
        buckets.join(","),
        prepare.sum().as_f64(),
        fine.join(",")
    );
    Ok(())
}
