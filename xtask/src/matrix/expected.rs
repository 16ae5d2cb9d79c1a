//! Which alerts each fault should make fire, and within which time; and which no fault can.

use super::trial::{Alerts, Firing, numbers, time};

/// What is expected of a fault. Everything that is not named must keep quiet.
struct Expected {
    fault: &'static str,
    /// Alerts that must fire.
    fires: &'static [Alarm],
    /// Alerts that may: what follows from the fault by chance, or by how long it lasts.
    may: &'static [Alarm],
}

/// An alert as it should fire.
struct Alarm {
    alert: &'static str,
    /// After how many seconds at most.
    within: i64,
    /// The replicas that its labels name; none if it is about the whole cluster.
    names: &'static [u64],
}

const fn expect(fault: &'static str, fires: &'static [Alarm], may: &'static [Alarm]) -> Expected {
    Expected { fault, fires, may }
}

/// An alert about the cluster.
const fn cluster(alert: &'static str, within: i64) -> Alarm {
    Alarm { alert, within, names: &[] }
}

/// An alert about replicas.
const fn of(names: &'static [u64], alert: &'static str, within: i64) -> Alarm {
    Alarm { alert, within, names }
}

/// A minute.
const M: i64 = 60;

/// The members are 0, which leads at first, 1 and 2; 3 is a standby.
const EXPECTED: &[Expected] = &[
    expect("healthy", &[], &[]),
    expect("leader-isolated", &[cluster("VsrSeveralLeaders", 2 * M)], &[]),
    expect(
        "leader-killed",
        &[
            cluster("VsrReplicaDown", 2 * M),
            cluster("VsrQuorumMarginGone", 3 * M),
            of(&[0], "VsrScrapeFailing", 3 * M),
        ],
        &[],
    ),
    expect(
        "follower-isolated",
        &[cluster("VsrQuorumMarginGone", 3 * M), of(&[1], "VsrReplicaStuck", 6 * M)],
        &[],
    ),
    expect(
        "quorum-lost",
        &[
            cluster("VsrNoLeader", M),
            cluster("VsrQuorumLost", 2 * M),
            cluster("VsrCommitStalled", 2 * M),
            cluster("VsrReplicaDown", 2 * M),
            cluster("VsrQuorumMarginGone", 3 * M),
            of(&[1, 2], "VsrScrapeFailing", 3 * M),
            of(&[0], "VsrReplicaStuck", 6 * M),
        ],
        // The one that is left begins view changes in vain, and hears no clock.
        &[cluster("VsrViewChangeStorm", 10 * M), of(&[0], "VsrClockNotSynchronized", 10 * M)],
    ),
    expect(
        "members-lost",
        &[
            cluster("VsrNoLeader", M),
            cluster("VsrReplicaDown", 2 * M),
            cluster("VsrQuorumLost", 3 * M),
            cluster("VsrQuorumMarginGone", 3 * M),
            of(&[0, 1, 2], "VsrScrapeFailing", 3 * M),
            // A standby does not report all that members do.
            cluster("VsrMetricMissing", 11 * M),
        ],
        &[],
    ),
    expect("leaders-flap", &[cluster("VsrViewChangeStorm", 5 * M)], &[]),
    expect("slow-disk", &[cluster("VsrHighLatency", 3 * M), cluster("VsrClientLatencyBurn", 4 * M)], &[]),
    expect(
        "slow-network",
        &[
            cluster("VsrHighLatency", 3 * M),
            cluster("VsrClientLatencyBurn", 4 * M),
            cluster("VsrSlowReplication", 7 * M),
        ],
        &[],
    ),
    expect("damaged-frames", &[of(&[0, 1, 2, 3], "VsrDamagedMessages", 3 * M)], &[]),
    expect(
        "log-block-corrupt",
        &[of(&[1], "VsrLogCorruption", 3 * M), of(&[1], "VsrScrubCorruption", 3 * M)],
        &[],
    ),
    expect("superblock-corrupt", &[of(&[2], "VsrLogCorruption", M)], &[]),
    expect("checkpoint-corrupt", &[of(&[1], "VsrLogCorruption", M)], &[]),
    expect(
        "log-region-corrupt",
        &[
            of(&[1], "VsrLogCorruption", M),
            of(&[1], "VsrScrubCorruption", M),
            of(&[1], "VsrRepairStorm", 2 * M),
            // Repairs are read from the leader's disk as well, and requests wait behind them.
            cluster("VsrClientLatencyBurn", 4 * M),
        ],
        &[],
    ),
    expect(
        "repair-impossible",
        &[
            of(&[1], "VsrLogCorruption", M),
            of(&[1], "VsrScrubCorruption", M),
            of(&[1], "VsrRepairsFailing", M),
            of(&[1], "VsrRepairStorm", M),
            cluster("VsrQuorumMarginGone", 3 * M),
            of(&[1], "VsrReplicaStuck", 6 * M),
            of(&[1], "VsrRepairBudgetExhausted", 6 * M),
        ],
        &[],
    ),
    expect("forged-and-replayed", &[of(&[0, 1], "VsrByzantineRejections", M)], &[]),
    expect(
        "client-flood",
        &[
            cluster("VsrRequestBacklog", 3 * M),
            cluster("VsrHighLatency", 3 * M),
            cluster("VsrClientLatencyBurn", 4 * M),
        ],
        // Clients that wait long ask again.
        &[cluster("VsrDuplicateRequests", 10 * M)],
    ),
    expect("session-storm", &[cluster("VsrSessionEvictions", 3 * M)], &[]),
    expect(
        "requests-refused",
        &[cluster("VsrOperationsBurn", 4 * M), cluster("VsrOperationFailures", 7 * M)],
        &[],
    ),
    expect("follower-lagging", &[of(&[1], "VsrReplicaLag", 2 * M)], &[]),
    expect(
        "follower-recovering",
        &[
            of(&[1], "VsrLogCorruption", M),
            cluster("VsrQuorumMarginGone", 3 * M),
            of(&[1], "VsrReplicaStuck", 6 * M),
        ],
        &[],
    ),
    expect(
        "standby-lagging",
        &[
            cluster("VsrStandbyUnhealthy", 6 * M),
            of(&[3], "VsrStandbyLag", 12 * M),
            of(&[3], "VsrClockNotSynchronized", 16 * M),
        ],
        &[],
    ),
    expect("clock-skewed", &[of(&[1], "VsrClockSyncErrors", M), of(&[1], "VsrClockSkew", 6 * M)], &[]),
    expect(
        "reconfiguration-failed",
        &[
            cluster("VsrNoLeader", M),
            cluster("VsrQuorumLost", 2 * M),
            cluster("VsrCommitStalled", 2 * M),
            cluster("VsrQuorumMarginGone", 3 * M),
            of(&[3, 4], "VsrScrapeFailing", 3 * M),
            of(&[0, 1, 2], "VsrReplicaStuck", 6 * M),
            cluster("VsrReconfigurationStuck", 11 * M),
        ],
        // Both configurations must agree, so the old members look for a leader in vain. The one that led took no sample
        // before.
        &[cluster("VsrViewChangeStorm", 10 * M), of(&[0], "VsrClockNotSynchronized", 15 * M)],
    ),
    expect("versions-mixed", &[cluster("VsrMixedVersions", 62 * M)], &[]),
    expect("memory-growing", &[of(&[1], "VsrMemoryLeak", 35 * M)], &[]),
    expect("disk-filling", &[of(&[1], "VsrDiskFilling", 25 * M), of(&[1], "VsrDiskNearlyFull", 42 * M)], &[]),
    // From outside, a replica that cannot be scraped cannot be told from one that is gone.
    expect(
        "endpoint-down",
        &[
            cluster("VsrReplicaDown", 2 * M),
            cluster("VsrQuorumMarginGone", 3 * M),
            of(&[1], "VsrScrapeFailing", 3 * M),
        ],
        &[],
    ),
    expect(
        "leader-endpoint-down",
        &[
            cluster("VsrReplicaDown", 2 * M),
            cluster("VsrQuorumMarginGone", 3 * M),
            of(&[0], "VsrScrapeFailing", 3 * M),
        ],
        &[],
    ),
    expect("endpoints-down", &[cluster("VsrMetricsMissing", 3 * M)], &[]),
];

