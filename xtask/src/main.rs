//! `cargo xtask`: every chore of a developer of this project. Dispatch only; each chore is a file of its own.
//!
//! It depends on the catalog and on the code generator alone, and starts everything else through cargo. So it still
//! compiles, and can explain what is wrong, when `metrics.yaml` or the runtime is broken.

mod bench;
mod catalog;
mod check;
mod cluster;
mod expand;
mod r#gen;
mod judges;
mod matrix;
mod mutate;
mod mutate_recording;
mod outcome;
mod overhead;
mod pictures;
mod test;
mod tidy;
mod unused;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use outcome::{Outcome, Verdict};

/// One chore.
struct Chore {
    name: &'static str,
    summary: &'static str,
    usage: &'static str,
    run: fn(&[OsString]) -> Outcome,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "demo",
        summary: "run a cluster and serve its /metrics",
        usage: cluster::DEMO,
        run: cluster::demo,
    },
    Chore {
        name: "soak",
        summary: "a cluster under load, and a verdict about its metrics and its memory",
        usage: cluster::SOAK,
        run: cluster::soak,
    },
    Chore {
        name: "scenario",
        summary: "the cluster in virtual time: the full story, random faults, or a day",
        usage: cluster::SCENARIO,
        run: cluster::scenario,
    },
    Chore {
        name: "test",
        summary: "every test; --fast leaves out what needs an installed program",
        usage: test::USAGE,
        run: test::run,
    },
    Chore { name: "check", summary: "what is wrong with a catalog", usage: check::USAGE, run: check::run },
    Chore {
        name: "expand",
        summary: "print what `catalog!` makes of a catalog",
        usage: expand::USAGE,
        run: expand::run,
    },
    Chore {
        name: "gen",
        summary: "write the generated files; --check only says which are stale",
        usage: r#gen::USAGE,
        run: r#gen::run,
    },
    Chore {
        name: "unused",
        summary: "families that a catalog declares and no code records",
        usage: unused::USAGE,
        run: unused::run,
    },
    Chore { name: "tidy", summary: "check this repository's own habits", usage: tidy::USAGE, run: tidy::run },
    Chore {
        name: "pictures",
        summary: "draw boards from what Prometheus scraped of the running demo",
        usage: pictures::USAGE,
        run: pictures::run,
    },
    Chore {
        name: "matrix",
        summary: "try faults in virtual time, and see the right alerts fire",
        usage: matrix::USAGE,
        run: matrix::run,
    },
    Chore {
        name: "mutate-rules",
        summary: "make each alert wrong, and see one of its tests fail",
        usage: mutate::USAGE,
        run: mutate::run,
    },
    Chore {
        name: "mutate-recording",
        summary: "take recordings away from the cluster, and see one of its tests fail",
        usage: mutate_recording::USAGE,
        run: mutate_recording::run,
    },
    Chore {
        name: "overhead",
        summary: "what recording costs a cluster, in instructions and in time",
        usage: overhead::USAGE,
        run: overhead::run,
    },
    Chore {
        name: "bench",
        summary: "record, snapshot and encode, against other libraries in the same run",
        usage: bench::USAGE,
        run: bench::run,
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(name) = words.next() else {
        eprint!("{}", overview());
        return ExitCode::from(2);
    };
    if name == "--help" || name == "-h" || name == "help" {
        print!("{}", overview());
        return ExitCode::SUCCESS;
    }
    let Some(chore) = CHORES.iter().find(|chore| name == chore.name) else {
        eprintln!("no chore is called `{}`\n\n{}", name.to_string_lossy(), overview());
        return ExitCode::from(2);
    };
    let words: Vec<OsString> = words.collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        println!("{}\n\n{}", chore.summary, chore.usage);
        return ExitCode::SUCCESS;
    }
    match (chore.run)(&words) {
        Ok(Verdict::Clean) => ExitCode::SUCCESS,
        Ok(Verdict::Findings) => ExitCode::from(1),
        Err(refused) => {
            eprintln!("{refused}\n\n{}", chore.usage);
            ExitCode::from(2)
        }
    }
}

/// What `cargo xtask` alone prints.
fn overview() -> String {
    let chores = CHORES.iter().map(|chore| format!("  {:<14}{}\n", chore.name, chore.summary));
    ["usage: cargo xtask CHORE [OPTIONS]\n\n".to_owned()]
        .into_iter()
        .chain(chores)
        .chain(["\n`cargo xtask CHORE --help` shows its options. Exit codes: 0 clean, 1 findings, 2 bad usage or \
                 unreadable input.\n"
            .to_owned()])
        .collect()
}
