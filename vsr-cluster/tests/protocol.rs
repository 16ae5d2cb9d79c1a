//! The protocol, reached in every corner: each message, each state, each reason, by a scenario made for it.

use std::collections::BTreeSet;
use std::time::Duration;

use vsr_cluster::configuration::ReplicaSet;
use vsr_cluster::replica::Tuning;
use vsr_cluster::sim::{
    Action, DiskFailure, Ending, Forgery, Load, Requests, Rot, Scenario, Target, Weather, World,
};
use vsr_metrics::snapshot::Value;
use vsr_metrics::{ByzantineReason, MessageType, ReplicaStatus, Source as _, ViewChangeReason};

/// Three busy replicas and a standby.
fn busy(length: u64) -> Scenario {
    let load = Load { clients: 6, pause: Duration::from_millis(6), requests: Requests::Mixed };
    Scenario { standbys: 1, load, ..Scenario::quiet(1, ms(length)) }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Runs a scenario, which has to be fine otherwise.
fn run(scenario: &Scenario) -> Ending {
    let ending = World::new(scenario).run();
    assert!(ending.findings.is_empty(), "{:#?}", ending.findings);
    ending
}

/// A counter or a histogram's count, over all replicas.
fn total(ending: &Ending, family: &str, label: Option<(&str, &str)>) -> u64 {
    let snapshot = ending.metrics.snapshot();
    let family = snapshot.family(family).expect("the catalog has it");
    let has_label = |series: &vsr_metrics::snapshot::Series<'_>| {
        label.is_none_or(|(name, value)| series.labels().any(|(n, v)| n == name && v.to_string() == value))
    };
    let number = |series: vsr_metrics::snapshot::Series<'_>| match series.value() {
        Value::Counter(amount) => amount.stored,
        Value::Histogram(histogram) => histogram.count(),
        Value::Gauge(_) => 0,
    };
    family.series().filter(has_label).map(number).sum()
}

/// A backup is away until the log that it lacks is gone everywhere.
fn absence(length: u64) -> Scenario {
    busy(length).at(ms(500), Action::Crash(Target::LastBackup)).at(ms(4500), Action::RestartAll)
}

fn lossy() -> Weather {
    Weather { lost: 60, jitter: ms(3), ..Weather::fair() }
}

#[test]
fn each_message_type_is_sent_and_taken_in() {
    let quiet = || busy(2000);
    let crash = || quiet().at(ms(500), Action::Crash(Target::Primary)).at(ms(1500), Action::RestartAll);
    for kind in MessageType::ALL {
        let scenario = match kind {
            MessageType::Prepare | MessageType::PrepareOk | MessageType::Commit | MessageType::Heartbeat => {
                quiet()
            }
            MessageType::StartViewChange
            | MessageType::DoViewChange
            | MessageType::StartView
            | MessageType::RecoveryRequest
            | MessageType::RecoveryResponse => crash(),
            MessageType::RepairRequest | MessageType::RepairResponse => {
                quiet().at(ms(1000), Action::Rot(Target::Backup, Rot::Log(9)))
            }
            // The peer that is asked lags behind, and does not know yet what is committed.
            MessageType::Nack => (0..8).fold(
                quiet().at(ms(500), Action::SlowDisk(Target::LastBackup, ms(250))),
                |scenario, turn| scenario.at(ms(800 + 100 * turn), Action::Rot(Target::Backup, Rot::Log(1))),
            ),
            MessageType::StateTransferRequest | MessageType::StateTransferResponse => absence(7000),
            MessageType::WriteReorderGapRequest | MessageType::WriteReorderGapResponse => {
                quiet().at(ms(100), Action::Weather(lossy()))
            }
        };
        let ending = run(&scenario);
        let label = Some(("message_type", kind.as_str()));
        for family in ["vsr_messages_sent_total", "vsr_messages_received_total"] {
            assert!(total(&ending, family, label) > 0, "{family} {kind:?}");
        }
    }
}

#[test]
fn each_replica_state_shows() {
    let mut seen = BTreeSet::new();
    let scenario = absence(7000).at(ms(200), Action::Abdicate);
    let ending = World::new(&scenario)
        .on_scrape(ms(2), |scrape| {
            let snapshot = [scrape.metrics].snapshot();
            let status = snapshot.family("vsr_replica_status").and_then(|family| family.series().next());
            if let Some(Value::Gauge(status)) = status.map(|series| series.value()) {
                seen.insert(status.as_f64().to_string());
            }
        })
        .run();
    assert!(ending.findings.is_empty(), "{:#?}", ending.findings);
    for state in [
        ReplicaStatus::Normal,
        ReplicaStatus::ViewChange,
        ReplicaStatus::Recovering,
        ReplicaStatus::StateTransfer,
        ReplicaStatus::Standby,
    ] {
        assert!(seen.contains(&(state as u8).to_string()), "{state:?} of {seen:?}");
    }
}

