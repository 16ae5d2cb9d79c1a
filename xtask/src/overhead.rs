//! `cargo xtask overhead`: what recording costs a cluster, by building it with recording and without.
//!
//! Instructions are counted by callgrind over three cores that are stepped in one thread: the same in every run. Time
//! is measured with threads and synchronized files, the two builds in turn; a busy machine shows in the spread.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::outcome::{Outcome, Refused, Verdict};
use crate::test::output_of;
use crate::workspace;

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask overhead [--rounds N] [--operations N]

  --rounds N       rounds of the measurement in time, each with both builds (default 11)
  --operations N   operations of one such run (default 4000)

Builds the cluster twice; valgrind must be installed. Exit code 1 if a committed operation costs more than 1,000
instructions of recording, or these, at 0.25 ns each, more than 1 % of the processor time of its prepare and commit
path. The measured ratio of the two builds is printed with its spread, and judged by whoever reads it.";

/// Operations of the shorter and of the longer run under callgrind: the difference holds no start-up.
const RUNS: [u64; 2] = [2_000, 12_000];
/// Most instructions of recording that a committed operation may cost, on three replicas together.
const MOST_INSTRUCTIONS: f64 = 1_000.0;
/// Most processor time that recording may add, in parts of the whole.
const MOST_TIME: f64 = 0.01;
/// What an instruction of recording may take, in nanoseconds. The benchmark measures 0.06 (a histogram's 44
/// instructions in 2.7 ns, `docs/speed.md`); four times that leaves room for caches that hold other things.
const INSTRUCTION: f64 = 0.25;

/// The two builds.
struct Builds {
    silent: PathBuf,
    recording: PathBuf,
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
    let builds =
        Builds { silent: build("silent", "--cfg vsr_metrics_silent")?, recording: build("recording", "")? };
    let silent = instructions(&builds.silent)?;
    let recording = instructions(&builds.recording)?;
    let cost = recording - silent;
    println!("instructions of one committed operation on three replicas, by callgrind");
    println!("  without recording {silent:>9.1}");
    println!("  with recording    {recording:>9.1}");
    println!("  recording         {cost:>9.1}   goal: at most {MOST_INSTRUCTIONS}");

    let (mut without, mut with) = (Times::default(), Times::default());
    for round in 0..rounds {
        // Who goes first alternates, so that neither profits from a machine that calms down.
        for is_silent in [round % 2 == 0, round % 2 != 0] {
            let (program, times) =
                if is_silent { (&builds.silent, &mut without) } else { (&builds.recording, &mut with) };
            times.add(program, operations)?;
        }
    }
    let processor = ratios(&with.processor, &without.processor);
    let clock = ratios(&with.clock, &without.clock);
    println!("{rounds} rounds of {operations} operations, three threads, logs synchronized");
    println!("  processor time, with ÷ without   {processor}   goal: at most {}", 1.0 + MOST_TIME);
    println!("  time by the clock, the same      {clock}");
    let nanoseconds = median(&without.processor) / real(operations);
    let bound = cost * INSTRUCTION / nanoseconds;
    println!(
        "  processor time of one operation  {nanoseconds:.0} ns; recording, at {INSTRUCTION} ns an instruction, {:.2} %",
        bound * 100.0
    );
    Ok(Verdict::clean_if(cost <= MOST_INSTRUCTIONS && bound <= MOST_TIME))
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
        let mut command = Command::new("valgrind");
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
    /// One run, on files of its own.
    fn add(&mut self, program: &Path, operations: u64) -> Result<(), String> {
        let directory = workspace::target().join("overhead/disks");
        let clear = || match std::fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
            _ => Ok(()),
        };
        clear()?;
        let mut command = Command::new(program);
        let printed = output_of(command.args(["synced", &operations.to_string()]).arg(&directory))?;
        clear()?;
        let mut numbers = printed.split_whitespace().map(|word| word.parse::<u64>().map(real));
        let mut next =
            || numbers.next().and_then(Result::ok).ok_or_else(|| format!("unexpected `{printed}`"));
        self.processor.push(next()?);
        self.clock.push(next()?);
        Ok(())
    }
}

/// The median of the ratios of each round, and the first and the ninth tenth of them.
fn ratios(with: &[f64], without: &[f64]) -> String {
    let mut ratios: Vec<f64> = with.iter().zip(without).map(|(with, without)| with / without).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |tenth: usize| ratios[(ratios.len() - 1) * tenth / 10];
    format!("{:.3} ({:.3} to {:.3})", at(5), at(1), at(9))
}

fn median(numbers: &[f64]) -> f64 {
    let mut numbers = numbers.to_vec();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}
