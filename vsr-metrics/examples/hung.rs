//! What a recording costs while every exporter is on and its receiver hangs.
//!
//! ```text
//! cargo run --release --package vsr-metrics --all-features --example hung -- throughput 20 1000
//! ```
//!
//! `throughput ROUNDS MILLISECONDS` records with and without exporters that each begin another export so often, in
//! turn, and prints the ratio of both. `record idle|hung N` records N times, for callgrind to count: see the step
//! "hung exporters cost a recording no instruction" of `cargo xtask test`.

#[path = "../tests/hung_exporters/mod.rs"]
mod hung_exporters;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use hung_exporters::HungExporters;
use vsr_metrics::snapshot::Number;
use vsr_metrics::{METRICS, ReplicaId, Status};

/// Recordings of one measurement: some milliseconds.
const MEASURED: u64 = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    METRICS.set_replica_id(ReplicaId::new(0)?);
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["throughput", rounds, often] => throughput(rounds.parse()?, Duration::from_millis(often.parse()?)),
        ["record", "idle", times] => {
            slowly(times.parse()?);
            Ok(())
        }
        ["record", "hung", times] => {
            let exporters = HungExporters::start(Duration::from_millis(100))?;
            while !exporters.have_all_failed() {
                std::thread::sleep(Duration::from_millis(10));
            }
            slowly(times.parse()?);
            Ok(())
        }
        _ => Err("usage: hung throughput ROUNDS MILLISECONDS | hung record idle|hung N".into()),
    }
}

/// Records a counter, a histogram and a gauge that often. A function of its own in the program, so that callgrind can
/// count it alone.
#[inline(never)]
fn recorded(times: u64) {
    for number in 0..times {
        METRICS.increment_operations(black_box(Status::Success));
        METRICS.record_prepare_latency(black_box(Duration::from_nanos(number * 997)));
        METRICS.set_commit_number(black_box(number));
    }
}

/// In pieces, so that the exporters have their turns in between.
fn slowly(times: u64) {
    for _ in 0..20 {
        recorded(times / 20);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn throughput(rounds: usize, often: Duration) -> Result<(), Box<dyn Error>> {
    let measured = || {
        let began = Instant::now();
        recorded(MEASURED);
        began.elapsed().as_secs_f64()
    };
    let mut ratios = Vec::new();
    measured();
    for _ in 0..rounds {
        let before = measured();
        let exporters = HungExporters::start(often)?;
        while !exporters.have_all_failed() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let hung = measured();
        drop(exporters);
        // Idle on both sides of it, so that a machine that gets busier or calmer favours neither.
        let after = measured();
        ratios.push(f64::midpoint(before, after) / hung);
    }
    ratios.sort_by(f64::total_cmp);
    let at = |tenth: usize| ratios[(ratios.len() - 1) * tenth / 10];
    let each = Number::U64(MEASURED).as_f64();
    println!("recordings in a second, hung ÷ idle, exports every {often:?}, {rounds} rounds of {each:e}:");
    println!("  median {:.3}, from {:.3} (first tenth) to {:.3} (ninth)", at(5), at(1), at(9));
    Ok(())
}
