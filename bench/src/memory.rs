//! Resident memory: what a series takes in each live shard, and what a billion recordings leave behind.

use std::fs;
use std::sync::Barrier;
use std::time::Duration;

use crate::catalog::{Kind, METRICS, Outcome};
use crate::encode::{SERIES, large};
use crate::report::goal;

/// Recordings that nobody scrapes.
const RECORDINGS: u64 = 1_000_000_000;

/// Threads that record into all series and stay.
const THREADS: usize = 8;

/// Prints both.
pub fn run() {
    println!("\nmemory, resident");
    let before = resident();
    let storage = large();
    let all_have_recorded = Barrier::new(THREADS + 1);
    let measured = Barrier::new(THREADS + 1);
    let grown = std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                storage.record();
                all_have_recorded.wait();
                measured.wait();
            });
        }
        all_have_recorded.wait();
        let grown = resident().saturating_sub(before);
        measured.wait();
        grown
    });
    let each = grown as f64 / (SERIES * THREADS) as f64;
    println!("  {SERIES} counter series, {THREADS} live shards: {each:.1} bytes a series and shard");
    goal("bytes a counter series and live shard", each, 24.0, true);

    METRICS.increment_operations(Outcome::Success, Kind::A);
    METRICS.record_latency(Duration::ZERO);
    let before = resident();
    for number in 0..RECORDINGS / 2 {
        METRICS.increment_operations(Outcome::Success, Kind::B);
        METRICS.record_latency(Duration::from_nanos(number));
    }
    let grown = resident().saturating_sub(before) / 1024;
    println!("  {RECORDINGS} recordings that nobody scraped: {grown} KiB more");
    goal("KiB after a billion recordings", grown as f64, 64.0, true);
}

/// Bytes of the process in memory; 0 where the system does not tell.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok());
    pages.unwrap_or(0) * rustix::param::page_size()
}
