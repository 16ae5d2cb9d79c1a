//! The command `scenario`: the full story in the deterministic driver, and a table of what it populated; or a thousand
//! random fault schedules; or a day of virtual time.

use std::time::{Duration, Instant};

use vsr_metrics::Source as _;

use crate::options::ScenarioOptions;
use crate::process::Usage;
use crate::say::say;
use crate::sim::{Ending, Fault, Scenario, World, populated, schedule, story};

/// Runs what is asked for. Tells whether all is well.
///
/// # Errors
/// If nothing can be printed.
pub fn run(options: &ScenarioOptions) -> std::io::Result<bool> {
    if let Some(count) = options.schedules {
        return schedules(options.seed, count);
    }
    match options.length {
        Some(length) => day(options.seed, length),
        None => tell(options.seed, &options.faults),
    }
}

/// Tells the story and prints the table.
fn tell(seed: u64, faults: &[Fault]) -> std::io::Result<bool> {
    let scenario = story(seed, faults);
    let chapters: Vec<&str> = faults.iter().map(|fault| fault.name()).collect();
    say(&format!("seed {seed}: {}", chapters.join(", ")))?;
    let ending = World::new(&scenario).run();
    say(&summary(&ending))?;
    let snapshot = ending.metrics.snapshot();
    let families = populated(&snapshot);
    say(&format!("\n{:<38}{:>9}  {}", "family", "series", "populated by"))?;
    for family in families.iter().filter(|family| family.series > 0) {
        let series = format!("{} of {}", family.series, family.of);
        say(&format!("{:<38}{series:>9}  {}", family.family, family.by))?;
    }
    let (elsewhere, missing): (Vec<_>, Vec<_>) =
        families.iter().filter(|family| family.series == 0).partition(|family| family.is_elsewhere);
    if !elsewhere.is_empty() {
        say("\nnot populated here:")?;
    }
    for family in elsewhere {
        say(&format!("{:<38}{}", family.family, family.by))?;
    }
    let is_whole = faults.len() == Fault::ALL.len();
    for family in &missing {
        say(&format!("{}: `{}`", if is_whole { "MISSING" } else { "not in these chapters" }, family.family))?;
    }
    Ok(ending.findings.is_empty() && (missing.is_empty() || !is_whole))
}

/// Runs random fault schedules, one after the other.
fn schedules(seed: u64, count: u64) -> std::io::Result<bool> {
    let began = Instant::now();
    let (mut failed, mut operations, mut compared) = (0, 0, 0);
    let mut virtual_time = Duration::ZERO;
    for seed in seed..seed + count {
        let ending = World::new(&schedule(seed)).run();
        (operations, compared) = (operations + ending.operations, compared + ending.compared);
        virtual_time += ending.took;
        if !ending.findings.is_empty() {
            failed += 1;
            say(&format!("seed {seed}: {}", ending.findings.join("\n  ")))?;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    say(&format!(
        "{count} schedules, {failed} failed; {operations} operations in {} s of virtual time, {compared} numbers of \
         the metrics compared, {seconds:.1} s",
        virtual_time.as_secs()
    ))?;
    Ok(failed == 0)
}

/// A long quiet time with a fault now and then, and what it takes: nothing may grow with it.
fn day(seed: u64, length: Duration) -> std::io::Result<bool> {
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
    let ending = World::new(&scenario)
        .on_scrape(Duration::from_secs(15), |scrape| {
            if early.is_none() && scrape.at >= warm {
                early = Usage::now();
            }
        })
        .run();
    let late = Usage::now();
    say(&summary(&ending))?;
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

fn summary(ending: &Ending) -> String {
    let Ending { operations, view, compared, took, events, digest, disk_bytes, .. } = ending;
    let mut lines = vec![format!(
        "{operations} operations, view {view}, {events} events, {:.1} s of virtual time, {disk_bytes} bytes on disks, \
         digest {digest:08x}\n{compared} numbers of the metrics compared with a count of their own",
        took.as_secs_f64()
    )];
    lines.extend(ending.findings.iter().map(|finding| format!("finding: {finding}")));
    lines.push(if ending.findings.is_empty() { "all is well".to_owned() } else { "FAILED".to_owned() });
    lines.join("\n")
}
