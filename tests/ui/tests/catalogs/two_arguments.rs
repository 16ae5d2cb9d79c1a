//! One catalog a call.

vsr_metrics::catalog!("one.yaml", "two.yaml");

fn main() {}
