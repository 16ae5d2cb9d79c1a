//! The cells of counters and histograms, one copy per recording thread.

use std::marker::PhantomData;
use std::sync::OnceLock;

use super::buckets::{Buckets, Slice};
use super::cell::Cell;
use super::grid::Grid;
use super::home::{Anywhere, Home, Shard};
use super::{SILENT, slot};

/// Cells left empty at each end of a shard, so that no two shards share a cache line or a prefetched pair.
pub const PADDING: usize = 16;

/// `CELLS` counting cells, the padding at both ends included, with a copy for each recording thread.
pub struct Sharded<const CELLS: usize, H = Anywhere> {
    shards: [OnceLock<Box<Shard<CELLS>>>; slot::TABLE],
    /// For threads without a slot.
    shared: OnceLock<Box<Shard<CELLS>>>,
    home: PhantomData<fn() -> H>,
}

impl<const CELLS: usize, H: Home<CELLS>> Sharded<CELLS, H> {
    /// Empty storage; allocates nothing until a thread records.
    pub const fn new() -> Self {
        let shards = [const { OnceLock::new() }; slot::TABLE];
        Self { shards, shared: OnceLock::new(), home: PhantomData }
    }

    /// Adds to one cell.
    #[inline]
    pub fn add(&self, cell: usize, amount: u64) {
        if SILENT {
            return;
        }
        match self.own() {
            Some(shard) => shard[PADDING + cell].add_alone(amount),
            None => self.add_slowly(cell, amount),
        }
    }

    /// Adds an observation to a histogram whose cells begin at `first`: one for each bound, `+Inf`, the sum, and
    /// those of the grid if there is one.
    #[inline]
    pub fn observe<B: Buckets>(&self, first: usize, buckets: &B, value: u64) {
        if SILENT {
            return;
        }
        // Compiled for each number of bounds, so that the search unrolls, and without what only a grid needs.
        let (bounds, grid) = (buckets.bounds(), buckets.grid());
        let bucket = bucket(bounds, value);
        match self.own() {
            Some(shard) => {
                shard[PADDING + first + bucket].add_alone(1);
                let sum = PADDING + first + bounds.len() + 1;
                shard[sum].saturating_add_alone(value);
                if let Some(grid) = grid {
                    shard[sum + 1 + grid.cell(value)].add_alone(1);
                }
            }
            None => self.observe_slowly([first, bucket, bounds.len()], grid, value),
        }
    }

    /// [`observe`](Self::observe) for buckets that are not known when compiling.
    #[inline]
    pub fn observe_slice(&self, first: usize, bounds: &[u64], grid: Option<&'static Grid>, value: u64) {
        self.observe(first, &Slice { bounds, grid }, value);
    }

    /// Adds the totals of all cells over all threads to `totals`, which has no padding. A cell's total wraps
    /// at 2^64, as its parts do; [`saturating_total`](Self::saturating_total) is for sums, which do not.
    pub fn total(&self, totals: &mut [u64]) {
        for shard in self.shards() {
            for (total, cell) in totals.iter_mut().zip(&shard[PADDING..]) {
                *total = total.wrapping_add(cell.load());
            }
        }
    }

    /// The total of one cell over all threads, at most `u64::MAX`.
    pub fn saturating_total(&self, cell: usize) -> u64 {
        self.shards().map(|shard| shard[PADDING + cell].load()).fold(0, u64::saturating_add)
    }

    fn shards(&self) -> impl Iterator<Item = &Shard<CELLS>> {
        self.shards.iter().chain([&self.shared]).filter_map(OnceLock::get).map(|shard| &**shard)
    }

    /// The running thread's shard, once it has one. For a static the comparison is decided when compiling.
    #[inline]
    fn own(&self) -> Option<&Shard<CELLS>> {
        match H::kept() {
            Some(kept) if std::ptr::eq(self, kept.cells) => kept.own.with(|own| own.0.get()),
            _ => self.of(slot::current()),
        }
    }

    #[inline]
    fn of(&self, slot: usize) -> Option<&Shard<CELLS>> {
        self.shards[slot].get().map(|shard| &**shard)
    }

    #[cold]
    #[inline(never)]
    fn add_slowly(&self, cell: usize, amount: u64) {
        match self.first() {
            Some(shard) => shard[PADDING + cell].add_alone(amount),
            None => self.shared.get_or_init(empty)[PADDING + cell].add_shared(amount),
        }
    }

    #[cold]
    #[inline(never)]
    fn observe_slowly(&self, [first, bucket, bounds]: [usize; 3], grid: Option<&Grid>, value: u64) {
        let bucket = PADDING + first + bucket;
        let sum = PADDING + first + bounds + 1;
        let fine = grid.map(|grid| sum + 1 + grid.cell(value));
        if let Some(shard) = self.first() {
            shard[bucket].add_alone(1);
            shard[sum].saturating_add_alone(value);
            if let Some(fine) = fine {
                shard[fine].add_alone(1);
            }
        } else {
            let shard = self.shared.get_or_init(empty);
            shard[bucket].add_shared(1);
            shard[sum].saturating_add_shared(value);
            if let Some(fine) = fine {
                shard[fine].add_shared(1);
            }
        }
    }

    /// The running thread's shard, made now; `None` where the thread has to share.
    fn first(&self) -> Option<&Shard<CELLS>> {
        let slot = slot::assign()?;
        let shard = self.shards[slot].get_or_init(empty);
        if let Some(kept) = H::kept()
            && std::ptr::eq(self, kept.cells)
            && slot::before_giving_back(Self::forget)
        {
            kept.own.with(|own| own.0.set(kept.cells.of(slot)));
        }
        Some(shard)
    }

    /// Lets go of the shard that the running thread keeps at hand.
    fn forget() {
        if let Some(kept) = H::kept() {
            kept.own.with(|own| own.0.set(None));
        }
    }
}

impl<const CELLS: usize, H: Home<CELLS>> Default for Sharded<CELLS, H> {
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

/// A shard of zeros, built on the heap: a large catalog's shard would overflow a thread's stack.
#[allow(clippy::unnecessary_box_returns)] // by value it would overflow the stack, which is what this is for
fn empty<const CELLS: usize>() -> Box<Shard<CELLS>> {
    let cells: Box<[Cell]> = (0..CELLS).map(|_| Cell::zero()).collect();
    match cells.try_into() {
        Ok(cells) => cells,
        Err(_) => unreachable!("the slice was collected from CELLS cells"),
    }
}
