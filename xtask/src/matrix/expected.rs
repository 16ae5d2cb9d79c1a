//! Which alerts each fault should make fire, and within which time; and which no fault can.

use super::trial::{Alerts, Firing, time};

/// What is expected of a fault. Everything that is not named must keep quiet.
struct Expected {
    fault: &'static str,
    /// Alerts that must fire, and after how many seconds at most.
    fires: &'static [(&'static str, i64)],
    /// Alerts that may: what follows from the fault by chance, or by how long it lasts.
    may: &'static [&'static str],
}

const fn expect(
    fault: &'static str,
    fires: &'static [(&'static str, i64)],
    may: &'static [&'static str],
) -> Expected {
    Expected { fault, fires, may }
}

/// A minute.
const M: i64 = 60;

/// What follows once a replica cannot be scraped.
const DOWN: [(&str, i64); 3] =
    [("VsrReplicaDown", 2 * M), ("VsrQuorumMarginGone", 3 * M), ("VsrScrapeFailing", 3 * M)];

const EXPECTED: &[Expected] = &[
    expect("healthy", &[], &[]),
    expect("leader-isolated", &[("VsrSeveralLeaders", 2 * M)], &[]),
    expect("leader-killed", &DOWN, &[]),
    expect("follower-isolated", &[("VsrQuorumMarginGone", 3 * M), ("VsrReplicaStuck", 6 * M)], &[]),
    expect(
        "quorum-lost",
        &[
            ("VsrNoLeader", M),
            ("VsrQuorumLost", 2 * M),
            ("VsrCommitStalled", 2 * M),
            ("VsrReplicaDown", 2 * M),
            ("VsrQuorumMarginGone", 3 * M),
            ("VsrScrapeFailing", 3 * M),
            ("VsrReplicaStuck", 6 * M),
        ],
        // The one that is left begins view changes in vain, and hears no clock.
        &["VsrViewChangeStorm", "VsrClockNotSynchronized"],
    ),
    expect("leaders-flap", &[("VsrViewChangeStorm", 5 * M)], &[]),
    expect("slow-disk", &[("VsrHighLatency", 3 * M), ("VsrClientLatencyBurn", 4 * M)], &[]),
    expect(
        "slow-network",
        &[("VsrHighLatency", 3 * M), ("VsrClientLatencyBurn", 4 * M), ("VsrSlowReplication", 7 * M)],
        &[],
    ),
    expect("damaged-frames", &[("VsrDamagedMessages", 3 * M)], &[]),
    expect("log-block-corrupt", &[("VsrLogCorruption", 3 * M), ("VsrScrubCorruption", 3 * M)], &[]),
    expect("superblock-corrupt", &[("VsrLogCorruption", M)], &[]),
    expect(
        "log-region-corrupt",
        &[
            ("VsrLogCorruption", M),
            ("VsrScrubCorruption", M),
            ("VsrRepairStorm", 2 * M),
            // Repairs are read from the leader's disk as well, and requests wait behind them.
            ("VsrClientLatencyBurn", 4 * M),
        ],
        &[],
    ),
    expect(
        "repair-impossible",
        &[
            ("VsrLogCorruption", M),
            ("VsrScrubCorruption", M),
            ("VsrRepairsFailing", M),
            ("VsrRepairStorm", M),
            ("VsrQuorumMarginGone", 3 * M),
            ("VsrReplicaStuck", 6 * M),
            ("VsrRepairBudgetExhausted", 6 * M),
        ],
        &[],
    ),
    expect("forged-and-replayed", &[("VsrByzantineRejections", M)], &[]),
    expect(
        "client-flood",
        &[("VsrRequestBacklog", 3 * M), ("VsrHighLatency", 3 * M), ("VsrClientLatencyBurn", 4 * M)],
        // Clients that wait long ask again.
        &["VsrDuplicateRequests"],
    ),
    expect("session-storm", &[("VsrSessionEvictions", 3 * M)], &[]),
    expect("requests-refused", &[("VsrOperationsBurn", 4 * M), ("VsrOperationFailures", 7 * M)], &[]),
    expect("follower-lagging", &[("VsrReplicaLag", 2 * M)], &[]),
    expect(
        "follower-recovering",
        &[("VsrLogCorruption", M), ("VsrQuorumMarginGone", 3 * M), ("VsrReplicaStuck", 6 * M)],
        &[],
    ),
    expect(
        "standby-lagging",
        &[("VsrStandbyUnhealthy", 6 * M), ("VsrStandbyLag", 12 * M), ("VsrClockNotSynchronized", 16 * M)],
        &[],
    ),
    expect("clock-skewed", &[("VsrClockSyncErrors", M), ("VsrClockSkew", 6 * M)], &[]),
    expect(
        "reconfiguration-failed",
        &[
            ("VsrNoLeader", M),
            ("VsrQuorumLost", 2 * M),
            ("VsrCommitStalled", 2 * M),
            ("VsrQuorumMarginGone", 3 * M),
            ("VsrScrapeFailing", 3 * M),
            ("VsrReplicaStuck", 6 * M),
            ("VsrReconfigurationStuck", 11 * M),
        ],
        // Both configurations must agree, so the old members look for a leader in vain.
        &["VsrViewChangeStorm", "VsrClockNotSynchronized"],
    ),
    expect("versions-mixed", &[("VsrMixedVersions", 62 * M)], &[]),
    expect("memory-growing", &[("VsrMemoryLeak", 35 * M)], &[]),
    expect("disk-filling", &[("VsrDiskFilling", 25 * M), ("VsrDiskNearlyFull", 42 * M)], &[]),
    // From outside, a replica that cannot be scraped cannot be told from one that is gone.
    expect("endpoint-down", &DOWN, &[]),
    expect("endpoints-down", &[("VsrMetricsMissing", 3 * M)], &[]),
];