#[test]
fn each_reason_of_a_view_change_is_given() {
    let five = |length| Scenario { members: 5, ..busy(length) };
    for reason in ViewChangeReason::ALL {
        let scenario = match reason {
            ViewChangeReason::HeartbeatTimeout => busy(2000).at(ms(500), Action::Crash(Target::Primary)),
            // The next primary is down as well, and one of the three that are left is ahead in finding that out.
            ViewChangeReason::ViewChangeTimeout | ViewChangeReason::HigherViewStartViewChange => five(4000)
                .at(ms(200), Action::Isolate(Target::Replica(4)))
                .at(ms(500), Action::Crash(Target::Replica(1)))
                .at(ms(501), Action::Crash(Target::Replica(0)))
                .at(ms(1010), Action::Heal),
            // It did not listen for a moment, and when it does, clients have found the new primary.
            ViewChangeReason::HigherViewPrepare => busy(2000)
                .at(ms(500), Action::Isolate(Target::LastBackup))
                .at(ms(501), Action::Abdicate)
                .at(ms(850), Action::Heal),
            // The standby has no vote, and hears of the view from its primary.
            ViewChangeReason::PrimaryAbdicate
            | ViewChangeReason::StartViewChangeWhileNormal
            | ViewChangeReason::StartView => busy(1000).at(ms(500), Action::Abdicate),
        };
        let ending = run(&scenario);
        let label = Some(("reason", reason.as_str()));
        assert!(total(&ending, "vsr_view_changes_total", label) > 0, "{reason:?}");
    }
}

#[test]
fn each_reason_of_a_rejection_that_the_protocol_has_is_given() {
    for reason in ByzantineReason::ALL {
        if reason == ByzantineReason::MerkleRootQuorumFailure {
            // There is no Merkle tree; a checkpoint's root is a checksum.
            continue;
        }
        let scenario = match reason {
            ByzantineReason::CheckpointUndecodable | ByzantineReason::CheckpointRootMismatch => absence(7000),
            ByzantineReason::RepairEntryCorrupt => {
                busy(3000).at(ms(1100), Action::Rot(Target::Backup, Rot::Log(9)))
            }
            ByzantineReason::ReorderEntryCorrupt => busy(3000).at(ms(1100), Action::Weather(lossy())),
            _ => busy(2000),
        };
        let mut scenario = scenario.at(ms(300), Action::Abdicate);
        for target in [Target::Primary, Target::Backup, Target::LastBackup] {
            scenario = scenario.at(ms(1000), Action::Forge(target, Forgery(reason)));
        }
        let ending = run(&scenario);
        let label = Some(("reason", reason.as_str()));
        assert!(total(&ending, "vsr_byzantine_rejections_total", label) > 0, "{reason:?}");
    }
}

#[test]
fn a_standby_takes_the_place_of_a_member() {
    let (members, standbys) = (ReplicaSet::from_bits(0b1110), ReplicaSet::from_bits(0b0001));
    let ending = run(&busy(3000).at(ms(1000), Action::Reconfigure(members, standbys)));
    assert_eq!(total(&ending, "vsr_standby_promotions_total", None), 1, "replica 3");
    assert_eq!(total(&ending, "vsr_reconfig_transitions_total", None), 4, "each replica once");
    assert!(ending.view > 0, "replica 0 led, and is no member any more");
}

#[test]
fn a_primary_that_is_replaced_by_the_vote_of_a_standby_to_be_tells_of_standbys_no_more() {
    // The vote of replica 1 is the one that decides: those of 3 and 4 are sooner, that of 2 is later.
    let (members, standbys) = (ReplicaSet::from_bits(0b11100), ReplicaSet::from_bits(0b00011));
    let scenario = Scenario { standbys: 2, ..busy(4000) }
        .at(ms(800), Action::SlowDisk(Target::Replica(1), ms(20)))
        .at(ms(800), Action::SlowDisk(Target::Replica(2), ms(200)))
        .at(ms(1000), Action::Reconfigure(members, standbys));
    let ending = run(&scenario);
    assert_eq!(total(&ending, "vsr_standby_promotions_total", None), 2, "replicas 3 and 4");
    assert!(ending.view > 0, "replica 0 led, and is no member any more");
}

#[test]
fn a_member_that_was_cut_off_while_all_its_peers_were_replaced_finds_the_new_ones() {
    let (members, standbys) = (ReplicaSet::from_bits(0b11100), ReplicaSet::from_bits(0b00011));
    let scenario = Scenario { standbys: 2, ..busy(4000) }
        .at(ms(900), Action::Isolate(Target::Replica(2)))
        .at(ms(1000), Action::Reconfigure(members, standbys))
        .at(ms(2500), Action::Heal);
    assert_eq!(total(&run(&scenario), "vsr_standby_promotions_total", None), 2, "replicas 3 and 4");
}

