//! The numbers behind the handles of the crate `metrics`. Any thread may hold a handle, so these are atomic.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use metrics::{CounterFn, GaugeFn, HistogramFn};

use crate::health::{METRICS, Overflow};
use crate::snapshot::Number;

/// A total.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

/// A value, and whether it was ever set.
#[derive(Default)]
pub(super) struct Gauge {
    bits: AtomicU64,
    is_set: AtomicBool,
}

/// Buckets, and the sum.
pub(super) struct Histogram {
    bounds: &'static [u64],
    scale: u64,
    cells: Box<[AtomicU64]>,
}

impl Counter {
    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl CounterFn for Counter {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

impl Gauge {
    pub(super) fn bits(&self) -> Option<u64> {
        self.is_set.load(Ordering::Acquire).then(|| self.bits.load(Ordering::Relaxed))
    }

    /// NaN says nothing and is not recorded.
    fn change(&self, change: impl Fn(f64) -> f64) {
        let changed =
            |bits| Some(change(f64::from_bits(bits))).filter(|value| !value.is_nan()).map(f64::to_bits);
        if self.bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed).is_err() {
            METRICS.increment_facade_overflow(Overflow::Value);
            return;
        }
        // Release, so that whoever sees the mark sees a value.
        self.is_set.store(true, Ordering::Release);
    }
}

impl GaugeFn for Gauge {
    fn increment(&self, value: f64) {
        self.change(|known| known + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|known| known - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl Histogram {
    pub(super) fn new(bounds: &'static [u64], scale: u64) -> Self {
        Self { bounds, scale, cells: (0..bounds.len() + 2).map(|_| AtomicU64::new(0)).collect() }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.cells.iter().map(|cell| cell.load(Ordering::Relaxed))
    }
}

impl HistogramFn for Histogram {
    fn record(&self, value: f64) {
        self.record_many(value, 1);
    }

    /// A number below zero, or none at all, has no bucket.
    fn record_many(&self, value: f64, count: usize) {
        let Some(stored) = stored(value, self.scale) else {
            METRICS.increment_facade_overflow(Overflow::Value);
            return;
        };
        let bucket = self.bounds.iter().filter(|bound| stored > **bound).count();
        let count = count as u64;
        self.cells[bucket].fetch_add(count, Ordering::Relaxed);
        let sum = |known: u64| Some(known.saturating_add(stored.saturating_mul(count)));
        // The closure never declines, so neither does the update.
        let _ = self.cells[self.bounds.len() + 1].fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }
}

/// The number as it is kept, by way of a time, which knows how to round and what is too large; `None` for what is below
/// zero or no number.
fn stored(value: f64, scale: u64) -> Option<u64> {
    let seconds = value * Number::U64(scale).as_f64() / 1e9;
    u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_to_the_last_digit_that_is_kept() {
        assert_eq!(stored(0.25, 1_000_000), Some(250_000));
        assert_eq!(stored(1.1, 1_000_000_000), Some(1_100_000_000));
        assert_eq!(stored(4_503_599_627_370_496.0, 1), Some(1 << 52));
        for value in [-0.0, 0.0, 1e-300] {
            assert_eq!(stored(value, 1), Some(0));
        }
        for value in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, f64::MAX] {
            assert_eq!(stored(value, 1), None, "{value}");
        }
    }

    #[test]
    fn a_gauge_that_becomes_nan_stays_as_it_was() {
        let gauge = Gauge::default();
        gauge.set(f64::NAN);
        assert_eq!(gauge.bits(), None);
        gauge.set(f64::INFINITY);
        gauge.decrement(f64::INFINITY);
        assert_eq!(gauge.bits().map(f64::from_bits), Some(f64::INFINITY));
    }

    #[test]
    fn threads_that_record_at_once_lose_nothing() {
        let (counter, gauge) = (Counter::default(), Gauge::default());
        let histogram = Histogram::new(&[1, 2], 1);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        counter.increment(2);
                        gauge.increment(1.0);
                        histogram.record_many(2.0, 3);
                    }
                });
            }
        });
        assert_eq!((counter.value(), gauge.bits().map(f64::from_bits)), (80_000, Some(40_000.0)));
        assert_eq!(histogram.values().collect::<Vec<_>>(), [0, 120_000, 0, 240_000]);
    }
}
