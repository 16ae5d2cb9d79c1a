//! A thousand million recordings on eight threads: none is lost, and memory, threads and descriptors do not grow.
//!
//! `cargo run --release -p vsr-cluster --example billion [RECORDINGS]`; exit code 1 if something is wrong.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vsr_cluster::process::Usage;
use vsr_metrics::snapshot::Value;
use vsr_metrics::{MessageType, Metrics, Snapshot, Status};

const THREADS: u64 = 8;
/// Recordings in one turn of the loop below.
const TURN: u64 = 5;

fn main() -> ExitCode {
    let recordings = std::env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or(1_000_000_000);
    let turns = recordings / THREADS / TURN;
    let metrics = Arc::new(Metrics::unidentified());
    // Once around, so that all threads had their shards and the first snapshot its memory.
    record(&metrics, 1000);
    let mut snapshot = metrics.snapshot();
    let before = Usage::now();
    let began = Instant::now();
    record(&metrics, turns);
    let took = began.elapsed();
    snapshot.clear();
    let snapshot = metrics.snapshot();
    let after = Usage::now();

    let each = (turns + 1000) * THREADS;
    let mut findings = Vec::new();
    for (family, labels, expected) in [
        ("vsr_operations_total", Some(("status", "success")), each),
        ("vsr_messages_sent_total", Some(("message_type", "prepare")), each),
        ("vsr_bytes_written_total", None, each * 69),
        ("vsr_prepare_latency_ms", None, each),
    ] {
        let found = number(&snapshot, family, labels.as_slice());
        if found != Some(expected) {
            findings.push(format!("`{family}` is {found:?}, expected {expected}"));
        }
    }
    println!("{} recordings in {:.1} s", turns * THREADS * TURN, took.as_secs_f64());
    match before.zip(after) {
        Some((before, after)) => {
            println!("before  {before}\nafter   {after}");
            findings.extend(after.growth_since(before));
        }
        None => println!("memory is not measured here"),
    }
    for finding in &findings {
        println!("finding {finding}");
    }
    if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Counters with and without a label, a histogram and a gauge, on all threads.
fn record(metrics: &Metrics, turns: u64) {
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for turn in 0..turns {
                    metrics.increment_operations(Status::Success);
                    metrics.increment_messages_sent(MessageType::Prepare);
                    metrics.add_bytes_written(69);
                    metrics.record_prepare_latency(Duration::from_nanos(turn & 0xff_ffff));
                    metrics.set_commit_number(turn);
                }
            });
        }
    });
}

fn number(snapshot: &Snapshot, family: &str, labels: &[(&str, &str)]) -> Option<u64> {
    match snapshot.family(family)?.find(labels)?.value() {
        Value::Counter(amount) => Some(amount.stored),
        Value::Histogram(histogram) => Some(histogram.count()),
        Value::Gauge(_) => None,
    }
}
