//! Instructions of one operation, counted by callgrind: the same on every run of one build.
//!
//! The program runs itself twice under valgrind with different numbers of operations; the difference of the two
//! counts holds nothing of start-up, allocation or the first recording.

use std::process::Command;
use std::time::Duration;

use crate::catalog::{Kind, METRICS, Metrics, Outcome};

/// Operations of the shorter and of the longer run.
const RUNS: [u64; 2] = [20_000, 120_000];

/// Does a case that many times.
type Run = fn(u64);

/// All cases by name.
const CASES: [(&str, Run); 6] = [
    ("labelled-counter", labelled),
    ("labelled-counter, an instance that is no static", labelled_instance),
    ("counter", plain),
    ("gauge", set),
    ("histogram", histogram),
    ("histogram with a grid", fine),
];

/// Counts and prints all cases.
///
/// # Errors
/// If valgrind cannot be run, or prints no count.
pub fn count() -> Result<(), String> {
    println!("instructions of one operation, callgrind, the loop and its inputs included");
    for (case, _) in CASES {
        let [short, long] = [collected(case, RUNS[0])?, collected(case, RUNS[1])?];
        let each = (long - short) as f64 / (RUNS[1] - RUNS[0]) as f64;
        println!("  {case:<50} {each:>6.1}");
    }
    Ok(())
}

/// Does one case `times` times: what runs under valgrind.
///
/// # Errors
/// If there is no such case.
pub fn repeat(case: &str, times: u64) -> Result<(), String> {
    let (_, run) = CASES.iter().find(|(name, _)| *name == case).ok_or_else(|| format!("no case `{case}`"))?;
    run(times);
    Ok(())
}

fn collected(case: &str, times: u64) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--repeat", case, &times.to_string()])
        .output()
        .map_err(|error| format!("`valgrind` cannot be started: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    told.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .ok_or_else(|| format!("`valgrind` printed no count for `{case}`"))
}

fn labelled(times: u64) {
    let inputs = inputs();
    for index in 0..times {
        let (outcome, kind) = inputs[(index & 7) as usize];
        METRICS.increment_operations(outcome, kind);
    }
}

fn labelled_instance(times: u64) {
    let (inputs, instance) = (inputs(), Box::new(Metrics::new()));
    let instance = std::hint::black_box(&*instance);
    for index in 0..times {
        let (outcome, kind) = inputs[(index & 7) as usize];
        instance.increment_operations(outcome, kind);
    }
}

fn inputs() -> [(Outcome, Kind); 8] {
    std::hint::black_box(std::array::from_fn(|index| (Outcome::ALL[index % 2], Kind::ALL[index / 2])))
}

fn plain(times: u64) {
    (0..times).for_each(|_| METRICS.increment_plain());
}

fn set(times: u64) {
    (0..times).for_each(|value| METRICS.set_depth(std::hint::black_box(value)));
}

fn histogram(times: u64) {
    for value in 0..times {
        METRICS.record_latency(Duration::from_nanos(std::hint::black_box(value * 997)));
    }
}

fn fine(times: u64) {
    for value in 0..times {
        METRICS.record_fine_latency(Duration::from_nanos(std::hint::black_box(value * 997)));
    }
}
