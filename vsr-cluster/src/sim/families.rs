//! Every family of the catalog: what populates it in a simulation, and how it is known that its numbers are right.

use std::collections::BTreeMap;

/// A family's row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) family: &'static str,
    pub(super) compared: Compared,
    /// What populates it, or why nothing does here.
    pub(super) by: &'static str,
}

/// How a family's numbers are compared with a count that knows nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// By the driver's counts, at the end.
    Driver,
    /// By the observer, at the end: totals; of durations all buckets and the sum.
    Observer,
    /// By the observer, again and again while the simulation runs and at its end.
    Always,
    /// Not at all: nothing here can populate it.
    Elsewhere,
}

const fn driver(family: &'static str, by: &'static str) -> Row {
    Row { family, compared: Compared::Driver, by }
}

const fn observer(family: &'static str, by: &'static str) -> Row {
    Row { family, compared: Compared::Observer, by }
}

const fn always(family: &'static str, by: &'static str) -> Row {
    Row { family, compared: Compared::Always, by }
}

const fn elsewhere(family: &'static str, by: &'static str) -> Row {
    Row { family, compared: Compared::Elsewhere, by }
}

const SAMPLED: &str = "the sampler's: a simulation has no process, disk or network of its own";
const HOOKS: &str = "profiling hooks, not built yet";

/// All rows. A family without one is a finding of every simulation.
pub(super) const FAMILIES: &[Row] = &[
    observer("vsr_prepare_latency_ms", "quorums at primaries"),
    observer("vsr_commit_latency_ms", "commits that primaries told"),
    observer("vsr_client_latency_ms", "replies of primaries"),
    observer("vsr_view_change_latency_ms", "view changes that ended in normal operation"),
    observer("vsr_recovery_latency_ms", "replicas that returned after a crash"),
    observer("vsr_state_transfer_latency_ms", "a backup that was away for longer than the log goes back"),
    observer("vsr_repair_latency_ms", "entries that were fetched from peers"),
    driver("vsr_operations_total", "operations executed; refused ones are failures"),
    driver("vsr_bytes_written_total", "entries written to the disks' logs"),
    driver("vsr_messages_sent_total", "every message that left a core"),
    driver("vsr_messages_received_total", "every authentic message that arrived"),
    observer("vsr_byzantine_rejections_total", "forgeries, doubled frames, and news of views that are over"),
    observer(
        "vsr_checksum_failures_total",
        "bits that flipped on disks and in frames; forged tails and states",
    ),
    observer("vsr_repairs_total", "requests for entries, answered or not"),
    observer("vsr_view_changes_total", "crashes, cuts and abdications"),
    always("vsr_replica_status", "the state of each replica"),
    always("vsr_view_number", "the state of each replica"),
    always("vsr_commit_number", "operations executed and states taken over"),
    always("vsr_op_number", "entries appended and cut off"),
    always("vsr_log_size_bytes", "the files of the log"),
    always("vsr_log_entry_count", "the files of the log"),
    always("vsr_quorum_size", "the configuration in force"),
    always("vsr_cluster_size", "the configuration in force"),
    always(
        "vsr_replica_lag_operations",
        "backups, by what primaries told them; at most what they really lack",
    ),
    always("vsr_pending_requests", "requests that primaries took in and did not answer yet"),
    always("vsr_prepare_ok_votes", "what backups acknowledged to primaries"),
    always("vsr_primary", "the state of each replica"),
    elsewhere("vsr_memory_used_bytes", SAMPLED),
    elsewhere("vsr_network_bandwidth_bytes_per_sec", SAMPLED),
    elsewhere("vsr_disk_iops", SAMPLED),
    elsewhere("vsr_disk_bandwidth_bytes_per_sec", SAMPLED),
    elsewhere("vsr_cpu_utilization_percent", SAMPLED),
    elsewhere("vsr_cpu_seconds_total", SAMPLED),
    elsewhere("vsr_disk_free_bytes", SAMPLED),
    always("vsr_clock_offset_ms", "heartbeats that brought a backup's question back"),
    observer("vsr_clock_samples_total", "heartbeats that brought a backup's question back"),
    observer("vsr_clock_sync_errors_total", "a calendar that is off, and samples that took too long"),
    always("vsr_client_sessions_active", "sessions that operations opened"),
    observer("vsr_client_sessions_evicted_total", "more clients than there are sessions"),
    observer("vsr_duplicate_requests_total", "clients that asked again"),
    always("vsr_repair_budget_available", "requests for entries under way"),
    always("vsr_repair_ewma_latency_ms", "answers to repairs, by peer"),
    always("vsr_repair_inflight_count", "requests for entries under way"),
    observer("vsr_scrub_tours_completed_total", "tours of the scrubbers"),
    observer("vsr_scrub_corruptions_detected_total", "entries that rotted on disks"),
    always("vsr_scrub_throughput_ops_per_sec", "tours of the scrubbers"),
    always("vsr_reconfig_state", "the configuration in force"),
    observer("vsr_reconfig_transitions_total", "the reconfiguration"),
    always("vsr_cluster_version_major", "each replica's software"),
    always("vsr_cluster_version_minor", "each replica's software, one after the other upgraded"),
    always("vsr_standby_count", "the configuration in force"),
    always("vsr_standby_healthy_count", "the primary, by what it heard of standbys"),
    always("vsr_standby_lag_operations", "the primary, by what standbys acknowledged"),
    observer("vsr_standby_promotions_total", "the standby that became a member"),
    observer("vsr_consensus_round_trip_seconds", "commits that primaries told"),
    observer("vsr_heartbeat_round_trip_seconds", "answers to heartbeats"),
    elsewhere("vsr_allocated_bytes_total", HOOKS),
    elsewhere("vsr_allocations_total", HOOKS),
    elsewhere("vsr_network_sent_bytes_total", HOOKS),
    elsewhere("vsr_network_received_bytes_total", HOOKS),
    elsewhere("vsr_peer_sent_bytes_total", HOOKS),
    elsewhere("vsr_peer_received_bytes_total", HOOKS),
    elsewhere("vsr_serialization_seconds", HOOKS),
    elsewhere("vsr_network_latency_seconds", HOOKS),
];

/// A family's row.
pub(super) fn row(family: &str) -> Option<&'static Row> {
    FAMILIES.iter().find(|row| row.family == family)
}

/// Families that should have been compared, and were not.
pub(super) fn without_comparison(compared: &BTreeMap<&'static str, usize>) -> Vec<String> {
    let is_left_out = |row: &&Row| row.compared != Compared::Elsewhere && !compared.contains_key(row.family);
    let left_out = FAMILIES.iter().filter(is_left_out);
    left_out.map(|row| format!("no number of `{}` was compared", row.family)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vsr_metrics::Metrics;

    #[test]
    fn each_family_of_the_catalog_has_one_row_and_nothing_else_has() {
        let snapshot = Metrics::unidentified().snapshot();
        let catalog: Vec<&str> = snapshot.families().map(|family| family.descriptor().name).collect();
        let rows: Vec<&str> = FAMILIES.iter().map(|row| row.family).collect();
        assert_eq!(rows, catalog);
    }
}