#[test]
fn a_session_too_many_evicts_one_and_a_repetition_is_noticed() {
    let ending = run(&busy(3000).at(ms(500), Action::Visitors(40)).at(ms(2000), Action::Repeat));
    assert!(total(&ending, "vsr_client_sessions_evicted_total", None) >= 4 * 10);
    assert!(total(&ending, "vsr_duplicate_requests_total", None) >= 1);
}

#[test]
fn a_clock_that_is_off_is_noticed() {
    let ending = run(&busy(2000).at(ms(500), Action::Skew(Target::Backup, 800)));
    assert!(total(&ending, "vsr_clock_sync_errors_total", None) > 0);
    let ending = run(&busy(2000));
    assert_eq!(total(&ending, "vsr_clock_sync_errors_total", None), 0);
    assert!(total(&ending, "vsr_clock_samples_total", None) > 50);
}

#[test]
fn the_scrubber_finds_what_rots_and_it_is_repaired() {
    let rotten = busy(4000)
        .at(ms(1500), Action::Rot(Target::Backup, Rot::Log(50)))
        .at(ms(1500), Action::Rot(Target::LastBackup, Rot::Log(70)));
    let ending = run(&rotten);
    assert_eq!(total(&ending, "vsr_scrub_corruptions_detected_total", None), 2);
    assert!(total(&ending, "vsr_repairs_total", Some(("status", "success"))) >= 2);
    assert!(total(&ending, "vsr_scrub_tours_completed_total", None) > 4);
}

#[test]
fn repairs_ask_for_as_much_as_they_may_however_short_the_pipeline_is() {
    let scenario =
        busy(5000).at(ms(1000), Action::Crash(Target::LastBackup)).at(ms(2000), Action::RestartAll);
    let tuning = Tuning { max_in_flight: 2, repair_batch: 32, ..Scenario::tuning() };
    let ending = run(&Scenario { tuning, ..scenario });
    assert!(total(&ending, "vsr_repairs_total", Some(("status", "success"))) > 32);
    let refused = Some(("reason", ByzantineReason::InvalidRepairRange.as_str()));
    assert_eq!(total(&ending, "vsr_byzantine_rejections_total", refused), 0);
}

#[test]
fn the_whole_cluster_loses_power_and_returns() {
    let mut scenario = busy(4000);
    for replica in 0..4 {
        scenario = scenario.at(ms(1000), Action::Crash(Target::Replica(replica)));
    }
    let ending = run(&scenario.at(ms(1500), Action::RestartAll));
    assert_eq!(total(&ending, "vsr_recovery_latency_ms", None), 4);
}

#[test]
fn a_disk_that_fails_stops_its_replica_and_nothing_is_lost() {
    let failures =
        [DiskFailure::Write, DiskFailure::TornWrite(0), DiskFailure::TornWrite(100), DiskFailure::Sync];
    for target in [Target::Primary, Target::Backup] {
        for failure in failures {
            let scenario =
                busy(2500).at(ms(500), Action::FailDisk(target, failure)).at(ms(1500), Action::RestartAll);
            let ending = run(&scenario);
            assert_eq!(ending.disk_stops, 1, "{failure:?} at {target:?}");
            assert_eq!(total(&ending, "vsr_recovery_latency_ms", None), 1, "{failure:?} at {target:?}");
            assert_eq!(ending.view > 0, target == Target::Primary, "{failure:?} at {target:?}");
        }
    }
}

#[test]
fn a_full_disk_stops_its_replica_until_there_is_room() {
    let mut scenario = busy(4000).at(ms(500), Action::FailDisk(Target::Replica(1), DiskFailure::Full));
    for start in [1000, 1500, 2000] {
        scenario = scenario.at(ms(start), Action::RestartAll);
    }
    let ending = run(&scenario
        .at(ms(2500), Action::FailDisk(Target::Replica(1), DiskFailure::Freed))
        .at(ms(2500), Action::RestartAll));
    assert_eq!(ending.disk_stops, 4, "once at work, and after each of three starts");
    assert!(ending.operations > 500, "the others went on: {}", ending.operations);
}

#[test]
fn a_cluster_whose_disks_are_all_full_takes_nothing_more_and_loses_nothing() {
    let mut scenario = busy(3000);
    for replica in 0..3 {
        let replica = Target::Replica(replica);
        scenario = scenario.at(ms(500), Action::FailDisk(replica, DiskFailure::Full));
        scenario = scenario.at(ms(2000), Action::FailDisk(replica, DiskFailure::Freed));
    }
    let ending = run(&scenario.at(ms(1000), Action::RestartAll).at(ms(2000), Action::RestartAll));
    assert!(ending.disk_stops >= 2, "{}", ending.disk_stops);
}

#[test]
fn a_seed_replays_exactly() {
    let scenario = || vsr_cluster::sim::schedule(11);
    let [one, other] = [scenario(), scenario()].map(|scenario| run(&scenario));
    assert_eq!((one.events, one.digest, one.view), (other.events, other.digest, other.view));
    let another = run(&vsr_cluster::sim::schedule(12));
    assert_ne!((one.events, one.digest), (another.events, another.digest));
}
