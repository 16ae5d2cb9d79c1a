//! Timers that record into a histogram when they go out of scope.

use std::fmt;

use crate::storage::Sharded;

/// A running measurement. Dropping it records the time since it was started; [`discard`](Self::discard) does not.
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct Timer<'a> {
    histogram: Option<Histogram<'a>>,
    started: clock::Instant,
}

struct Histogram<'a> {
    cells: &'a dyn Observe,
    first: usize,
    bounds: &'static [u64],
}

/// Storage of any size; a timer does not name how many cells its catalog has.
trait Observe: Sync {
    fn observe(&self, first: usize, bounds: &[u64], value: u64);
}

impl<const CELLS: usize> Observe for Sharded<CELLS> {
    fn observe(&self, first: usize, bounds: &[u64], value: u64) {
        self.observe_slice(first, bounds, value);
    }
}

impl<'a> Timer<'a> {
    /// Starts measuring for the histogram whose cells begin at `first`.
    pub fn start<const CELLS: usize, const BOUNDS: usize>(
        cells: &'a Sharded<CELLS>,
        first: usize,
        bounds: &'static [u64; BOUNDS],
    ) -> Self {
        Self { histogram: Some(Histogram { cells, first, bounds }), started: clock::now() }
    }

    /// Ends the measurement without recording it.
    pub fn discard(mut self) {
        self.histogram = None;
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if let Some(Histogram { cells, first, bounds }) = &self.histogram {
            cells.observe(*first, bounds, clock::nanoseconds_since(self.started));
        }
    }
}

impl fmt::Debug for Timer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("records", &self.histogram.is_some()).finish_non_exhaustive()
    }
}

/// The fastest monotonic clock that is sound: the processor's time stamp counter where the kernel trusts it too,
/// else the standard library's. Both saturate at zero should the clock step back.
mod clock {
    #[cfg(feature = "timer")]
    pub(super) use fastant::Instant;
    #[cfg(not(feature = "timer"))]
    pub(super) use std::time::Instant;

    pub(super) fn now() -> Instant {
        Instant::now()
    }

    pub(super) fn nanoseconds_since(started: Instant) -> u64 {
        crate::storage::nanoseconds(started.elapsed())
    }
}
