//! Which shard belongs to the running thread.
//!
//! A slot is a small number, held by at most one thread at a time. Taking one acquires what its last holder
//! released, so that plain loads and stores on the slot's cells never race.

use std::cell::Cell;

use super::taken::Taken;

/// How many threads can record at once without sharing a shard.
pub(super) const SLOTS: usize = 128;

/// The thread has not recorded yet.
const UNASSIGNED: usize = usize::MAX;
/// The thread has no slot of its own, or no longer.
const SHARED: usize = usize::MAX - 1;

#[cfg(not(vsr_metrics_loom))]
static TAKEN: Taken<SLOTS> = Taken::none();
#[cfg(vsr_metrics_loom)]
loom::lazy_static! {
    static ref TAKEN: Taken<SLOTS> = Taken::none();
}

thread_local! {
    /// Has no destructor, so it can be read for as long as the thread runs.
    static SLOT: Cell<usize> = const { Cell::new(UNASSIGNED) };
    /// Gives the slot back when the thread ends.
    static LEASE: Lease = const { Lease };
}

/// The running thread's slot if it has one, else a number past every table.
#[inline(always)]
#[allow(clippy::inline_always)] // one load; a call would cost more than all the rest of a recording
pub(super) fn current() -> usize {
    SLOT.get()
}

/// Gives the running thread a slot if it has none and may have one.
#[cold]
pub(super) fn assign() -> usize {
    if SLOT.get() == UNASSIGNED {
        // Touching the lease registers its destructor. If that has run already, so would every later one.
        let lives = LEASE.try_with(|_| ()).is_ok();
        SLOT.set(if lives { TAKEN.take().unwrap_or(SHARED) } else { SHARED });
    }
    SLOT.get()
}

struct Lease;

impl Drop for Lease {
    fn drop(&mut self) {
        // Destructors that run later and record find the shared shard.
        let slot = SLOT.replace(SHARED);
        if slot < SLOTS {
            TAKEN.give_back(slot);
        }
    }
}
