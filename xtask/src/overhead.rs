//! `cargo xtask overhead`: what recording costs a cluster, by building it with recording and without.
//!
//! Instructions are counted by callgrind over three cores that are stepped in one thread: the same in every run. The
//! same run, at its own speed, tells what recording takes of the processor. A cluster with threads and synchronized
//! files tells what that is a part of: its own times, the two builds in turn, are a hundred times as much as what
//! recording adds, and differ by more than that from run to run, so their ratio is printed with its spread and not
//! judged.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::judges::tools;
use crate::outcome::{Outcome, Refused, Verdict};
use crate::test::output_of;
use crate::workspace;

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask overhead [--rounds N] [--operations N]

  --rounds N       rounds of the measurement in time, each with both builds (default 11)
  --operations N   operations of one such run (default 4000)

Builds the cluster with recording, without, and without traces; valgrind must be installed. Exit code 1 if a committed
operation costs more than 1,000 instructions of recording, or more than 100 of traces that are switched off, or if what
recording adds to the processor time of three replicas stepped in one thread is more than 1 % of what an operation costs
a cluster with threads and synchronized files. The ratio of that cluster's own times is printed with its spread, and
judged by whoever reads it.";

/// Operations of the shorter and of the longer run under callgrind: the difference holds no start-up.
const RUNS: [u64; 2] = [2_000, 12_000];
/// Most instructions of recording that a committed operation may cost, on three replicas together.
const MOST_INSTRUCTIONS: f64 = 1_000.0;
/// Most processor time that recording may add, in parts of the whole.
const MOST_TIME: f64 = 0.01;
/// Operations of a run that is stepped at its own speed: some tenths of a second.
const STEPPED: u64 = 200_000;

/// Most instructions of traces that are switched off, on three replicas together. They are asked five times whether they
/// are on, which is a load, a comparison and a branch each time; but without them the compiler makes the functions
/// around in another way, and that has been worth 37 instructions more as well as 125 fewer.
const MOST_OF_TRACES: f64 = 100.0;

/// The builds.
struct Builds {
    silent: PathBuf,
    recording: PathBuf,
    untraced: PathBuf,
}

/// What runs in time took, in nanoseconds.
#[derive(Default)]
struct Times {
    processor: Vec<f64>,
    clock: Vec<f64>,
}

