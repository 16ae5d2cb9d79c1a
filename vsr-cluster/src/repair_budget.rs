//! What repairs may cost: credits for entries under way, and how long each peer takes to answer.
//!
//! A repair takes a credit for each entry that it asks for and gives it back when it ends, so repairs compete with
//! normal operation for so many entries at once and no more. Peers are chosen by an exponentially weighted moving
//! average of their latency, with the weight that TCP gives to round trips.

use std::time::Duration;

use crate::configuration::ReplicaSet;
use crate::message::ReplicaIndex;

/// Credits, and what is known of each peer.
#[derive(Clone, Debug)]
pub struct RepairBudget {
    capacity: u64,
    in_flight: u64,
    peers: Vec<Option<Duration>>,
    turns: usize,
}

/// Of how many observations the latest one is one: 1/8, as in RFC 6298.
const WEIGHT: u32 = 8;
/// Every so many requests go to a peer whose turn it is, so that one that was slow once is measured again.
const EXPLORE: usize = 8;

impl RepairBudget {
    /// A budget of so many entries under way at once.
    pub fn new(capacity: u64) -> Self {
        Self { capacity, in_flight: 0, peers: vec![None; ReplicaSet::CAPACITY], turns: 0 }
    }

    /// Credits that are left.
    pub fn available(&self) -> u64 {
        self.capacity - self.in_flight
    }

    /// Takes credits; no more than are left. Returns how many.
    pub fn take(&mut self, entries: u64) -> u64 {
        let taken = entries.min(self.available());
        self.in_flight += taken;
        taken
    }

    /// Gives credits back.
    pub fn give_back(&mut self, entries: u64) {
        self.in_flight = self.in_flight.saturating_sub(entries);
    }

    /// Takes an observed latency into a peer's average, and returns that.
    pub fn observe(&mut self, peer: ReplicaIndex, latency: Duration) -> Duration {
        let Some(average) = self.peers.get_mut(peer) else { return latency };
        let next = average.map_or(latency, |before| (before * (WEIGHT - 1) + latency) / WEIGHT);
        *average = Some(next);
        next
    }

    /// The peer to ask: the quickest, one that was never asked before all others, and now and then the next in turn.
    pub fn choose(&mut self, among: ReplicaSet) -> Option<ReplicaIndex> {
        self.turns = self.turns.wrapping_add(1);
        if self.turns.is_multiple_of(EXPLORE) {
            return among.iter().nth(self.turns / EXPLORE % among.len().max(1));
        }
        among.iter().min_by_key(|peer| self.peers.get(*peer).copied().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_end_and_come_back() {
        let mut budget = RepairBudget::new(10);
        assert_eq!((budget.take(8), budget.take(8), budget.take(1)), (8, 2, 0));
        budget.give_back(3);
        assert_eq!(budget.available(), 3);
    }

    #[test]
    fn the_quickest_peer_is_asked_and_the_others_not_forgotten() {
        let mut budget = RepairBudget::new(1);
        let peers: ReplicaSet = [1, 2].into_iter().collect();
        budget.observe(1, Duration::from_millis(8));
        assert_eq!(budget.choose(peers), Some(2), "it was never asked");
        budget.observe(2, Duration::from_millis(80));
        assert_eq!(budget.observe(2, Duration::from_millis(160)), Duration::from_millis(90));
        let chosen: Vec<_> = (0..32).filter_map(|_| budget.choose(peers)).collect();
        assert_eq!(chosen.iter().filter(|peer| **peer == 2).count(), 2, "{chosen:?}");
        assert_eq!(budget.choose(ReplicaSet::EMPTY), None);
    }
}
