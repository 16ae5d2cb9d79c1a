//! The simulated network: frames that are late, lost, doubled or damaged, and cuts.

use std::time::Duration;

use super::random::Random;
use crate::configuration::ReplicaSet;
use crate::message::ReplicaIndex;

/// What the network does to frames; chances are out of a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Shortest time on the way.
    pub delay: Duration,
    /// How much longer it may take. Frames overtake each other by it.
    pub jitter: Duration,
    /// Frames that are lost.
    pub lost: u64,
    /// Frames that arrive twice.
    pub doubled: u64,
    /// Frames that arrive damaged.
    pub damaged: u64,
}

/// What happens to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) after: Duration,
    pub(super) is_damaged: bool,
}

/// Who reaches whom.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cuts {
    isolated: ReplicaSet,
    /// One side of a network that fell apart; empty if it did not.
    side: ReplicaSet,
}

impl Weather {
    /// A good local network.
    pub fn fair() -> Self {
        let (delay, jitter) = (Duration::from_micros(200), Duration::from_micros(100));
        Self { delay, jitter, lost: 0, doubled: 0, damaged: 0 }
    }

    /// A bad one.
    pub fn foul() -> Self {
        let (delay, jitter) = (Duration::from_micros(500), Duration::from_millis(8));
        Self { delay, jitter, lost: 30, doubled: 20, damaged: 5 }
    }

    /// How a frame's copies arrive.
    pub(super) fn carry(&self, random: &mut Random) -> impl Iterator<Item = Passage> + use<> {
        let copies = match (random.per_mille(self.lost), random.per_mille(self.doubled)) {
            (true, _) => 0,
            (false, is_doubled) => 1 + usize::from(is_doubled),
        };
        let mut passage = || Passage {
            after: random.between(self.delay, self.delay + self.jitter),
            is_damaged: random.per_mille(self.damaged),
        };
        let both = [passage(), passage()];
        both.into_iter().take(copies)
    }
}

impl Cuts {
    pub(super) fn isolate(&mut self, replica: ReplicaIndex) {
        self.isolated.insert(replica);
    }

    pub(super) fn partition(&mut self, side: ReplicaSet) {
        self.side = side;
    }

    pub(super) fn heal(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_open(&self, from: ReplicaIndex, to: ReplicaIndex) -> bool {
        self.reaches_clients(from)
            && self.reaches_clients(to)
            && (self.side.is_empty() || self.side.contains(from) == self.side.contains(to))
    }

    pub(super) fn reaches_clients(&self, replica: ReplicaIndex) -> bool {
        !self.isolated.contains(replica)
    }
}
