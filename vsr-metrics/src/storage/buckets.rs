//! What a histogram sorts observations into: its declared bounds, or those with a grid beside them.

use super::grid::Grid;

/// The buckets of a histogram, known when compiling.
pub trait Buckets: Sync {
    /// Declared upper bounds, without `+Inf`.
    fn bounds(&self) -> &[u64];

    /// Finer buckets beside them.
    fn grid(&self) -> Option<&'static Grid>;
}

/// Declared bounds alone.
impl<const BOUNDS: usize> Buckets for [u64; BOUNDS] {
    #[inline]
    fn bounds(&self) -> &[u64] {
        self
    }

    #[inline]
    fn grid(&self) -> Option<&'static Grid> {
        None
    }
}

/// Declared bounds with a grid beside them.
#[derive(Debug)]
pub struct Gridded<const BOUNDS: usize> {
    bounds: [u64; BOUNDS],
    grid: &'static Grid,
}

impl<const BOUNDS: usize> Gridded<BOUNDS> {
    /// Bounds of numbers of which `scale` make one exported unit.
    ///
    /// # Panics
    /// As [`Grid::of`] does, when compiling.
    #[must_use]
    pub const fn new(bounds: [u64; BOUNDS], scale: u64) -> Self {
        Self { bounds, grid: Grid::of(scale) }
    }
}

impl<const BOUNDS: usize> Buckets for Gridded<BOUNDS> {
    #[inline]
    fn bounds(&self) -> &[u64] {
        &self.bounds
    }

    #[inline]
    fn grid(&self) -> Option<&'static Grid> {
        Some(self.grid)
    }
}

/// Buckets that are known at run time alone.
pub(super) struct Slice<'a> {
    pub(super) bounds: &'a [u64],
    pub(super) grid: Option<&'static Grid>,
}

impl Buckets for Slice<'_> {
    #[inline]
    fn bounds(&self) -> &[u64] {
        self.bounds
    }

    #[inline]
    fn grid(&self) -> Option<&'static Grid> {
        self.grid
    }
}
