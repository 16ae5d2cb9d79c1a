//! What recording costs, beside other libraries, in one run.
//!
//! Costs are CPU nanoseconds of the threads that record. Read the ratios: they carry over to other machines.

mod catalog;
mod clock;
mod contention;
mod encode;
mod instructions;
mod memory;
mod record;
mod report;
mod rounds;

use std::process::ExitCode;

use record::{FETCH_ADD, INPUTS, LIMIT};
use report::{fastest_peer, goal, named, ours};
use rounds::{Contender, Cost, measure};

const USAGE: &str = "usage: cargo xtask bench [--quick] [--only CASES] | --instructions

Compares recording and encoding with other libraries, interleaved in one run.

  --quick         few rounds: a first impression
  --only CASES    `counters`, `histograms`, `timers`, `encode`, `contention` or `memory`
  --instructions  our instructions of one operation instead, as callgrind counts them (needs valgrind)";

/// All cases, by the name that selects them.
const CASES: [&str; 6] = ["counters", "histograms", "timers", "encode", "contention", "memory"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let known = |name: &str| CASES.contains(&name);
    let done = match arguments[..] {
        [] => compare(101, ""),
        ["--quick"] => compare(11, ""),
        ["--only", case] if known(case) => compare(101, case),
        ["--quick", "--only", case] | ["--only", case, "--quick"] if known(case) => compare(11, case),
        ["--instructions"] => instructions::count(),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        // How `--instructions` calls this program again.
        ["--repeat", case, times] if times.parse::<u64>().is_ok() => {
            instructions::repeat(case, times.parse().unwrap_or_default())
        }
        _ => {
            eprintln!("unknown options `{}`\n\n{USAGE}", arguments.join(" "));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the cases of that name; the empty one stands for all.
fn compare(rounds: usize, only: &str) -> Result<(), String> {
    for case in CASES.into_iter().filter(|name| only.is_empty() || only == *name) {
        match case {
            "counters" => counters(rounds),
            "histograms" => histograms(rounds),
            "timers" => timers(rounds),
            "contention" => contention::run(rounds * 100),
            "memory" => memory::run(),
            _ => encode::run(rounds)?,
        }
    }
    Ok(())
}

fn counters(rounds: usize) {
    let one = case("labelled counter, 1 thread", &record::labelled(false), 1, rounds);
    let limit = named(&one, LIMIT);
    goal("× the bare thread-local limit", ours(&one) / limit, 1.5, true);
    goal("times faster than the fastest peer", fastest_peer(&one) / ours(&one), 3.5, false);

    let series = record::labelled(true);
    let alone = case("labelled counter, one series, 1 thread", &series, 1, rounds);
    let two = case("labelled counter, one series, 2 threads", &series, 2, rounds.div_ceil(3));
    let meet = named(&two, FETCH_ADD) / named(&alone, FETCH_ADD);
    if meet.is_nan() || meet < 2.0 || report::rounds(&two, record::OURS) < 5 {
        // A locked add that two threads share costs several times as much.
        println!("  goal: not judged: the threads did not meet on their cores ({meet:.2} × for a fetch_add)");
    } else {
        goal("× our own one-thread cost", ours(&two) / ours(&alone), 1.3, true);
    }
    case("labelled counter, one series, 8 threads", &series, 8, rounds.div_ceil(5));
    case("counter without label", &record::plain(), 1, rounds);
    case("gauge set", &record::set(), 1, rounds);
}

fn histograms(rounds: usize) {
    let contenders = record::observations();
    let one = case("histogram of 9 bounds with sum, 1 thread", &contenders, 1, rounds);
    goal("times faster than the fastest peer", fastest_peer(&one) / ours(&one), 4.0, false);
    case("histogram of 9 bounds with sum, 2 threads", &contenders, 2, rounds.div_ceil(3));
}

fn timers(rounds: usize) {
    case("timer: start, stop, record into 9 bounds", &record::timers(), 1, rounds);
}

fn case(name: &str, contenders: &[Contender], threads: usize, rounds: usize) -> Vec<Cost> {
    let costs = measure(contenders, INPUTS as f64, threads, rounds);
    report::table(name, "ns", &costs);
    costs
}
