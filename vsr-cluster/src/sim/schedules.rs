//! Random fault schedules: everything that can go wrong, at random times.

use std::time::Duration;

use vsr_metrics::ByzantineReason;

use super::adversary::Forgery;
use super::network::Weather;
use super::random::Random;
use super::scenario::{Action, DiskFailure, Rot, Scenario, Target};
use crate::configuration::ReplicaSet;
use crate::replica::Tuning;

/// The schedule of a seed: a few seconds of a cluster of three or five replicas, with a fault every fifth of a second
/// or so. What it may not do is damage the logs of two replicas: that is more than the protocol promises to bear.
/// Every other seed has limits of its own as well.
pub fn schedule(seed: u64) -> Scenario {
    let random = &mut Random::new(seed ^ 0x11_3175);
    let usual = schedule_with_usual_limits(seed);
    if random.per_mille(500) { usual } else { Scenario { tuning: limits(random, &usual.tuning), ..usual } }
}

/// Limits that a cluster may have, far apart and tight for the most part.
fn limits(random: &mut Random, usual: &Tuning) -> Tuning {
    let checkpoint_every = 8 << random.below(6);
    Tuning {
        max_in_flight: 1 << random.below(7),
        max_waiting: 1 << random.below(7),
        max_sessions: 8 << random.below(3),
        checkpoint_every,
        keep_entries: random.below(2 * checkpoint_every),
        repair_credits: 1 << random.below(7),
        repair_batch: 1 << random.below(6),
        scrub_batch: 1 << random.below(8),
        ..*usual
    }
}

/// The same faults with the limits that every other seed has.
pub fn schedule_with_usual_limits(seed: u64) -> Scenario {
    let random = &mut Random::new(seed ^ 0x5eed);
    let members = if random.per_mille(700) { 3 } else { 5 };
    let mut scenario = Scenario::quiet(seed, Duration::from_secs(5));
    scenario.members = members;
    scenario.load.clients = 1 + random.index(6);
    scenario.load.pause = Duration::from_millis(1 + random.below(30));
    if random.per_mille(500) {
        scenario.weather = Weather::foul();
    }
    if random.per_mille(300) {
        scenario.tuning.checkpoint_every = 32;
        scenario.tuning.keep_entries = 32;
    }
    // The one whose disk may rot.
    let rotten = random.index(members);
    let mut at = Duration::from_millis(200);
    while at < scenario.length {
        let action = fault(random, members, rotten);
        scenario = scenario.at(at, action);
        at = random.between(at, at + Duration::from_millis(400));
    }
    scenario
}

fn fault(random: &mut Random, members: usize, rotten: usize) -> Action {
    let target = match random.below(4) {
        0 => Target::Primary,
        1 => Target::Backup,
        _ => Target::Replica(random.index(members)),
    };
    match random.below(18) {
        0..=2 => Action::Crash(target),
        3..=5 => Action::RestartAll,
        6 => Action::Isolate(target),
        7 => Action::Partition(ReplicaSet::from_bits(random.below(1 << members))),
        8 | 9 => Action::Heal,
        10 => Action::Weather(if random.per_mille(500) { Weather::foul() } else { Weather::fair() }),
        11 => Action::SlowDisk(target, Duration::from_micros(100 << random.below(12))),
        12 => Action::Rot(Target::Replica(rotten), Rot::Log(random.below(200))),
        13 => Action::Abdicate,
        14 => Action::Forge(target, Forgery(ByzantineReason::ALL[random.index(ByzantineReason::ALL.len())])),
        15 => Action::FailDisk(
            target,
            match random.below(4) {
                0 => DiskFailure::Write,
                1 => DiskFailure::TornWrite(random.index(200)),
                2 => DiskFailure::Sync,
                _ => DiskFailure::Full,
            },
        ),
        16 => Action::FailDisk(target, DiskFailure::Freed),
        _ => match random.below(3) {
            0 => Action::Rot(target, Rot::Superblock(random.below(4))),
            1 => Action::Skew(target, 900),
            _ => Action::Repeat,
        },
    }
}
