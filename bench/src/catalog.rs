//! The metrics that the record cases write: ours, compiled from a catalog.

vsr_metrics::catalog!(
    source = "
catalog: { name: bench, prefix: bench_, version: 1.0.0, series_budget: 200 }
labels:
  outcome: { help: How it ended., values: { success: Done., failure: Failed. } }
  kind: { help: What it was., values: { a: A., b: B., c: C., d: D. } }
metrics:
  bench_operations_total: { type: counter, group: bench, labels: [outcome, kind], help: Operations. }
  bench_plain_total: { type: counter, group: bench, help: Operations without a label. }
  bench_depth: { type: gauge, group: bench, help: A depth. }
  bench_latency_seconds:
    type: histogram
    group: bench
    unit: seconds
    buckets: [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1]
    help: A latency.
  bench_fine_latency_seconds:
    type: histogram
    group: bench
    unit: seconds
    buckets: [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1]
    grid: exponential
    help: A latency with a grid.
"
);
