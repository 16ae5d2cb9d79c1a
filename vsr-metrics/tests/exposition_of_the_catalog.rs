//! What `/metrics` prints for the catalog of this repository, to be read line by line: dashboards and alerts outside
//! of it depend on every one of them.
#![cfg(all(feature = "vsr", feature = "text"))]

use std::time::Duration;

use vsr_metrics::encode::{openmetrics_text, prometheus_text};
use vsr_metrics::{
    AllocationSite, ByzantineReason, ChecksumComponent, MessageType, Metrics, PeerId, ReconfigState,
    ReplicaId, ReplicaStatus, Snapshot, Source, StandbyId, Status, ThreadGroup, ViewChangeReason,
};

fn fresh(number: u32) -> Metrics {
    Metrics::new(ReplicaId::new(number).expect("a small number"))
}

/// One recording at least of every group, with numbers that can be found again.
fn recorded(number: u32) -> Metrics {
    let metrics = fresh(number);
    for milliseconds in [0, 1, 2, 50, 100, 101] {
        metrics.record_prepare_latency(Duration::from_millis(milliseconds));
    }
    metrics.record_client_latency(Duration::from_micros(1_500));
    metrics.record_consensus_round_trip(Duration::from_nanos(250_001));
    metrics.add_operations(Status::Success, 1_000);
    metrics.increment_operations(Status::Failure);
    metrics.add_bytes_written((1 << 53) + 1);
    metrics.increment_messages_sent(MessageType::PrepareOk);
    metrics.add_byzantine_rejections(ByzantineReason::UnknownSender, 2);
    metrics.increment_checksum_failures(ChecksumComponent::LogTail);
    metrics.increment_view_changes(ViewChangeReason::HeartbeatTimeout);
    metrics.add_cpu(ThreadGroup::ALL[0], Duration::from_millis(1_250));
    metrics.set_replica_status(if number == 0 { ReplicaStatus::Normal } else { ReplicaStatus::Recovering });
    metrics.set_primary(u64::from(number == 0));
    metrics.set_view_number(7);
    metrics.set_commit_number(41 + u64::from(number));
    metrics.set_pending_requests(3);
    metrics.set_memory_used(1 << 30);
    metrics.set_cpu_utilization(12.5);
    metrics.set_clock_offset(-0.25);
    metrics.set_client_sessions_active(2);
    metrics.set_repair_ewma_latency(PeerId::new(15).expect("the last peer"), 1.5);
    metrics.set_scrub_throughput(1e9);
    metrics.set_reconfig_state(ReconfigState::Joint);
    metrics.set_standby_lag(StandbyId::new(3).expect("a small number"), 9);
    metrics.add_allocated(AllocationSite::LogAppend, 4_096);
    metrics.add_peer_sent(PeerId::new(1).expect("a small number"), 77);
    metrics
}

/// Both formats of a snapshot.
fn assert_pinned(name: &str, snapshot: &Snapshot) {
    insta::assert_snapshot!(format!("{name}-prometheus"), prometheus_text(snapshot));
    insta::assert_snapshot!(format!("{name}-openmetrics"), openmetrics_text(snapshot));
}

#[test]
fn nothing_recorded() {
    assert_pinned("fresh", &fresh(0).snapshot());
}

#[test]
fn not_told_which_replica_it_is() {
    let text = prometheus_text(&Metrics::unidentified().snapshot());
    assert!(!text.contains("replica_id="), "{text}");
    assert_eq!(
        text,
        prometheus_text(&fresh(0).snapshot())
            .replace("replica_id=\"0\",", "")
            .replace("{replica_id=\"0\"}", "")
    );
}

#[test]
fn a_known_recording() {
    assert_pinned("recorded", &recorded(0).snapshot());
}

#[test]
fn three_replicas_joined() {
    assert_pinned("joined", &vec![recorded(0), fresh(1), recorded(2)].snapshot());
}

#[test]
fn three_replicas_as_one_cluster() {
    assert_pinned("aggregated", &vec![recorded(0), fresh(1), recorded(2)].snapshot().aggregate());
}
