//! Families whose queries are empty while the demo runs, and why. A row leaves the table once the family is recorded.

/// A family and the reason.
pub const UNRECORDED: &[(&str, &str)] = &[
    ("vsr_consensus_round_trip_seconds", "a profiling hook that no code records"),
    ("vsr_heartbeat_round_trip_seconds", "a profiling hook that no code records"),
    ("vsr_network_latency_seconds", "a profiling hook that no code records"),
    ("vsr_serialization_seconds", "a profiling hook that no code records"),
    ("vsr_peer_sent_bytes_total", "a profiling hook that no code records"),
    ("vsr_peer_received_bytes_total", "a profiling hook that no code records"),
    ("vsr_view_change_latency_ms", "the demo changes no view"),
    ("vsr_recovery_latency_ms", "no replica of the demo crashes"),
    ("vsr_state_transfer_latency_ms", "no replica of the demo crashes"),
    ("vsr_repair_latency_ms", "the demo repairs nothing"),
    ("vsr_repair_budget_available", "the demo repairs nothing"),
    ("vsr_repair_inflight_count", "the demo repairs nothing"),
    ("vsr_repair_ewma_latency_ms", "the demo repairs nothing"),
    ("vsr_scrub_throughput_ops_per_sec", "the demo does not scrub"),
    ("vsr_reconfig_state", "the demo does not change its members"),
    ("vsr_cluster_version_major", "the demo does not change its members"),
    ("vsr_cluster_version_minor", "the demo does not change its members"),
    ("vsr_standby_count", "the demo does not change its members"),
    ("vsr_standby_healthy_count", "the demo does not change its members"),
    ("vsr_standby_lag_operations", "the demo does not change its members"),
    ("vsr_clock_offset_ms", "the demo does not synchronize clocks"),
];
