//! `cargo xtask test`: everything there is to check, step by step, to the end.

mod build;
mod features;
mod hardening;
mod step;

use std::ffi::OsString;
use std::io::Write as _;
use std::time::Instant;

use crate::judges;
use crate::outcome::{Outcome, Refused, Verdict};
use step::Scope;
pub use step::{End, Step, output_of};

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask test [--fast] [--only TEXT]

  --fast        only what needs no installed program: no nightly toolchain, no Prometheus, no Python
  --only TEXT   only steps whose name contains the text

What cannot run here is left out and listed with the way to get it; with CI=true it is a failure.";

/// How each step ended.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<&'static str>,
    left_out: Vec<(&'static str, String)>,
}

/// Runs every step, also after failures.
pub fn run(arguments: &[OsString]) -> Outcome {
    let (mut is_fast, mut only) = (false, String::new());
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("fast") => is_fast = true,
            lexopt::Arg::Long("only") => only = parser.value()?.to_string_lossy().into_owned(),
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    let must_not_leave_out = std::env::var_os("CI").is_some_and(|value| value == "true");
    let tables = [build::STEPS, features::STEPS, hardening::STEPS, judges::STEPS];
    let is_asked_for =
        |step: &&Step| (!is_fast || step.scope == Scope::Fast) && step.name.contains(only.as_str());
    let steps: Vec<&Step> = tables.into_iter().flatten().filter(is_asked_for).collect();
    if steps.is_empty() {
        return Err(Refused::new(format!("no step is called `{only}`")));
    }

    let begin = Instant::now();
    let mut tally = Tally::default();
    for step in steps {
        tally.run(step);
    }
    Ok(tally.summarize(begin, must_not_leave_out))
}

impl Tally {
    /// Runs one step and says how it ended; what it printed is shown only if it failed.
    fn run(&mut self, step: &Step) {
        print!("{:<58}", step.name);
        // The name of a long step should be there while it runs; a closed pipe is noticed by the next line.
        let _ = std::io::stdout().flush();
        let begin = Instant::now();
        let end = (step.run)();
        let seconds = begin.elapsed().as_secs_f64();
        match end {
            End::Passed => {
                println!("ok       {seconds:>6.1} s");
                self.passed += 1;
            }
            End::Failed(output) => {
                println!("FAILED   {seconds:>6.1} s");
                println!("{}\n", output.trim_end());
                self.failed.push(step.name);
            }
            End::LeftOut(remedy) => {
                println!("left out {seconds:>6.1} s");
                self.left_out.push((step.name, remedy));
            }
        }
    }

    /// Prints what failed, what was left out and how to get it, and the counts on a line of their own.
    fn summarize(mut self, begin: Instant, must_not_leave_out: bool) -> Verdict {
        println!("\n{:.0} s in all", begin.elapsed().as_secs_f64());
        for (name, remedy) in &self.left_out {
            println!("left out: {name}: {remedy}");
        }
        if must_not_leave_out {
            self.failed.extend(self.left_out.iter().map(|(name, _)| *name));
        }
        for name in &self.failed {
            println!("failed: {name}");
        }
        println!("{} passed, {} failed", self.passed, self.failed.len());
        Verdict::clean_if(self.failed.is_empty())
    }
}
