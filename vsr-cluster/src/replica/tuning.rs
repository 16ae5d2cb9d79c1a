//! How a replica behaves.

use std::time::Duration;

use crate::clock::ClockTolerance;

/// Limits and times, the same on all replicas of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Operations that the primary has under way at once (pipelining).
    pub max_in_flight: usize,
    /// Requests that wait for their turn; more are dropped, and their clients ask again (backpressure).
    pub max_waiting: usize,
    /// Client sessions; one more evicts the least recently used one.
    pub max_sessions: usize,
    /// How long news of a commit waits for a Prepare to carry it.
    pub commit_delay: Duration,
    /// Pause between heartbeats of the primary.
    pub heartbeat: Duration,
    /// How long a backup waits for any sign of its primary.
    pub heartbeat_timeout: Duration,
    /// How long a primary goes on that cannot write its log, or reaches no quorum with operations under way.
    pub abdicate_after: Duration,
    /// Pause before a message of a view change or of a recovery is sent again.
    pub resend_after: Duration,
    /// How long a view change may take; doubled with every further attempt, up to eight times.
    pub view_change_timeout: Duration,
    /// How long a replica that kept all its promises looks for the others before it goes on where it was.
    pub recovery_patience: Duration,
    /// How long a backup waits for Prepares that were overtaken before it asks for them.
    pub gap_patience: Duration,
    /// How long an answer may take before the request counts as failed: gaps, repairs, states.
    pub answer_timeout: Duration,
    /// Entries that repairs may have under way at once.
    pub repair_credits: u64,
    /// Entries that one request asks for.
    pub repair_batch: u64,
    /// Operations between two checkpoints.
    pub checkpoint_every: u64,
    /// Entries before a checkpoint that stay in the log, for peers that lag behind.
    pub keep_entries: u64,
    /// Pause between two reads of the scrubber.
    pub scrub_every: Duration,
    /// Entries that the scrubber reads at once.
    pub scrub_batch: u64,
    /// How long a standby counts as healthy after it was heard.
    pub standby_timeout: Duration,
    /// What is asked of clocks.
    pub clock: ClockTolerance,
}

impl Tuning {
    /// Entries that a log's tail may have: what may be uncommitted, twice.
    pub fn tail_limit(&self) -> u64 {
        2 * self.max_in_flight as u64
    }

    /// Entries that are kept in memory.
    pub(super) fn window(&self) -> u64 {
        2 * self.tail_limit()
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            max_in_flight: 256,
            max_waiting: 4096,
            max_sessions: 4096,
            commit_delay: Duration::from_millis(1),
            heartbeat: Duration::from_millis(100),
            heartbeat_timeout: Duration::from_secs(1),
            abdicate_after: Duration::from_secs(2),
            resend_after: Duration::from_millis(100),
            view_change_timeout: Duration::from_secs(1),
            recovery_patience: Duration::from_millis(200),
            gap_patience: Duration::from_millis(5),
            answer_timeout: Duration::from_millis(500),
            repair_credits: 256,
            repair_batch: 32,
            checkpoint_every: 1 << 15,
            keep_entries: 1 << 15,
            scrub_every: Duration::from_millis(100),
            scrub_batch: 64,
            standby_timeout: Duration::from_secs(1),
            clock: ClockTolerance {
                round_trip: Duration::from_millis(250),
                offset: Duration::from_millis(500),
            },
        }
    }
}
