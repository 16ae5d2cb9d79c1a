//! What other crates record by the macros of `metrics`, on the same `/metrics` as a catalog; and a catalog's families for
//! a backend that was written for that crate.
//!
//! ```text
//! cargo run --package vsr-metrics --example facade --features metrics
//! ```

use std::error::Error;

use vsr_metrics::encode::prometheus_text;
use vsr_metrics::facade::{Bridge, Limits, Registry};
use vsr_metrics::{METRICS, Metrics, ReplicaId, Source as _, Status};

fn main() -> Result<(), Box<dyn Error>> {
    METRICS.set_replica_id(ReplicaId::new(0)?);
    METRICS.increment_operations(Status::Success);

    // In: this library is the recorder of the process, beside its own catalog.
    let registry = Registry::beside(&[Metrics::CATALOG], Limits::default());
    registry.install()?;
    metrics::describe_counter!("cache.hits", "Look-ups that found something.");
    metrics::counter!("cache.hits", "tier" => "memory").increment(3);
    metrics::histogram!("cache.wait_seconds").record(0.002);
    let text = prometheus_text(&(&METRICS, &registry).snapshot());
    for line in text.lines().filter(|line| line.contains("cache_") || line.contains("vsr_operations_total")) {
        println!("{line}");
    }

    // Out: any recorder receives the catalog. Here it is another registry; it could be anybody's backend.
    let backend = Registry::new();
    Bridge::new().push(METRICS.snapshot(), &backend);
    println!("{backend:?}");
    Ok(())
}
