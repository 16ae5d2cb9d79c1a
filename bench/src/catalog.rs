//! The metrics that the record cases write: ours, compiled from a catalog.

pub use record::*;

/// Every family of the project's own catalog, for the encode cases.
pub mod full {
    vsr_metrics::catalog!("../metrics.yaml");
}

mod record {
    vsr_metrics::catalog!(
        source = "
catalog: { name: bench, prefix: bench_, version: 1.0.0, series_budget: 200 }
labels:
  outcome: { help: How it ended., values: { success: Done., failure: Failed. } }
  kind: { help: What it was., values: { a: A., b: B., c: C., d: D. } }
metrics:
  bench_operations_total: { type: counter, labels: [outcome, kind], help: Operations. }
  bench_plain_total: { type: counter, help: Operations without a label. }
  bench_depth: { type: gauge, help: A depth. }
  bench_latency_ms:
    type: histogram
    unit: milliseconds
    buckets: [0.1, 0.5, 1, 2, 5, 10, 25, 50, 100]
    help: A latency.
"
    );
}
