//! The full story: one scenario in which everything happens that the catalog has a number for.

use std::fmt;
use std::time::Duration;

use vsr_metrics::ByzantineReason;

use super::adversary::Forgery;
use super::network::Weather;
use super::scenario::{Action, DiskFailure, Rot, Scenario, Target};
use crate::configuration::{ReplicaSet, Version};

/// A chapter of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The primary steps down while a backup does not listen.
    Abdication,
    /// The primary crashes and returns.
    Crash,
    /// A backup is down for so long that it needs a state.
    Absence,
    /// Frames are late, lost, doubled and damaged.
    Weather,
    /// Entries and a superblock rot on disks.
    Rot,
    /// A disk becomes slow.
    SlowDisk,
    /// Disks fail to write, and one is full.
    DiskFailure,
    /// More clients come than there are sessions, and one repeats itself.
    Sessions,
    /// A clock is wrong.
    Clock,
    /// Messages arrive that no honest replica sends.
    Forgery,
    /// A standby takes the place of a member.
    Promotion,
    /// One replica after the other gets other software.
    Upgrade,
    /// The network falls apart, and no side can do anything.
    Partition,
}

/// When the first chapter begins, and the rest after each, in milliseconds.
const BEGIN: u64 = 1000;
const REST: u64 = 600;

impl Fault {
    /// All chapters, in their order.
    pub const ALL: [Self; 13] = [
        Self::Abdication,
        Self::Crash,
        Self::Absence,
        Self::Weather,
        Self::Rot,
        Self::SlowDisk,
        Self::DiskFailure,
        Self::Sessions,
        Self::Clock,
        Self::Forgery,
        Self::Partition,
        Self::Promotion,
        Self::Upgrade,
    ];

