//! The path starts at the manifest.

vsr_metrics::catalog!("absent.yaml");

fn main() {}
