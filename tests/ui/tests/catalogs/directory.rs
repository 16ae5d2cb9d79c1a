//! The path starts at the manifest.

vsr_metrics::catalog!(".");

fn main() {}
