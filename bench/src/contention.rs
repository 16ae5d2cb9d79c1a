//! Snapshots while far more threads record than there are cores: how long one takes, by the clock on the wall.
//!
//! A snapshot waits for nobody, so what it can lose is its core, as any thread can.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use vsr_metrics::{Metrics, Snapshot, Source, Status};

/// Threads that record without a pause.
const WRITERS: usize = 16;

/// Prints the middle and the tail of as many snapshots, without and with the writers.
pub fn run(snapshots: usize) {
    let metrics = Metrics::unidentified();
    println!("\nsnapshot of the real catalog, µs on the wall          median      99 %       max");
    tell("nobody records", &mut timed(&metrics, snapshots));
    let done = AtomicBool::new(false);
    let mut loaded = std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    metrics.increment_operations(Status::Success);
                    metrics.record_prepare_latency(Duration::from_micros(700));
                }
            });
        }
        let times = timed(&metrics, snapshots);
        done.store(true, Ordering::Relaxed);
        times
    });
    tell("16 threads record", &mut loaded);
}

fn timed(metrics: &Metrics, snapshots: usize) -> Vec<f64> {
    let mut snapshot = Snapshot::new();
    (0..snapshots)
        .map(|_| {
            let begun = Instant::now();
            snapshot.clear();
            metrics.collect(&mut snapshot);
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect()
}

fn tell(who: &str, times: &mut [f64]) {
    times.sort_by(f64::total_cmp);
    let (median, tail) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("  {who:<48} {median:>9.2} {tail:>9.2} {:>9.2}", times[times.len() - 1]);
}
