//! A small sound catalog for the call sites that are wrong.

vsr_metrics::catalog!(
    source = "
catalog: { name: app, prefix: app_, version: 1.0.0 }
labels:
  status: { help: How it ended., values: { success: It was done., failure: It was not. } }
  outcome: { help: How it went., values: { good: Well., bad: Badly. } }
  peer: { range: [0, 2], help: Who was asked. }
metrics:
  app_jobs_total: { type: counter, group: work, labels: [status], help: Jobs that ended. }
  app_tries_total: { type: counter, group: work, labels: [outcome, peer], help: Tries. }
  app_wait_seconds: { type: histogram, unit: seconds, buckets: [0.1, 1], group: work, help: Time in the queue. }
  app_mode: { type: gauge, group: work, states: { idle: 0, busy: 1 }, help: What it does. }
"
);