/// Alerts that no trial makes fire, each with the reason.
pub const UNTRIED: &[(&str, &str)] = &[
    ("VsrScrubStopped", "it takes more than a day in which no tour ends"),
    ("VsrScrubTooSlow", "it takes a tour of more than a day"),
    (
        "VsrCpuSaturated",
        "the steps of the simulation take no time, so a busy processor would slow nothing down",
    ),
];

/// Every alert that is named here.
pub fn names() -> impl Iterator<Item = &'static str> {
    let named = EXPECTED.iter().flat_map(|fault| fault.fires.iter().chain(fault.may));
    named.map(|alarm| alarm.alert).chain(UNTRIED.iter().map(|(name, _)| *name))
}

/// Every fault of which something is expected.
pub fn faults() -> impl Iterator<Item = &'static str> {
    EXPECTED.iter().map(|expected| expected.fault)
}

/// What is wrong with what a fault's alerts did.
pub fn compare(seen: &Alerts) -> Vec<String> {
    match EXPECTED.iter().find(|expected| expected.fault == seen.fault) {
        Some(expected) => expected.compare(seen),
        None => vec![format!("{}: nobody says what is expected", seen.fault)],
    }
}

impl Expected {
    fn compare(&self, seen: &Alerts) -> Vec<String> {
        let mut findings = Vec::new();
        let seen_of = |alert: &str| seen.firings.iter().find(|firing| firing.alert == alert);
        for Alarm { alert, within, .. } in self.fires {
            if seen_of(alert).is_none() {
                findings.push(format!("`{alert}` should fire within {}, and does not", time(*within)));
            }
        }
        for firing in &seen.firings {
            let Firing { alert, from, .. } = firing;
            match self.fires.iter().chain(self.may).find(|alarm| alarm.alert == alert) {
                Some(alarm) => findings.extend(alarm.compare(firing)),
                None => findings.push(format!("`{alert}` should not fire, and does after {}", time(*from))),
            }
            if *from < 0 {
                findings.push(format!("`{alert}` fires {} before anything is wrong", time(-from)));
            }
            if firing.times > 1 {
                findings.push(format!("`{alert}` fires {} times, and is quiet in between", firing.times));
            }
            if firing.to.is_none() {
                findings.push(format!("`{alert}` still fires after {}", time(seen.until)));
            }
        }
        findings.into_iter().map(|finding| format!("{}: {finding}", self.fault)).collect()
    }
}