    /// The name under which it can be asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Abdication => "abdication",
            Self::Crash => "crash",
            Self::Absence => "absence",
            Self::Weather => "weather",
            Self::Rot => "rot",
            Self::SlowDisk => "slow-disk",
            Self::DiskFailure => "disk-failure",
            Self::Sessions => "sessions",
            Self::Clock => "clock",
            Self::Forgery => "forgery",
            Self::Promotion => "promotion",
            Self::Upgrade => "upgrade",
            Self::Partition => "partition",
        }
    }

    /// How long the chapter takes, in milliseconds.
    fn length(self) -> u64 {
        match self {
            Self::Abdication => 1200,
            Self::Crash | Self::Partition => 2500,
            Self::Absence => 3500,
            Self::Weather | Self::Rot | Self::Forgery | Self::DiskFailure => 3000,
            Self::SlowDisk | Self::Sessions | Self::Clock | Self::Promotion => 2000,
            Self::Upgrade => 4000,
        }
    }

    /// What happens in it, each so many milliseconds after its beginning.
    fn actions(self) -> Vec<(u64, Action)> {
        let members = |bits| ReplicaSet::from_bits(bits);
        match self {
            Self::Abdication => {
                vec![(0, Action::Isolate(Target::LastBackup)), (50, Action::Abdicate), (300, Action::Heal)]
            }
            Self::Crash => vec![(0, Action::Crash(Target::Primary)), (1500, Action::RestartAll)],
            Self::Absence => vec![(0, Action::Crash(Target::LastBackup)), (2500, Action::RestartAll)],
            Self::Weather => {
                vec![(0, Action::Weather(Weather::foul())), (2500, Action::Weather(Weather::fair()))]
            }
            Self::Rot => vec![
                (0, Action::Rot(Target::Backup, Rot::Log(40))),
                (10, Action::Rot(Target::Backup, Rot::Log(90))),
                (900, Action::Rot(Target::LastBackup, Rot::Log(3))),
                (901, Action::Rot(Target::LastBackup, Rot::Superblock(1))),
                (902, Action::Crash(Target::LastBackup)),
                (1100, Action::RestartAll),
            ],
            Self::SlowDisk => vec![
                (0, Action::SlowDisk(Target::Primary, Duration::from_millis(1500))),
                (1400, Action::SlowDisk(Target::Replica(0), Duration::from_micros(500))),
                (1400, Action::SlowDisk(Target::Replica(1), Duration::from_micros(500))),
                (1400, Action::SlowDisk(Target::Replica(2), Duration::from_micros(500))),
            ],
            Self::DiskFailure => vec![
                (0, Action::FailDisk(Target::Backup, DiskFailure::Write)),
                (500, Action::RestartAll),
                // The others go on under another primary; one that starts on a full disk stops again.
                (1000, Action::FailDisk(Target::Primary, DiskFailure::Full)),
                (1500, Action::RestartAll),
                (2000, Action::FailDisk(Target::Replica(0), DiskFailure::Freed)),
                (2000, Action::FailDisk(Target::Replica(1), DiskFailure::Freed)),
                (2000, Action::FailDisk(Target::Replica(2), DiskFailure::Freed)),
                (2050, Action::RestartAll),
            ],
            Self::Sessions => vec![(0, Action::Visitors(40)), (900, Action::Repeat), (1300, Action::Repeat)],
            Self::Clock => {
                vec![(0, Action::Skew(Target::Backup, 700)), (1500, Action::Skew(Target::Backup, 0))]
            }
            Self::Forgery => Self::forgeries(),
            Self::Promotion => vec![(0, Action::Reconfigure(members(0b1110), members(0b0001)))],
            Self::Upgrade => vec![
                (0, Action::Upgrade(Target::Replica(1), Version { major: 1, minor: 1 })),
                (1000, Action::Upgrade(Target::Replica(2), Version { major: 1, minor: 1 })),
                (2000, Action::Upgrade(Target::Replica(3), Version { major: 1, minor: 1 })),
                (3000, Action::Upgrade(Target::Replica(0), Version { major: 1, minor: 1 })),
            ],
            Self::Partition => vec![
                // Neither side has a quorum with the next primary cut off.
                (0, Action::Isolate(Target::Backup)),
                (0, Action::Isolate(Target::Primary)),
                (1500, Action::Heal),
            ],
        }
    }

    /// Everything that can be forged, at a backup; and absences in which answers can be changed.
    fn forgeries() -> Vec<(u64, Action)> {
        let mut actions = vec![
            (1, Action::Rot(Target::Backup, Rot::Log(60))),
            (1500, Action::Isolate(Target::LastBackup)),
            (1530, Action::Heal),
        ];
        for (place, reason) in (0..).zip(ByzantineReason::ALL) {
            actions.push((place * 20, Action::Forge(Target::Backup, Forgery(reason))));
            actions.push((place * 20 + 10, Action::Forge(Target::LastBackup, Forgery(reason))));
            actions.push((1000 + place * 20, Action::Forge(Target::Primary, Forgery(reason))));
        }
        actions
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many chapters of that story have begun at some time.
pub fn begun(faults: &[Fault], at: Duration) -> usize {
    let begins = faults.iter().scan(BEGIN, |next, fault| {
        let begin = *next;
        *next += fault.length() + REST;
        Some(Duration::from_millis(begin))
    });
    begins.take_while(|begin| *begin <= at).count()
}

/// The story with these chapters, one after the other, each followed by a while of rest.
pub fn story(seed: u64, faults: &[Fault]) -> Scenario {
    let mut at = BEGIN;
    let mut scenario = Scenario::quiet(seed, Duration::ZERO);
    scenario.standbys = 1;
    scenario.load.clients = 8;
    scenario.load.pause = Duration::from_millis(30);
    for fault in faults {
        for (after, action) in fault.actions() {
            scenario = scenario.at(Duration::from_millis(at + after), action);
        }
        at += fault.length() + REST;
    }
    scenario.length = Duration::from_millis(at);
    scenario
}
