//! Trials of faults: each a scenario of an hour or so in which one thing goes wrong, once everything has run well for
//! a while, and ends again long before the end. What a monitoring system makes of each is the fault-to-alert matrix.

use std::ops::Range;
use std::time::Duration;

use vsr_metrics::ByzantineReason;

use super::adversary::Forgery;
use super::machine::Hardware;
use super::network::Weather;
use super::scenario::{Action, Load, Requests, Rot, Scenario, Target};
use crate::configuration::{ReplicaSet, Version};
use crate::replica::Tuning;

/// One fault, tried.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Its name.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub about: &'static str,
    /// Minutes in which everything is well.
    healthy: u64,
    /// Minutes in which it is not.
    faulty: u64,
    /// Minutes in which it is well again.
    after: u64,
    /// Requests of clients a second.
    rate: u32,
    /// What happens, each so long after the beginning of the fault.
    steps: fn() -> Vec<(Duration, Action)>,
    /// How the cluster differs from others.
    adjust: fn(&mut Scenario),
}

/// All trials.
pub const TRIALS: &[Trial] = &[
    Trial { healthy: 90, faulty: 0, after: 0, ..Trial::of("healthy", "Nothing goes wrong.", Vec::new) },
    Trial::of("leader-isolated", "The leader is cut off from all others and from clients.", || {
        vec![begin(Action::Isolate(Target::Primary)), end(10, Action::Heal)]
    }),
    Trial::of("leader-killed", "The leader loses power.", || {
        vec![begin(Action::Crash(Target::Primary)), end(10, Action::RestartAll)]
    }),
    Trial::of("follower-isolated", "A follower is cut off.", || {
        vec![begin(Action::Isolate(Target::Backup)), end(10, Action::Heal)]
    }),
    Trial::of("quorum-lost", "Two of three replicas lose power.", || {
        vec![
            begin(Action::Crash(Target::Replica(1))),
            begin(Action::Crash(Target::Replica(2))),
            end(10, Action::RestartAll),
        ]
    }),
    Trial {
        faulty: 13,
        ..Trial::of("members-lost", "All three members lose power, and the standby is left.", || {
            let crash = |replica| begin(Action::Crash(Target::Replica(replica)));
            (0..3).map(crash).chain([end(13, Action::RestartAll)]).collect()
        })
    },
    Trial::of("leaders-flap", "Whoever leads is cut off for five seconds, six times a minute.", || {
        let cut = |second| {
            let at = Duration::from_secs(second);
            [(at, Action::Isolate(Target::Primary)), (at + Duration::from_secs(5), Action::Heal)]
        };
        (0..60).flat_map(|place| cut(place * 10)).collect()
    }),
    Trial {
        after: 390,
        ..Trial::of("slow-disk", "The leader's disk takes 150 ms to write.", || {
            vec![
                begin(Action::SlowDisk(Target::Replica(0), MS * 150)),
                end(10, Action::SlowDisk(Target::Replica(0), DISK)),
            ]
        })
    },
    Trial {
        after: 390,
        ..Trial::of("slow-network", "Every frame takes 80 ms to arrive, or 10 ms more.", || {
            let slow = Weather { delay: MS * 80, jitter: MS * 10, ..Weather::fair() };
            vec![begin(Action::Weather(slow)), end(10, Action::Weather(Weather::fair()))]
        })
    },
    Trial::of("damaged-frames", "One frame in a hundred arrives damaged.", || {
        let damaging = Weather { damaged: 10, ..Weather::fair() };
        vec![begin(Action::Weather(damaging)), end(10, Action::Weather(Weather::fair()))]
    }),
    Trial {
        faulty: 1,
        ..Trial::of("log-block-corrupt", "A bit flips in the log on a follower's disk.", || {
            vec![begin(Action::Rot(Target::Backup, Rot::Log(40)))]
        })
    },
    Trial {
        faulty: 1,
        ..Trial::of(
            "superblock-corrupt",
            "A bit flips in a copy of a superblock, and its replica restarts.",
            || {
                vec![
                    begin(Action::Rot(Target::Replica(2), Rot::Superblock(1))),
                    begin(Action::Crash(Target::Replica(2))),
                    (Duration::from_secs(20), Action::RestartAll),
                ]
            },
        )
    },
    Trial {
        faulty: 1,
        ..Trial::of(
            "checkpoint-corrupt",
            "A bit flips in the checkpoint on a follower's disk, and the follower restarts.",
            || {
                vec![
                    begin(Action::Rot(Target::Replica(1), Rot::Checkpoint)),
                    begin(Action::Crash(Target::Replica(1))),
                    (Duration::from_secs(20), Action::RestartAll),
                ]
            },
        )
    },
    Trial {
        faulty: 1,
        after: 390,
        rate: 20,
        ..Trial::of(
            "log-region-corrupt",
            "Twelve thousand entries in a follower's log are damaged at once.",
            || (0..12_000).map(|place| begin(Action::Rot(Target::Backup, Rot::Log(50 + place)))).collect(),
        )
    },
    Trial::of("repair-impossible", "A follower is cut off, and 600 entries of its log are damaged.", || {
        let rot =
            |place: u64| (Duration::from_secs(5), Action::Rot(Target::Replica(1), Rot::Log(50 + place)));
        let steps = [begin(Action::Isolate(Target::Replica(1)))].into_iter().chain((0..600).map(rot));
        steps.chain([end(10, Action::Heal)]).collect()
    }),
    Trial {
        faulty: 3,
        ..Trial::of(
            "forged-and-replayed",
            "Fifty messages a second arrive that no honest replica sends.",
            || {
                let forge = |place: usize| {
                    let reasons = [
                        ByzantineReason::SignatureVerificationFailed,
                        ByzantineReason::PrepareReplay,
                        ByzantineReason::UnknownSender,
                        ByzantineReason::CommitExceedsOp,
                        ByzantineReason::PrepareOkReplay,
                    ];
                    let forgery = Forgery(reasons[place % reasons.len()]);
                    let target = Target::Replica(usize::from(place % 2 == 1));
                    (MS * 20 * u32::try_from(place).unwrap_or(0), Action::Forge(target, forgery))
                };
                (0..9000).map(forge).collect()
            },
        )
    },
    Trial {
        faulty: 3,
        after: 390,
        adjust: |scenario| {
            scenario.disk = MS * 20;
            scenario.tuning.max_in_flight = 8;
        },
        ..Trial::of(
            "client-flood",
            "Six hundred clients that do not pause come to a cluster with slow disks.",
            || {
                let (pause, few) = (MS * 1600, CLIENTS as usize);
                vec![
                    begin(Action::Clients(600)),
                    begin(Action::Pause(MS)),
                    end(3, Action::Clients(few)),
                    end(3, Action::Pause(pause)),
                ]
            },
        )
    },
    Trial {
        faulty: 3,
        ..Trial::of("session-storm", "Five thousand clients open a session and never return.", || {
            (0..50).map(|place| (Duration::from_secs(3 * place), Action::Visitors(100))).collect()
        })
    },
    Trial {
        after: 390,
        ..Trial::of("requests-refused", "One request in ten is refused.", || {
            vec![
                begin(Action::Requests(Requests::Refused(100))),
                end(10, Action::Requests(Requests::Refused(0))),
            ]
        })
    },
    Trial {
        rate: 50,
        ..Trial::of("follower-lagging", "A follower's disk takes 40 s to write.", || {
            vec![
                begin(Action::SlowDisk(Target::Replica(1), Duration::from_secs(40))),
                end(10, Action::SlowDisk(Target::Replica(1), DISK)),
            ]
        })
    },
    Trial::of(
        "follower-recovering",
        "A follower loses power and a part of its log, and is cut off when it returns.",
        || {
            vec![
                begin(Action::Rot(Target::Replica(1), Rot::Log(2))),
                begin(Action::Crash(Target::Replica(1))),
                begin(Action::Isolate(Target::Replica(1))),
                (Duration::from_secs(30), Action::RestartAll),
                end(10, Action::Heal),
            ]
        },
    ),
    Trial {
        faulty: 20,
        rate: 30,
        ..Trial::of("standby-lagging", "The standby is cut off.", || {
            vec![begin(Action::Isolate(Target::Replica(3))), end(20, Action::Heal)]
        })
    },
    Trial::of("clock-skewed", "The clock of a follower is 700 ms ahead.", || {
        vec![begin(Action::Skew(Target::Replica(1), 700)), end(10, Action::Skew(Target::Replica(1), 0))]
    }),
    Trial {
        faulty: 15,
        adjust: |scenario| scenario.standbys = 2,
        ..Trial::of(
            "reconfiguration-failed",
            "Two of three members are replaced by replicas that are down.",
            || {
                let set = ReplicaSet::from_bits;
                vec![
                    begin(Action::Crash(Target::Replica(3))),
                    begin(Action::Crash(Target::Replica(4))),
                    (Duration::from_secs(5), Action::Reconfigure(set(0b11001), set(0b00110))),
                    end(15, Action::RestartAll),
                ]
            },
        )
    },
    Trial {
        faulty: 75,
        ..Trial::of(
            "versions-mixed",
            "One replica of four is upgraded, and the others are forgotten.",
            || {
                let upgrade =
                    |replica| Action::Upgrade(Target::Replica(replica), Version { major: 1, minor: 1 });
                vec![
                    begin(upgrade(1)),
                    end(75, upgrade(2)),
                    (Duration::from_secs(75 * 60 + 10), upgrade(3)),
                    (Duration::from_secs(75 * 60 + 20), upgrade(0)),
                ]
            },
        )
    },
    Trial {
        healthy: 75,
        faulty: 40,
        after: 75,
        ..Trial::of(
            "memory-growing",
            "A follower keeps every message in memory, until it is restarted.",
            || {
                vec![
                    begin(Action::Leak(Target::Replica(1))),
                    end(40, Action::Crash(Target::Replica(1))),
                    (Duration::from_secs(40 * 60 + 5), Action::Restart(Target::Replica(1))),
                ]
            },
        )
    },
    Trial {
        healthy: 75,
        faulty: 45,
        after: 75,
        ..Trial::of(
            "disk-filling",
            "Another program fills a follower's disk, and its files are removed.",
            || {
                vec![
                    begin(Action::Fill(Target::Replica(1), 40_000_000)),
                    end(45, Action::Clean(Target::Replica(1))),
                ]
            },
        )
    },
    Trial::of(
        "endpoint-down",
        "The `/metrics` of a follower does not answer; the follower itself is well.",
        || silent(1..2),
    ),
    Trial::of(
        "leader-endpoint-down",
        "The `/metrics` of the leader does not answer; the leader itself is well.",
        || silent(0..1),
    ),
    Trial::of("endpoints-down", "No `/metrics` answers; the cluster itself is well.", || silent(0..4)),
];