/// Alerts that no trial makes fire, each with the reason.
pub const UNTRIED: &[(&str, &str)] = &[
    ("VsrScrubStopped", "it takes more than a day in which no tour ends"),
    ("VsrScrubTooSlow", "it takes a tour of more than a day"),
    (
        "VsrCpuSaturated",
        "the steps of the simulation take no time, so a busy processor would slow nothing down",
    ),
    ("VsrMetricMissing", "every build of this cluster reports every metric"),
];

/// Every alert that is named here.
pub fn names() -> impl Iterator<Item = &'static str> {
    let named = EXPECTED
        .iter()
        .flat_map(|fault| fault.fires.iter().map(|(name, _)| *name).chain(fault.may.iter().copied()));
    named.chain(UNTRIED.iter().map(|(name, _)| *name))
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
        for (alert, limit) in self.fires {
            match seen.firings.iter().find(|firing| firing.alert == *alert) {
                None => findings.push(format!("`{alert}` should fire within {}, and does not", time(*limit))),
                Some(Firing { from, .. }) if from > limit => {
                    let (from, limit) = (time(*from), time(*limit));
                    findings.push(format!("`{alert}` should fire within {limit}, and does after {from}"));
                }
                Some(_) => {}
            }
        }
        for Firing { alert, from, to } in &seen.firings {
            let named = |name: &str| name == alert;
            if !self.fires.iter().any(|(name, _)| named(name)) && !self.may.iter().any(|name| named(name)) {
                findings.push(format!("`{alert}` should not fire, and does after {}", time(*from)));
            }
            if *from < 0 {
                findings.push(format!("`{alert}` fires {} before anything is wrong", time(-from)));
            }
            if to.is_none() {
                findings.push(format!("`{alert}` still fires after {}", time(seen.until)));
            }
        }
        findings.into_iter().map(|finding| format!("{}: {finding}", self.fault)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: Expected = expect("x", &[("A", 60)], &["B"]);

    fn findings(firings: &[(&str, i64, Option<i64>)]) -> Vec<String> {
        let firing = |(alert, from, to): &(&str, i64, Option<i64>)| Firing {
            alert: (*alert).to_owned(),
            from: *from,
            to: *to,
        };
        let firings = firings.iter().map(firing).collect();
        let (fault, about) = ("x".to_owned(), "It breaks.".to_owned());
        EXPECTED.compare(&Alerts { fault, about, lasts: 60, until: 600, firings })
    }

    #[test]
    fn what_is_expected_is_no_finding() {
        assert_eq!(findings(&[("A", 60, Some(120))]), [""; 0]);
        assert_eq!(findings(&[("A", 45, Some(120)), ("B", 300, Some(500))]), [""; 0]);
    }

    #[test]
    fn what_is_not_expected_is_told() {
        assert_eq!(findings(&[]), ["x: `A` should fire within 1m, and does not"]);
        assert_eq!(findings(&[("A", 75, Some(120))]), ["x: `A` should fire within 1m, and does after 1m15s"]);
        assert_eq!(
            findings(&[("A", 30, Some(120)), ("C", 30, Some(45))]),
            ["x: `C` should not fire, and does after 30s"]
        );
        assert_eq!(findings(&[("A", -15, Some(120))]), ["x: `A` fires 15s before anything is wrong"]);
        assert_eq!(findings(&[("A", 30, None)]), ["x: `A` still fires after 10m"]);
    }
}
