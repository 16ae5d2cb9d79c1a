//! One counting cell: plain adds for the only writer of a shard, atomic adds for the shared shard.

use super::sync::{AtomicU64, Ordering};

/// A number in memory that counters and histograms add to.
///
/// All accesses are relaxed: a cell publishes nothing but itself. What orders the writes of one slot's
/// successive holders is the slot's hand-over.
pub(super) struct Cell(AtomicU64);

impl Cell {
    pub(super) fn zero() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    pub(super) fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds, where no other thread writes the cell. Wraps at 2^64, as a counter that begins anew.
    #[inline]
    pub(super) fn add_alone(&self, amount: u64) {
        self.0.store(self.load().wrapping_add(amount), Ordering::Relaxed);
    }

    /// Adds to a sum, where no other thread writes the cell. Stays at the largest value.
    #[inline]
    pub(super) fn saturating_add_alone(&self, amount: u64) {
        self.0.store(self.load().saturating_add(amount), Ordering::Relaxed);
    }

    /// Adds, whoever else does.
    pub(super) fn add_shared(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Adds to a sum, whoever else does. Stays at the largest value.
    pub(super) fn saturating_add_shared(&self, amount: u64) {
        let add = |sum: u64| Some(sum.saturating_add(amount));
        // The closure never declines, so neither does the update.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}