impl Alarm {
    /// Whether it fired in time, and for those that it should.
    fn compare(&self, seen: &Firing) -> Vec<String> {
        let Self { alert, within, names } = self;
        let mut findings = Vec::new();
        if seen.from > *within {
            let (from, within) = (time(seen.from), time(*within));
            findings.push(format!("`{alert}` should fire within {within}, and does after {from}"));
        }
        if seen.replicas != *names {
            let (named, expected) = (replicas(&seen.replicas), replicas(names));
            findings.push(format!("`{alert}` should name {expected}, and names {named}"));
        }
        findings
    }
}

/// Replicas in words.
fn replicas(replicas: &[u64]) -> String {
    match replicas {
        [] => "no replica".to_owned(),
        [one] => format!("replica {one}"),
        several => format!("replicas {}", numbers(several)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: Expected = expect("x", &[of(&[1], "A", 60)], &[cluster("B", 400)]);

    fn firing(alert: &str, replicas: &[u64], from: i64, to: Option<i64>) -> Firing {
        Firing { alert: alert.to_owned(), replicas: replicas.to_vec(), from, to, times: 1 }
    }

    fn findings(firings: &[Firing]) -> Vec<String> {
        let (fault, about) = ("x".to_owned(), "It breaks.".to_owned());
        EXPECTED.compare(&Alerts { fault, about, lasts: 60, until: 600, firings: firings.to_vec() })
    }

    #[test]
    fn what_is_expected_is_no_finding() {
        assert_eq!(findings(&[firing("A", &[1], 60, Some(120))]), [""; 0]);
        let both = [firing("A", &[1], 45, Some(120)), firing("B", &[], 300, Some(500))];
        assert_eq!(findings(&both), [""; 0]);
    }

    #[test]
    fn what_is_not_expected_is_told() {
        let sound = firing("A", &[1], 30, Some(120));
        let told = |firing: Firing| findings(&[firing]);
        assert_eq!(findings(&[]), ["x: `A` should fire within 1m, and does not"]);
        assert_eq!(
            told(Firing { from: 75, ..sound.clone() }),
            ["x: `A` should fire within 1m, and does after 1m15s"]
        );
        assert_eq!(
            findings(&[sound.clone(), firing("C", &[], 30, Some(45))]),
            ["x: `C` should not fire, and does after 30s"]
        );
        assert_eq!(
            told(Firing { from: -15, ..sound.clone() }),
            ["x: `A` fires 15s before anything is wrong"]
        );
        assert_eq!(told(Firing { to: None, ..sound.clone() }), ["x: `A` still fires after 10m"]);
        assert_eq!(told(Firing { times: 2, ..sound }), ["x: `A` fires 2 times, and is quiet in between"]);
    }

    #[test]
    fn an_alert_that_names_somebody_else_is_told() {
        let sound = firing("A", &[1], 30, Some(120));
        let named = |replicas: &[u64]| findings(&[firing("A", replicas, 30, Some(120))]);
        assert_eq!(named(&[0, 1]), ["x: `A` should name replica 1, and names replicas 0, 1"]);
        assert_eq!(named(&[]), ["x: `A` should name replica 1, and names no replica"]);
        assert_eq!(
            findings(&[sound, firing("B", &[2], 30, Some(120))]),
            ["x: `B` should name no replica, and names replica 2"]
        );
    }
}
