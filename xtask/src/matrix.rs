//! `cargo xtask matrix`: tries faults on the cluster in virtual time, has Prometheus' rule engine evaluate the
//! generated rules on what a scraper would have got, and compares the alerts with those that are expected.

mod expected;
mod observed;
mod promtool;
mod scrapes;
mod trial;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use vsr_metrics_catalog::Catalog;

use crate::catalog;
use crate::judges::{scratch, tools};
use crate::outcome::{Outcome, Refused, Verdict};
use crate::test::{End, output_of};
use crate::workspace;
pub use observed::read;
use promtool::Rules;
use trial::{Alerts, Trial};

/// How it is called.
pub const USAGE: &str = "usage: cargo xtask matrix [--fault NAME] [--write] [--keep]

  --fault NAME   only this one
  --write        keep what was seen in docs/alerts/fault-matrix.json, which `cargo xtask gen` renders in the playbook
  --keep         leave the input of promtool in target/judges/matrix-all, or matrix-NAME

Exit code 1 if an alert fires that should not, does not fire or not in time, or has not cleared in the end, or if
what was seen is not what the file says.";

/// Trials that run at the same time.
const AT_ONCE: usize = 2;

/// What is asked for.
#[derive(Default)]
struct Options {
    only: Option<String>,
    writes: bool,
    keeps: bool,
}

/// Tries the faults and prints what their alerts did.
pub fn run(arguments: &[OsString]) -> Outcome {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("fault") => {
                options.only = Some(parser.value()?.to_string_lossy().into_owned());
            }
            lexopt::Arg::Long("write") => options.writes = true,
            lexopt::Arg::Long("keep") => options.keeps = true,
            other => return Err(Refused::from(other.unexpected())),
        }
    }
    if options.writes && options.only.is_some() {
        return Err(Refused::new("`--write` needs all faults, and `--fault` tries one"));
    }
    let program = tools::promtool().map_err(Refused::new)?;
    let (seen, findings) = judge(&program, &options).map_err(Refused::new)?;
    for finding in &findings {
        println!("{finding}");
    }
    let firings: usize = seen.iter().map(|alerts| alerts.firings.len()).sum();
    println!("{} trials, {firings} alerts fired, {} findings", seen.len(), findings.len());
    Ok(Verdict::clean_if(findings.is_empty()))
}

/// The same as a step of the tests.
pub fn step() -> End {
    match tools::promtool() {
        Ok(program) => match judge(&program, &Options::default()) {
            Ok((_, findings)) => End::from_findings(&findings),
            Err(error) => End::Failed(error),
        },
        Err(remedy) => End::LeftOut(remedy),
    }
}

/// Tries the faults; what was seen, and what is wrong with it.
fn judge(program: &Path, options: &Options) -> Result<(Vec<Alerts>, Vec<String>), String> {
    let (path, _) = catalog::COMMITTED[0];
    let compiled = catalog::read(Path::new(path)).map_err(|refused| refused.to_string())?;
    if compiled.diagnostics.has_errors() {
        return Err(compiled.diagnostics.render_all(&compiled.source));
    }
    let rules = Rules::of(&compiled.catalog)?;
    let trials = trials(options.only.as_deref())?;
    // One fault is often tried while all are.
    let directory = scratch(&format!("matrix-{}", options.only.as_deref().unwrap_or("all")))?;
    let seen = run_all(&trials, |trial| trial.run(&directory, &rules, program))?;
    let mut findings: Vec<String> = seen.iter().flat_map(expected::compare).collect();
    if options.only.is_none() {
        findings.extend(uncovered(&compiled.catalog, &seen));
        if options.writes && findings.is_empty() {
            observed::write(&seen)?;
        } else {
            findings.extend(observed::compare(&seen));
        }
    }
    if !options.keeps && findings.is_empty() {
        fs::remove_dir_all(&directory).map_err(|error| format!("`{}`: {error}", directory.display()))?;
    }
    Ok((seen, findings))
}

/// Which faults there are, as the cluster says.
fn trials(only: Option<&str>) -> Result<Vec<Trial>, String> {
    eprintln!("building vsr-cluster");
    workspace::program("vsr-cluster")?;
    let list = output_of(trial::cluster().arg("--list"))?;
    let all = list.lines().map(Trial::read).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = all.iter().map(|trial| trial.name.clone()).collect();
    let chosen: Vec<Trial> =
        all.into_iter().filter(|trial| only.is_none_or(|only| trial.name == only)).collect();
    if chosen.is_empty() {
        let only = only.unwrap_or_default();
        return Err(format!("no fault is called `{only}`, expected one of {}", names.join(", ")));
    }
    Ok(chosen)
}

/// Runs all trials, a few at once and the longest first, and tells of each on the standard error.
fn run_all(
    trials: &[Trial],
    run: impl Fn(&Trial) -> Result<Alerts, String> + Sync,
) -> Result<Vec<Alerts>, String> {
    let mut order: Vec<usize> = (0..trials.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(trials[*place].length));
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(place) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = std::time::Instant::now();
                    let result = run(&trials[*place]);
                    let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    done.push((*place, result));
                    let seconds = began.elapsed().as_secs_f64();
                    eprintln!("{:>3} of {} {} {seconds:.1} s", done.len(), trials.len(), trials[*place].name);
                    if let Some((_, Ok(alerts))) = done.last() {
                        eprint!("{}", alerts.table());
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Alerts that no fault makes fire and nobody excused, and excuses that are none.
fn uncovered(catalog: &Catalog, seen: &[Alerts]) -> Vec<String> {
    let fired: BTreeSet<&str> =
        seen.iter().flat_map(|alerts| &alerts.firings).map(|firing| firing.alert.as_str()).collect();
    let mut findings = Vec::new();
    for alert in &catalog.alerts {
        let name = alert.name.as_str();
        let is_excused = expected::UNTRIED.iter().any(|(excused, _)| *excused == name);
        match (fired.contains(name), is_excused) {
            (false, false) => findings.push(format!("no fault makes `{name}` fire, and nobody says why")),
            (true, true) => findings.push(format!("`{name}` fires, and is said not to be tried")),
            _ => {}
        }
    }
    let tried = |fault: &&str| seen.iter().any(|alerts| alerts.fault == *fault);
    let gone = expected::faults().filter(|fault| !tried(fault));
    findings.extend(gone.map(|fault| format!("nobody tries `{fault}`, and alerts are expected of it")));
    let known = |name: &str| catalog.alerts.iter().any(|alert| alert.name == name);
    let unknown = expected::names().filter(|name| !known(name));
    findings.extend(unknown.map(|name| format!("no alert is called `{name}`, and it is expected")));
    findings
}
