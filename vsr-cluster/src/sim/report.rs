//! Which families of the catalog a scenario populated, and with what.

use vsr_metrics::Snapshot;
use vsr_metrics::snapshot::Value;

/// A family after a scenario.
#[derive(Clone, Debug)]
pub struct Populated {
    /// Its name.
    pub family: &'static str,
    /// Series that something was recorded in.
    pub series: usize,
    /// Series that exist.
    pub of: usize,
    /// What populates it, or why nothing does here.
    pub by: &'static str,
    /// Whether nothing can populate it here: its part of the system is not in a simulation.
    pub is_elsewhere: bool,
}

/// Families whose numbers do not come from a protocol, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("vsr_allocated_bytes_total", "profiling hooks, not built yet"),
    ("vsr_allocations_total", "profiling hooks, not built yet"),
    ("vsr_network_sent_bytes_total", "the transport's profiling hook, not in the simulation"),
    ("vsr_network_received_bytes_total", "the transport's profiling hook, not in the simulation"),
    ("vsr_peer_sent_bytes_total", "the transport's profiling hook, not in the simulation"),
    ("vsr_peer_received_bytes_total", "the transport's profiling hook, not in the simulation"),
    ("vsr_serialization_seconds", "the transport's profiling hook: writing takes no virtual time"),
    ("vsr_network_latency_seconds", "profiling hooks, not built yet"),
];

/// Why no family of the group `resource` is populated here.
const SAMPLED: &str = "the sampler's: a simulation has no process, disk or network of its own";

/// What populates the others.
const CAUSES: &[(&str, &str)] = &[
    ("vsr_prepare_latency_ms", "quorums at primaries"),
    ("vsr_commit_latency_ms", "commits that primaries told"),
    ("vsr_client_latency_ms", "replies of primaries"),
    ("vsr_view_change_latency_ms", "view changes that ended in normal operation"),
    ("vsr_recovery_latency_ms", "replicas that returned after a crash"),
    ("vsr_state_transfer_latency_ms", "a backup that was away for longer than the log goes back"),
    ("vsr_repair_latency_ms", "entries that were fetched from peers"),
    ("vsr_operations_total", "operations executed; refused ones are failures"),
    ("vsr_bytes_written_total", "entries written to the disks' logs"),
    ("vsr_messages_sent_total", "every message that left a core"),
    ("vsr_messages_received_total", "every authentic message that arrived"),
    ("vsr_byzantine_rejections_total", "forgeries, doubled frames, and news of views that are over"),
    ("vsr_checksum_failures_total", "bits that flipped on disks and in frames; forged tails and states"),
    ("vsr_repairs_total", "requests for entries, answered or not"),
    ("vsr_view_changes_total", "crashes, cuts and abdications"),
    ("vsr_heartbeat_round_trip_seconds", "answers to heartbeats"),
    ("vsr_consensus_round_trip_seconds", "commits that primaries told"),
    ("vsr_clock_offset_ms", "heartbeats that brought a backup's question back"),
    ("vsr_clock_samples_total", "heartbeats that brought a backup's question back"),
    ("vsr_clock_sync_errors_total", "a calendar that is off, and samples that took too long"),
    ("vsr_client_sessions_evicted_total", "more clients than there are sessions"),
    ("vsr_duplicate_requests_total", "clients that asked again"),
    ("vsr_repair_ewma_latency_ms", "answers to repairs, by peer"),
    ("vsr_scrub_tours_completed_total", "tours of the scrubbers"),
    ("vsr_scrub_corruptions_detected_total", "entries that rotted on disks"),
    ("vsr_scrub_throughput_ops_per_sec", "tours of the scrubbers"),
    ("vsr_reconfig_state", "the reconfiguration"),
    ("vsr_reconfig_transitions_total", "the reconfiguration"),
    ("vsr_cluster_version_major", "each replica's software"),
    ("vsr_cluster_version_minor", "each replica's software, one after the other upgraded"),
    ("vsr_standby_count", "the configuration in force"),
    ("vsr_standby_healthy_count", "the primary, by what it heard of standbys"),
    ("vsr_standby_lag_operations", "the primary, by what standbys acknowledged"),
    ("vsr_standby_promotions_total", "the standby that became a member"),
];

/// All families of a snapshot, in the catalog's order.
pub fn populated(snapshot: &Snapshot) -> Vec<Populated> {
    let find = |table: &[(&str, &'static str)], name: &str| {
        table.iter().find(|(family, _)| *family == name).map(|(_, text)| *text)
    };
    let one = |family: vsr_metrics::snapshot::Family<'_>| {
        let name = family.descriptor().name;
        let is_recorded = |value: Value<'_>| match value {
            Value::Counter(amount) => amount.stored > 0,
            Value::Gauge(_) => true,
            Value::Histogram(histogram) => histogram.count() > 0,
        };
        let sampled = (family.descriptor().group == "resource").then_some(SAMPLED);
        let elsewhere = sampled.or_else(|| find(ELSEWHERE, name));
        Populated {
            family: name,
            series: family.series().filter(|series| is_recorded(series.value())).count(),
            of: family.series().count(),
            by: elsewhere.or_else(|| find(CAUSES, name)).unwrap_or("the state of each replica"),
            is_elsewhere: elsewhere.is_some(),
        }
    };
    snapshot.families().map(one).collect()
}
