//! A shard kept at hand: for the one instance of a catalog that never moves, its `static METRICS`.
//!
//! Any other instance can be moved, so its address does not tell it from one that stood there before, and a
//! recording has to look its shard up. A static is known by its address. Each thread keeps a reference to its
//! shard of it in a thread-local of the catalog's own, and a recording through the static is one load, one test
//! and the addition. The reference is dropped before the thread's slot is given back.

use std::thread::LocalKey;

use super::cell::Cell;
use super::sharded::Sharded;

/// One thread's copy of all cells.
pub(super) type Shard<const CELLS: usize> = [Cell; CELLS];

/// Which storage of a catalog, if any, never moves. The expansion of `catalog!` says so of its static.
pub trait Home<const CELLS: usize>: Sized + 'static {
    /// The storage, and where a thread keeps its shard of it.
    fn kept() -> Option<Kept<CELLS, Self>>;
}

/// Storage that never moves.
pub struct Kept<const CELLS: usize, H: 'static> {
    /// The storage.
    pub cells: &'static Sharded<CELLS, H>,
    /// The running thread's shard of it. Used for nothing else.
    pub own: &'static LocalKey<Own<CELLS>>,
}

/// The shard that a thread keeps at hand. Without a destructor, so it is there for as long as the thread runs.
pub struct Own<const CELLS: usize>(pub(super) std::cell::Cell<Option<&'static Shard<CELLS>>>);

/// For storage that may stand anywhere: every shard is looked up.
pub enum Anywhere {}

impl<const CELLS: usize> Own<CELLS> {
    /// None yet.
    pub const fn none() -> Self {
        Self(std::cell::Cell::new(None))
    }
}

impl<const CELLS: usize> Home<CELLS> for Anywhere {
    #[inline]
    fn kept() -> Option<Kept<CELLS, Self>> {
        None
    }
}
