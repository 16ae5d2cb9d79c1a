//! Gauges: the last write wins, so there is one cell for all threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::SILENT;

/// `N` gauges, each a value and a mark that it was ever set.
pub struct Gauges<const N: usize>([GaugeCell; N]);

struct GaugeCell {
    bits: AtomicU64,
    set: AtomicBool,
}

impl<const N: usize> Gauges<N> {
    /// Gauges that nobody has set.
    pub const fn new() -> Self {
        Self([const { GaugeCell { bits: AtomicU64::new(0), set: AtomicBool::new(false) } }; N])
    }

    /// Sets a gauge of unsigned integers.
    #[inline]
    pub fn set(&self, gauge: usize, value: u64) {
        if SILENT {
            return;
        }
        self.0[gauge].bits.store(value, Ordering::Relaxed);
        self.0[gauge].mark();
    }

    /// Sets a gauge of signed integers.
    #[inline]
    pub fn set_i64(&self, gauge: usize, value: i64) {
        self.set(gauge, value.cast_unsigned());
    }

    /// Sets a gauge of floating point numbers. A NaN says nothing and is not recorded.
    #[inline]
    pub fn set_f64(&self, gauge: usize, value: f64) {
        if !value.is_nan() {
            self.set(gauge, value.to_bits());
        }
    }

    /// Takes a gauge back: it is as if it was never set, but for `add` and `sub`, which go on from its value.
    pub fn unset(&self, gauge: usize) {
        self.0[gauge].set.store(false, Ordering::Release);
    }

    /// Adds to a gauge of unsigned integers, from zero if it was never set; stays at the largest value.
    pub fn add(&self, gauge: usize, amount: u64) {
        self.0[gauge].update(|bits| bits.saturating_add(amount));
    }

    /// Subtracts from a gauge of unsigned integers; stays at zero.
    pub fn sub(&self, gauge: usize, amount: u64) {
        self.0[gauge].update(|bits| bits.saturating_sub(amount));
    }

    /// Adds to a gauge of signed integers, from zero if it was never set.
    pub fn add_i64(&self, gauge: usize, amount: i64) {
        self.0[gauge].update(|bits| bits.cast_signed().saturating_add(amount).cast_unsigned());
    }

    /// Subtracts from a gauge of signed integers, from zero if it was never set.
    pub fn sub_i64(&self, gauge: usize, amount: i64) {
        self.0[gauge].update(|bits| bits.cast_signed().saturating_sub(amount).cast_unsigned());
    }

    /// Takes all gauges back.
    pub fn unset_all(&self) {
        (0..N).for_each(|gauge| self.unset(gauge));
    }

    /// The bits of all gauges; `None` for those that were never set.
    pub fn values(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        self.0.iter().map(GaugeCell::value)
    }
}

impl<const N: usize> Default for Gauges<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl GaugeCell {
    /// Release, so that whoever sees the mark sees a value.
    #[inline]
    fn mark(&self) {
        self.set.store(true, Ordering::Release);
    }

    fn update(&self, change: impl Fn(u64) -> u64) {
        if SILENT {
            return;
        }
        // The closure never declines, so neither does the update.
        let _ = self.bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| Some(change(bits)));
        self.mark();
    }

    fn value(&self) -> Option<u64> {
        self.set.load(Ordering::Acquire).then(|| self.bits.load(Ordering::Relaxed))
    }
}
