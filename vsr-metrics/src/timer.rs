//! Timers that record into a histogram when they go out of scope.

use std::fmt;

use crate::storage::{Buckets, Grid, Home, Sharded};

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
    grid: Option<&'static Grid>,
}

/// Storage of any size; a timer does not name how many cells its catalog has.
trait Observe: Sync {
    fn observe(&self, first: usize, bounds: &[u64], grid: Option<&'static Grid>, value: u64);
}

impl<const CELLS: usize, H: Home<CELLS>> Observe for Sharded<CELLS, H> {
    fn observe(&self, first: usize, bounds: &[u64], grid: Option<&'static Grid>, value: u64) {
        self.observe_slice(first, bounds, grid, value);
    }
}

impl<'a> Timer<'a> {
    /// Starts measuring for the histogram whose cells begin at `first`.
    pub fn start<const CELLS: usize, B: Buckets, H: Home<CELLS>>(
        cells: &'a Sharded<CELLS, H>,
        first: usize,
        buckets: &'static B,
    ) -> Self {
        let (bounds, grid) = (buckets.bounds(), buckets.grid());
        Self { histogram: Some(Histogram { cells, first, bounds, grid }), started: clock::now() }
    }

    /// Ends the measurement without recording it.
    pub fn discard(mut self) {
        self.histogram = None;
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if let Some(Histogram { cells, first, bounds, grid }) = &self.histogram {
            cells.observe(*first, bounds, *grid, clock::nanoseconds_since(self.started));
        }
    }
}

impl fmt::Debug for Timer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("records", &self.histogram.is_some()).finish_non_exhaustive()
    }
}

/// The fastest monotonic clock that is sound: the processor's time stamp counter where it is invariant, else the
/// system's. The first timer of the process calibrates it, which takes less than a millisecond.
mod clock {
    #[cfg(feature = "timer")]
    pub(super) use quanta::Instant;
    #[cfg(not(feature = "timer"))]
    pub(super) use std::time::Instant;

    pub(super) fn now() -> Instant {
        Instant::now()
    }

    /// Zero, should the clock have stepped back.
    pub(super) fn nanoseconds_since(started: Instant) -> u64 {
        crate::storage::nanoseconds(now().saturating_duration_since(started))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_steps_back_measures_zero() {
        let ahead = clock::now() + Duration::from_secs(60);
        assert_eq!(clock::nanoseconds_since(ahead), 0);
        let cells = Sharded::<64>::new();
        let mut timer = Timer::start(&cells, 0, &[10, 20]);
        timer.started = ahead;
        drop(timer);
        let mut totals = [0; 4];
        cells.total(&mut totals);
        assert_eq!(totals, [1, 0, 0, 0], "one observation of nothing, and no sum");
    }

    /// Read between two reads of the standard library's clock at both ends, so that no delay can matter.
    #[test]
    fn the_clock_keeps_time() {
        let longest = std::time::Instant::now();
        let started = clock::now();
        let shortest = std::time::Instant::now();
        std::thread::sleep(Duration::from_millis(50));
        let shortest = shortest.elapsed().as_secs_f64();
        let measured = Duration::from_nanos(clock::nanoseconds_since(started)).as_secs_f64();
        let longest = longest.elapsed().as_secs_f64();
        assert!(shortest * 0.99 < measured && measured < longest * 1.01, "{shortest} {measured} {longest}");
    }
}
