//! What a cluster keeps before it forgets: entries of the log, and sessions of clients.

use crate::replica::Tuning;
use crate::storage::SEGMENT;

/// Limits, the same on all replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations between two checkpoints. As many entries stay before one, for replicas that lag behind, and as many
    /// are in a segment of the log, which goes as a whole. So a replica that lacks more than three times as many
    /// operations gets a state instead of entries.
    pub checkpoint_every: u64,
    /// Client sessions; one more evicts the least recently used one.
    pub sessions: u64,
}

/// Sessions of the load, with some to spare.
const TIGHT_SESSIONS: u64 = 640;

impl Limits {
    /// Limits so tight that a demo shows what comes of them: a replica that is away for three seconds at so many
    /// requests a second finds that the log that it lacks is gone.
    pub fn tight(rate: u64) -> Self {
        Self { checkpoint_every: rate.clamp(256, 1 << 15), sessions: TIGHT_SESSIONS }
    }

    /// How replicas behave within them.
    pub fn tuning(self) -> Tuning {
        Tuning {
            checkpoint_every: self.checkpoint_every,
            keep_entries: self.checkpoint_every,
            max_sessions: usize::try_from(self.sessions).unwrap_or(usize::MAX),
            ..Tuning::default()
        }
    }

    /// Entries of a segment of the log.
    pub fn segment(self) -> u64 {
        self.checkpoint_every.min(SEGMENT)
    }
}

impl Default for Limits {
    fn default() -> Self {
        let Tuning { checkpoint_every, max_sessions, .. } = Tuning::default();
        Self { checkpoint_every, sessions: max_sessions as u64 }
    }
}
