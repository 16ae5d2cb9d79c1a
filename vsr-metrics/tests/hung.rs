//! Every exporter on, and nobody at the other end: what a recording loop notices of it. The figures are the example
//! `hung`'s; this is for what is grossly wrong.

mod hung_exporters;

use std::time::{Duration, Instant};

use hung_exporters::HungExporters;
use vsr_metrics::{METRICS, Status};

/// Recordings in a fixed time, in thousands: the best of some attempts, because other programs run here as well.
fn throughput() -> u64 {
    let attempt = || {
        let (begin, mut thousands) = (Instant::now(), 0);
        while begin.elapsed() < Duration::from_millis(60) {
            for number in 0..1_000 {
                METRICS.increment_operations(Status::Success);
                METRICS.record_prepare_latency(Duration::from_nanos(number * 1_000));
                METRICS.set_commit_number(number);
            }
            thousands += 1;
        }
        thousands
    };
    (0..8).map(|_| attempt()).max().unwrap_or(0)
}

#[test]
fn exporters_whose_receivers_hang_do_not_slow_recording_down() {
    let idle = throughput();
    let exporters = HungExporters::start(Duration::from_millis(20)).expect("they start");
    let hung = throughput();
    let began = Instant::now();
    while !exporters.have_all_failed() {
        assert!(began.elapsed() < Duration::from_secs(60), "they do not even try");
        std::thread::sleep(Duration::from_millis(10));
    }
    // The figure is 0.9; a test on a machine that others use as well asks for less.
    assert!(hung * 10 > idle, "{hung} of {idle}");
    drop(exporters);
    assert!(began.elapsed() < Duration::from_secs(60), "and their ends take no time");
}
