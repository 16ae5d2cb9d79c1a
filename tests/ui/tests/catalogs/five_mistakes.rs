//! Five mistakes are five errors of one build, and the sound metric keeps its method.

vsr_metrics::catalog!(
    source = "
catalog: { name: app, prefix: app_, version: 1.0.0 }
labels:
  status: { help: How it ended., values: { success: It was done., failure: It was not. } }
buckets:
  quick: [0.5, 2, 1]
metrics:
  app_jobs_total: { type: counter, group: work, labels: [status], help: Jobs that ended. }
  app_orders: { type: counter, group: work, help: No total. }
  app_load: { type: gauge, unit: percents, group: work, help: Unknown unit. }
  app_ask_seconds: { type: histogram, unit: seconds, buckets: slow, group: work, help: Unknown buckets. }
  app_wait_seconds: { type: histogram, unit: seconds, buckets: quick, group: work, help: Sound. }
  app_tries_total: { type: counter, group: work, labels: [state], help: Unknown label. }
"
);

fn main() {
    METRICS.increment_jobs(Status::Success);
}
