//! The cells of counters and histograms, one copy per recording thread.

use std::sync::OnceLock;

use super::slot;
use super::sync::{AtomicU64, Ordering};

/// Cells left empty at each end of a shard, so that no two shards share a cache line or a prefetched pair.
pub const PADDING: usize = 16;

/// `CELLS` counting cells, the padding at both ends included, with a copy for each recording thread.
pub struct Sharded<const CELLS: usize> {
    shards: [OnceLock<Box<[AtomicU64; CELLS]>>; slot::SLOTS],
    /// For threads without a slot.
    shared: OnceLock<Box<[AtomicU64; CELLS]>>,
}

impl<const CELLS: usize> Sharded<CELLS> {
    /// Empty storage; allocates nothing until a thread records.
    pub const fn new() -> Self {
        Self { shards: [const { OnceLock::new() }; slot::SLOTS], shared: OnceLock::new() }
    }

    /// Adds to one cell.
    #[inline]
    pub fn add(&self, cell: usize, amount: u64) {
        match self.own() {
            Some(shard) => add_alone(&shard[PADDING + cell], amount),
            None => self.add_slowly(cell, amount),
        }
    }

    /// Adds an observation to a histogram whose cells begin at `first`: one for each bound, `+Inf`, the sum.
    #[inline]
    pub fn observe<const BOUNDS: usize>(&self, first: usize, bounds: &[u64; BOUNDS], value: u64) {
        // Inlined, the number of bounds is a constant again and the search unrolls.
        self.observe_slice(first, bounds, value);
    }

    /// [`observe`](Self::observe) for bounds whose number is not known when compiling.
    #[inline]
    pub fn observe_slice(&self, first: usize, bounds: &[u64], value: u64) {
        let bucket = bucket(bounds, value);
        match self.own() {
            Some(shard) => {
                add_alone(&shard[PADDING + first + bucket], 1);
                saturating_add_alone(&shard[PADDING + first + bounds.len() + 1], value);
            }
            None => self.observe_slowly(first, bounds.len(), bucket, value),
        }
    }

    /// Adds the totals of all cells over all threads to `totals`, which has no padding. A cell's total wraps
    /// at 2^64, as its parts do; [`saturating_total`](Self::saturating_total) is for sums, which do not.
    pub fn total(&self, totals: &mut [u64]) {
        for shard in self.shards() {
            for (total, cell) in totals.iter_mut().zip(&shard[PADDING..]) {
                *total = total.wrapping_add(cell.load(Ordering::Relaxed));
            }
        }
    }

    /// The total of one cell over all threads, at most `u64::MAX`.
    pub fn saturating_total(&self, cell: usize) -> u64 {
        self.shards().map(|shard| shard[PADDING + cell].load(Ordering::Relaxed)).fold(0, u64::saturating_add)
    }

    fn shards(&self) -> impl Iterator<Item = &[AtomicU64; CELLS]> {
        self.shards.iter().chain([&self.shared]).filter_map(OnceLock::get).map(|shard| &**shard)
    }

    #[inline]
    fn own(&self) -> Option<&[AtomicU64; CELLS]> {
        self.shards.get(slot::current())?.get().map(|shard| &**shard)
    }

    #[cold]
    #[inline(never)]
    fn add_slowly(&self, cell: usize, amount: u64) {
        match self.shards.get(slot::assign()) {
            Some(shard) => add_alone(&shard.get_or_init(empty)[PADDING + cell], amount),
            None => add_shared(&self.shared.get_or_init(empty)[PADDING + cell], amount),
        }
    }

    #[cold]
    #[inline(never)]
    fn observe_slowly(&self, first: usize, bounds: usize, bucket: usize, value: u64) {
        let bucket = PADDING + first + bucket;
        let sum = PADDING + first + bounds + 1;
        match self.shards.get(slot::assign()) {
            Some(shard) => {
                let shard = shard.get_or_init(empty);
                add_alone(&shard[bucket], 1);
                saturating_add_alone(&shard[sum], value);
            }
            None => {
                let shard = self.shared.get_or_init(empty);
                add_shared(&shard[bucket], 1);
                saturating_add_shared(&shard[sum], value);
            }
        }
    }
}

impl<const CELLS: usize> Default for Sharded<CELLS> {
    fn default() -> Self {
        Self::new()
    }
}

/// The first bucket whose bound is not below the value. Counts all bounds instead of stopping early: the
/// branches that it saves cost more than the comparisons.
#[inline]
fn bucket(bounds: &[u64], value: u64) -> usize {
    bounds.iter().map(|bound| usize::from(value > *bound)).sum()
}

/// Adds to a cell that no other thread writes.
#[inline]
fn add_alone(cell: &AtomicU64, amount: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
}

#[inline]
fn saturating_add_alone(cell: &AtomicU64, amount: u64) {
    cell.store(cell.load(Ordering::Relaxed).saturating_add(amount), Ordering::Relaxed);
}

fn add_shared(cell: &AtomicU64, amount: u64) {
    cell.fetch_add(amount, Ordering::Relaxed);
}

fn saturating_add_shared(cell: &AtomicU64, amount: u64) {
    let add = |sum: u64| Some(sum.saturating_add(amount));
    // The closure never declines, so neither does the update.
    let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
}

/// A shard of zeros, built on the heap: a large catalog's shard would overflow a thread's stack.
fn empty<const CELLS: usize>() -> Box<[AtomicU64; CELLS]> {
    let cells: Box<[AtomicU64]> = (0..CELLS).map(|_| AtomicU64::new(0)).collect();
    match cells.try_into() {
        Ok(cells) => cells,
        Err(_) => unreachable!("the slice was collected from CELLS cells"),
    }
}
