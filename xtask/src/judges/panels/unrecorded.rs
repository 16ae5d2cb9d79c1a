//! Families whose queries are empty while the demo runs, and why. A row leaves the table once the family is recorded.

/// A family and the reason.
pub const UNRECORDED: &[(&str, &str)] = &[
    ("vsr_network_latency_seconds", "a profiling hook that no code records"),
    ("vsr_serialization_seconds", "a profiling hook that no code records"),
    ("vsr_peer_sent_bytes_total", "a profiling hook that no code records"),
    ("vsr_peer_received_bytes_total", "a profiling hook that no code records"),
];
