//! The cost of a catalog is known before it runs.

vsr_metrics::catalog!(
    source = "
catalog: { name: app, prefix: app_, version: 1.0.0, series_budget: 10 }
labels:
  peer: { range: [0, 10], help: Who was asked. }
metrics:
  app_jobs_total: { type: counter, group: work, labels: [peer], help: Jobs that ended. }
"
);

fn main() {}
