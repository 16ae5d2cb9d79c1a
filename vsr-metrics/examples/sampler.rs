//! Measures this process for three seconds while it works, and prints its resource gauges.
//!
//! ```text
//! cargo run --package vsr-metrics --example sampler --features system
//! ```

use std::error::Error;
use std::time::{Duration, Instant};

use vsr_metrics::sampler::{Sampler, register_thread};
use vsr_metrics::{METRICS, ReplicaId};

fn main() -> Result<(), Box<dyn Error>> {
    METRICS.set_replica_id(ReplicaId::new(0)?);
    register_thread("replica");
    let sampler = Sampler::vsr(&METRICS)
        .data(std::env::temp_dir())
        .intervals(Duration::from_secs(1), Duration::from_secs(1))
        .each_second(|| println!("a second has passed"))
        .start()?;
    let begin = Instant::now();
    let mut number = 1_u64;
    while begin.elapsed() < Duration::from_millis(3_500) {
        number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005));
    }
    let text = METRICS.export_prometheus();
    let shown = ["vsr_memory_used", "vsr_cpu", "vsr_disk", "vsr_network_bandwidth"];
    for line in text.lines().filter(|line| shown.iter().any(|name| line.starts_with(name))) {
        println!("{line}");
    }
    drop(sampler);
    Ok(())
}