/// Builds, measures and prints.
pub fn run(arguments: &[OsString]) -> Outcome {
    let (mut rounds, mut operations) = (11_usize, 4_000_u64);
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        let number =
            |value: OsString| value.to_str().and_then(|text| text.parse::<u64>().ok()).filter(|n| *n > 0);
        match argument {
            lexopt::Arg::Long("rounds") => {
                let value =
                    number(parser.value()?).ok_or_else(|| Refused::new("`--rounds` expects a number"))?;
                rounds = usize::try_from(value).unwrap_or(usize::MAX);
            }
            lexopt::Arg::Long("operations") => {
                operations =
                    number(parser.value()?).ok_or_else(|| Refused::new("`--operations` expects a number"))?;
            }
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    measure(rounds, operations).map_err(Refused::new)
}

fn measure(rounds: usize, operations: u64) -> Result<Verdict, String> {
    let builds = Builds {
        silent: build("silent", "--cfg vsr_metrics_silent")?,
        recording: build("recording", "")?,
        untraced: build("untraced", "--cfg vsr_metrics_untraced")?,
    };
    let silent = instructions(&builds.silent)?;
    let recording = instructions(&builds.recording)?;
    let cost = recording - silent;
    println!("instructions of one committed operation on three replicas, by callgrind");
    println!("  without recording {silent:>9.1}");
    println!("  with recording    {recording:>9.1}");
    println!("  recording         {cost:>9.1}   goal: at most {MOST_INSTRUCTIONS}");
    let traces = recording - instructions(&builds.untraced)?;
    println!("  traces, off       {traces:>9.1}   goal: at most {MOST_OF_TRACES}");

    let steps = Rounds::run(&builds, rounds, |program| times(program, &["stepped", &STEPPED.to_string()]))?;
    let added = steps.with.processor.iter().zip(&steps.without.processor);
    let added = Spread::of(added.map(|(with, without)| (with - without) / real(STEPPED)).collect());
    println!(
        "{rounds} rounds of {STEPPED} operations, three replicas stepped in one thread, disks that keep nothing"
    );
    println!("  processor time of recording, ns  {added:.0}");

    let disks = workspace::target().join("overhead/disks");
    let rounds = Rounds::run(&builds, rounds, |program| {
        let directory = disks.to_string_lossy();
        clear(&disks)?;
        let times = times(program, &["synced", &operations.to_string(), &directory])?;
        clear(&disks)?;
        Ok(times)
    })?;
    let whole = Spread::of(rounds.without.processor.iter().map(|time| time / real(operations)).collect());
    println!(
        "{} rounds of {operations} operations, three threads, logs synchronized",
        rounds.with.clock.len()
    );
    println!("  processor time, with ÷ without   {:.3}", rounds.ratio(|times| &times.processor));
    println!("  time by the clock, the same      {:.3}", rounds.ratio(|times| &times.clock));
    println!("  processor time without, ns       {whole:.0}");
    let part = added.median / whole.median;
    let (percent, goal) = (part * 100.0, MOST_TIME * 100.0);
    println!("recording is {percent:.2} % of the processor time of an operation   goal: at most {goal} %");
    Ok(Verdict::clean_if(cost <= MOST_INSTRUCTIONS && traces <= MOST_OF_TRACES && part <= MOST_TIME))
}

/// Builds the program that is measured, in a build directory of its own: flags of the compiler differ.
fn build(name: &str, flags: &str) -> Result<PathBuf, String> {
    eprintln!("building the cluster: {name}");
    let target = workspace::target().join("overhead").join(name);
    let mut command = workspace::cargo(["build", "--release", "--quiet", "--package", "vsr-cluster"]);
    command.args(["--example", "committed", "--target-dir"]).arg(&target).env("RUSTFLAGS", flags);
    output_of(&mut command)?;
    Ok(target.join("release/examples/committed"))
}

/// Instructions of one operation.
fn instructions(program: &Path) -> Result<f64, String> {
    let collected = |operations: u64| {
        let mut command = tools::valgrind()?;
        // Not before `main`: a clock may be calibrated there, for as long as it takes.
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*stepped*"]);
        command.arg(program);
        let output = command
            .args(["stepped", &operations.to_string()])
            .output()
            .map_err(|error| format!("`valgrind` cannot be started: {error}"))?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let count =
            told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse::<u64>().ok());
        count.filter(|_| output.status.success()).ok_or(told)
    };
    let [short, long] = [collected(RUNS[0])?, collected(RUNS[1])?];
    Ok((real(long) - real(short)) / real(RUNS[1] - RUNS[0]))
}

impl Times {
    fn add(&mut self, (processor, clock): (f64, f64)) {
        self.processor.push(processor);
        self.clock.push(clock);
    }
}

/// Runs of the two builds.
#[derive(Default)]
struct Rounds {
    without: Times,
    with: Times,
}

impl Rounds {
    /// Who goes first alternates, so that neither profits from a machine that calms down.
    fn run(
        builds: &Builds,
        rounds: usize,
        times: impl Fn(&Path) -> Result<(f64, f64), String>,
    ) -> Result<Self, String> {
        let mut all = Self::default();
        for round in 0..rounds {
            for is_silent in [round % 2 == 0, round % 2 != 0] {
                if is_silent {
                    all.without.add(times(&builds.silent)?);
                } else {
                    all.with.add(times(&builds.recording)?);
                }
            }
        }
        Ok(all)
    }

    fn ratio(&self, which: impl Fn(&Times) -> &Vec<f64>) -> Spread {
        let rounds = which(&self.with).iter().zip(which(&self.without));
        Spread::of(rounds.map(|(with, without)| with / without).collect())
    }
}

/// What one run of the program took.
fn times(program: &Path, arguments: &[&str]) -> Result<(f64, f64), String> {
    let printed = output_of(Command::new(program).args(arguments))?;
    let numbers: Vec<u64> = printed.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [processor, clock] => Ok((real(processor), real(clock))),
        _ => Err(format!("unexpected `{printed}`")),
    }
}

fn clear(directory: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// The median of some numbers, and how far from it the others are.
struct Spread {
    median: f64,
    /// The first and the ninth tenth.
    tenths: [f64; 2],
}

impl Spread {
    fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_by(f64::total_cmp);
        let at = |tenth: usize| numbers[(numbers.len() - 1) * tenth / 10];
        Self { median: at(5), tenths: [at(1), at(9)] }
    }
}

/// With the decimals that the caller asks for.
impl fmt::Display for Spread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, [first, ninth]) = (formatter.precision().unwrap_or(3), self.tenths);
        write!(formatter, "{:.digits$} ({first:.digits$} to {ninth:.digits$})", self.median)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}
