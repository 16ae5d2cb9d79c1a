//! What recording costs, beside other libraries, in one run.
//!
//! Costs are CPU nanoseconds of the threads that record. Read the ratios: they carry over to other machines.

mod catalog;
mod clock;
mod encode;
mod record;
mod report;
mod rounds;

use std::process::ExitCode;

use record::INPUTS;
use report::{fastest_peer, goal, named, ours};
use rounds::{Contender, Cost, measure};

const USAGE: &str = "usage: cargo xtask bench [--quick]

Compares recording and encoding with other libraries, interleaved in one run.

  --quick  few rounds: a first impression";

fn main() -> ExitCode {
    let mut rounds = 101;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => rounds = 11,
            "--help" | "-h" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprintln!("unknown option `{other}`\n\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    counters(rounds);
    histograms(rounds);
    match encode::run(rounds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(unequal) => {
            eprintln!("{unequal}");
            ExitCode::FAILURE
        }
    }
}

fn counters(rounds: usize) {
    let one = case("labelled counter, 1 thread", &record::labelled(false), 1, rounds);
    let limit = named(&one, "limit: bare thread-local cells");
    goal("× the bare thread-local limit", ours(&one) / limit, 1.5, true);
    goal("times faster than the fastest peer", fastest_peer(&one) / ours(&one), 3.5, false);

    let series = record::labelled(true);
    let alone = case("labelled counter, one series, 1 thread", &series, 1, rounds);
    let two = case("labelled counter, one series, 2 threads", &series, 2, rounds);
    goal("× our own one-thread cost", ours(&two) / ours(&alone), 1.3, true);
    case("labelled counter, one series, 8 threads", &series, 8, rounds);
    case("counter without label", &record::plain(), 1, rounds);
    case("gauge set", &record::set(), 1, rounds);
}

fn histograms(rounds: usize) {
    let contenders = record::observations();
    let one = case("histogram of 9 bounds with sum, 1 thread", &contenders, 1, rounds);
    goal("times faster than the fastest peer", fastest_peer(&one) / ours(&one), 4.0, false);
    case("histogram of 9 bounds with sum, 2 threads", &contenders, 2, rounds);
}

fn case(name: &str, contenders: &[Contender], threads: usize, rounds: usize) -> Vec<Cost> {
    #[allow(clippy::cast_precision_loss)] // 65,536
    let costs = measure(contenders, INPUTS as f64, threads, rounds);
    report::table(name, "ns", &costs);
    costs
}
