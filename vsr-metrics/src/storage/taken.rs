//! Which slots are held. Taking a slot acquires what giving it back released.

use super::sync::{AtomicBool, Ordering};

/// A mark for each of `N` slots.
pub(super) struct Taken<const N: usize>([AtomicBool; N]);

impl<const N: usize> Taken<N> {
    #[cfg(not(vsr_metrics_loom))]
    pub(super) const fn none() -> Self {
        Self([const { AtomicBool::new(false) }; N])
    }

    /// The model checker's atomics have no constant constructor.
    #[cfg(vsr_metrics_loom)]
    pub(super) fn none() -> Self {
        Self(std::array::from_fn(|_| AtomicBool::new(false)))
    }

    /// A free slot from `first` on, with everything its last holder wrote visible.
    pub(super) fn take_from(&self, first: usize) -> Option<usize> {
        (first..N).find(|slot| {
            let taken = &self.0[*slot];
            !taken.load(Ordering::Relaxed)
                && taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        })
    }

    /// Lets another thread go on from this slot.
    pub(super) fn give_back(&self, slot: usize) {
        self.0[slot].store(false, Ordering::Release);
    }
}
