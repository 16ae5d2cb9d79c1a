//! The command `scenario`: the full story in the deterministic driver, and a table of what it populated; or a thousand
//! random fault schedules; or a day of virtual time.

use std::error::Error;
use std::time::{Duration, Instant};

use vsr_metrics::Source as _;

use crate::options::ScenarioOptions;
use crate::process::Usage;
use crate::say::{Progress, Signals, say, tell};
use crate::sim::{Ending, Fault, Scenario, World, begun, populated, schedule, story};

/// Runs what is asked for, until a signal comes. Tells whether all is well, as far as it came.
///
/// # Errors
/// If nothing can be printed, or signals cannot be taken.
pub fn run(options: &ScenarioOptions) -> Result<bool, Box<dyn Error>> {
    let signals = Signals::new()?;
    if let Some(count) = options.schedules {
        return schedules(options.seed, count, &signals);
    }
    match options.length {
        Some(length) => Ok(day(options.seed, length, &signals)?),
        None => Ok(tale(options.seed, &options.faults, &signals)?),
    }
}

/// Tells the story and prints the table.
fn tale(seed: u64, faults: &[Fault], signals: &Signals) -> std::io::Result<bool> {
    let scenario = story(seed, faults);
    say(&format!("seed {seed}: {}", names(faults)))?;
    let ending = World::new(&scenario).until(|| signals.wait(Duration::ZERO)).run();
    if let Some(at) = ending.stopped_at {
        let told = &faults[..begun(faults, at)];
        let all = faults.len();
        say(&format!("begun before it was stopped, {} of {all}: {}", told.len(), names(told)))?;
    }
    say(&summary(&ending, scenario.length))?;
    let snapshot = ending.metrics.snapshot();
    let families = populated(&snapshot, &ending.by_family);
    say(&format!("\n{:<38}{:>9}{:>10}  {}", "family", "series", "compared", "populated by"))?;
    for family in families.iter().filter(|family| family.series > 0) {
        let series = format!("{} of {}", family.series, family.of);
        say(&format!("{:<38}{series:>9}{:>10}  {}", family.family, family.compared, family.by))?;
    }
    let (elsewhere, missing): (Vec<_>, Vec<_>) =
        families.iter().filter(|family| family.series == 0).partition(|family| family.is_elsewhere);
    if !elsewhere.is_empty() {
        say("\nnot populated here:")?;
    }
    for family in elsewhere {
        say(&format!("{:<38}{}", family.family, family.by))?;
    }
    let is_whole = faults.len() == Fault::ALL.len() && ending.stopped_at.is_none();
    let why = match ending.stopped_at {
        Some(_) => "not before it was stopped",
        None if is_whole => "MISSING",
        None => "not in these chapters",
    };
    for family in &missing {
        say(&format!("{why}: `{}`", family.family))?;
    }
    Ok(ending.findings.is_empty() && (missing.is_empty() || !is_whole))
}

fn names(faults: &[Fault]) -> String {
    let names: Vec<&str> = faults.iter().map(|fault| fault.name()).collect();
    names.join(", ")
}

/// Runs random fault schedules, one after the other, until a signal comes.
fn schedules(seed: u64, count: u64, signals: &Signals) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    let (mut ran, mut failed, mut operations, mut compared) = (0, 0, 0, 0);
    let mut virtual_time = Duration::ZERO;
    let mut progress = Progress::new();
    for seed in (0..count).map(|further| seed.wrapping_add(further)) {
        if signals.wait(Duration::ZERO) {
            progress.end();
            tell("ended early, by a signal");
            break;
        }
        progress.show(|| format!("{ran} of {count} schedules · {failed} failed · next is seed {seed}"));
        ran += 1;
        let ending = World::new(&schedule(seed)).run();
        (operations, compared) =
            (operations + ending.operations, compared + ending.compared + ending.inspected);
        virtual_time += ending.took;
        if !ending.findings.is_empty() {
            failed += 1;
            say(&format!("seed {seed}: {}", ending.findings.join("\n  ")))?;
        }
    }
    progress.end();
    let seconds = began.elapsed().as_secs_f64();
    say(&format!(
        "{ran} schedules, {failed} failed; {operations} operations in {} s of virtual time, {compared} numbers of \
         the metrics compared, {seconds:.1} s",
        virtual_time.as_secs()
    ))?;
    Ok(failed == 0)
}

/// A long quiet time with a fault now and then, and what it takes: nothing may grow with it.
fn day(seed: u64, length: Duration, signals: &Signals) -> std::io::Result<bool> {
    let mut scenario = Scenario::quiet(seed, length);
    scenario.load.pause = Duration::from_millis(400);
    for (hour, fault) in (0..).zip(Fault::ALL.iter().cycle()) {
        let at = Duration::from_secs(600 + 3600 * hour);
        if at + Duration::from_secs(60) > length {
            break;
        }
        let chapter = story(seed, &[*fault]);
        scenario.standbys = chapter.standbys;
        for step in chapter.steps {
            scenario = scenario.at(at + step.at, step.action);
        }
    }
    let began = Instant::now();
    let mut early = None;
    let warm = length / 10;
    let mut progress = Progress::new();
    let ending = World::new(&scenario)
        .on_scrape(Duration::from_secs(15), |scrape| {
            progress.show(|| {
                let (now, end, real) = (scrape.at.as_secs(), length.as_secs(), began.elapsed().as_secs());
                format!("{now} of {end} s of virtual time · {real} s of real time")
            });
            if early.is_none() && scrape.at >= warm {
                early = Usage::now();
            }
        })
        .until(|| signals.wait(Duration::ZERO))
        .run();
    let late = Usage::now();
    progress.end();
    say(&summary(&ending, length))?;
    let mut is_well = ending.findings.is_empty();
    if let Some((early, late)) = early.zip(late) {
        say(&format!("after a tenth  {early}\nat the end     {late}"))?;
        for finding in late.growth_since(early) {
            is_well = false;
            say(&format!("finding        {finding}"))?;
        }
    }
    say(&format!("{:.1} s of real time", began.elapsed().as_secs_f64()))?;
    Ok(is_well)
}

/// What came of a simulation that was to take so long.
fn summary(ending: &Ending, length: Duration) -> String {
    let Ending { operations, view, compared, inspected, took, events, digest, disk_bytes, .. } = ending;
    let stopped = ending.stopped_at.map(|at| {
        let (at, length) = (at.as_secs_f64(), length.as_secs_f64());
        format!("stopped by a signal, after {at:.1} of {length:.1} s of virtual time")
    });
    let mut lines: Vec<String> = stopped.into_iter().collect();
    lines.push(format!(
        "{operations} operations, view {view}, {events} events, {:.1} s of virtual time, {disk_bytes} bytes on disks, \
         digest {digest:08x}\n{compared} totals of the metrics and {inspected} values of gauges compared with a \
         count of their own",
        took.as_secs_f64()
    ));
    lines.extend(ending.findings.iter().map(|finding| format!("finding: {finding}")));
    lines.push(if ending.findings.is_empty() { "all is well".to_owned() } else { "FAILED".to_owned() });
    lines.join("\n")
}
