//! A path of one machine, where one from the manifest is asked for.

vsr_metrics::catalog!("/etc/metrics.yaml");

fn main() {}