const MS: Duration = Duration::from_millis(1);
/// How long a disk takes that is well.
const DISK: Duration = Duration::from_millis(1);
/// Clients that go on.
const CLIENTS: u32 = 4;

/// At the beginning of the fault.
fn begin(action: Action) -> (Duration, Action) {
    (Duration::ZERO, action)
}

/// Ten minutes in which some replicas cannot be scraped.
fn silent(replicas: Range<usize>) -> Vec<(Duration, Action)> {
    let is = |replica, scrapeable| Action::Scrapeable(Target::Replica(replica), scrapeable);
    replicas.flat_map(|replica| [begin(is(replica, false)), end(10, is(replica, true))]).collect()
}

/// At the end of the fault, which takes so many minutes.
fn end(minutes: u64, action: Action) -> (Duration, Action) {
    (Duration::from_secs(60 * minutes), action)
}

impl Trial {
    /// Ten minutes of a fault, after a quarter of an hour in which all windows and waits of alerts are over but those
    /// about trends.
    const fn of(name: &'static str, about: &'static str, steps: fn() -> Vec<(Duration, Action)>) -> Self {
        Self { name, about, healthy: 15, faulty: 10, after: 25, rate: 5, steps, adjust: |_| {} }
    }

    /// The trial of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TRIALS.iter().find(|trial| trial.name == name)
    }

    /// When the fault begins.
    pub fn begins(&self) -> Duration {
        Duration::from_secs(60 * self.healthy)
    }

    /// When it is over.
    pub fn ends(&self) -> Duration {
        self.begins() + Duration::from_secs(60 * self.faulty)
    }

    /// How long it takes in all.
    pub fn length(&self) -> Duration {
        self.ends() + Duration::from_secs(60 * self.after)
    }

    /// What happens: three replicas and a standby, each on a machine, and a load that is even.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::quiet(1, self.length());
        scenario.standbys = 1;
        scenario.disk = DISK;
        scenario.machine = Some(Hardware { program: 64 << 20, disk: 100_000_000_000 });
        // Each client pauses for half of the longest pause on average.
        let pause = Duration::from_secs(2) * CLIENTS / self.rate;
        scenario.load = Load { clients: CLIENTS as usize, pause, requests: Requests::Refused(0) };
        scenario.tuning = Tuning {
            // Rare enough for hours to be quick.
            heartbeat: MS * 250,
            scrub_every: Duration::from_secs(2),
            scrub_batch: 256,
            checkpoint_every: 4096,
            keep_entries: 1 << 14,
            ..Tuning::default()
        };
        (self.adjust)(&mut scenario);
        for (after, action) in (self.steps)() {
            scenario = scenario.at(self.begins() + after, action);
        }
        scenario
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trial_has_a_name_of_its_own_and_stays_within_its_times() {
        for (place, trial) in TRIALS.iter().enumerate() {
            assert!(TRIALS[place + 1..].iter().all(|other| other.name != trial.name), "{}", trial.name);
            // What ends a fault may take half a minute more.
            let latest = trial.ends() + Duration::from_secs(30);
            for step in trial.scenario().steps {
                assert!((trial.begins()..=latest).contains(&step.at), "{}: {step:?}", trial.name);
            }
        }
    }
}
