//! Many seeds: whatever happens, replicas agree, nothing acknowledged is lost, and the metrics say what happened.

use std::time::Duration;

use vsr_cluster::replica::Tuning;
use vsr_cluster::sim::{Fault, Scenario, World, schedule, schedule_with_usual_limits, story};

/// Runs scenarios on both halves of the seeds at once.
fn all_are_well(seeds: std::ops::Range<u64>, scenario: impl Fn(u64) -> Scenario + Sync) {
    let middle = seeds.start + (seeds.end - seeds.start) / 2;
    std::thread::scope(|scope| {
        for seeds in [seeds.start..middle, middle..seeds.end] {
            let scenario = &scenario;
            scope.spawn(move || {
                for seed in seeds {
                    let ending = World::new(&scenario(seed)).run();
                    assert!(ending.findings.is_empty(), "seed {seed}: {:#?}", ending.findings);
                }
            });
        }
    });
}

#[test]
fn a_hundred_seeds_of_the_story_are_safe_and_counted_exactly() {
    // A chapter a seed, so that each comes up more than eight times.
    all_are_well(0..100, |seed| {
        let place = usize::try_from(seed).unwrap_or(0) % Fault::ALL.len();
        story(seed, &[Fault::ALL[place]])
    });
}

#[test]
fn the_whole_story_is_safe_and_counted_exactly() {
    all_are_well(0..2, |seed| story(seed, &Fault::ALL));
}

#[test]
fn random_fault_schedules_are_safe() {
    all_are_well(0..100, schedule);
}

#[test]
fn schedules_that_failed_once_are_safe() {
    // Headers of segments that a crash tore, and a primary that was asked for what it had executed.
    for seed in [500_026, 500_514, 501_631, 502_592] {
        all_are_well(seed..seed + 1, schedule_with_usual_limits);
    }
}

#[test]
fn schedules_with_limits_that_failed_once_are_safe() {
    // A primary whose heartbeats were held back by a slow disk looked after its standbys, and the observer did not expect it.
    let tight = |scenario: Scenario| {
        let tuning = Tuning { max_in_flight: 1, keep_entries: 0, checkpoint_every: 8, ..scenario.tuning };
        Scenario { tuning: Tuning { repair_batch: 1, ..tuning }, ..scenario }
    };
    all_are_well(377..378, |seed| tight(schedule_with_usual_limits(seed)));
    // What once never ended a recovery.
    let shorter = |scenario: Scenario| {
        let tuning = Tuning { max_in_flight: 8, keep_entries: 16, checkpoint_every: 64, ..scenario.tuning };
        Scenario { tuning: Tuning { repair_batch: 32, ..tuning }, ..scenario }
    };
    for seed in [1, 11] {
        all_are_well(seed..seed + 1, |seed| shorter(schedule_with_usual_limits(seed)));
    }
}

#[test]
fn the_log_and_the_state_do_not_grow_with_time() {
    let quiet = |length| {
        let ending = World::new(&Scenario::quiet(3, Duration::from_secs(length))).run();
        assert!(ending.findings.is_empty(), "{:#?}", ending.findings);
        (ending.disk_bytes, ending.operations)
    };
    let (early, few) = quiet(20);
    let (late, many) = quiet(100);
    assert!(many > 4 * few);
    assert!(late < 2 * early, "{early} bytes after {few} operations, {late} after {many}");
}
