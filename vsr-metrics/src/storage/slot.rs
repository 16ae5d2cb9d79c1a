//! Which shard belongs to the running thread.
//!
//! A slot is a small number, held by at most one thread at a time. Taking one acquires what its last holder
//! released, so that plain loads and stores on the slot's cells never race.

use std::cell::{Cell, RefCell};

use super::taken::Taken;

/// Entries of a table with a place for every slot. A slot is a byte, so that an index needs no check.
pub(super) const TABLE: usize = 256;

/// No slot: the thread has not recorded yet, or has to share. Its place in every table stays empty.
const NONE: u8 = 0;

#[cfg(not(vsr_metrics_loom))]
static TAKEN: Taken<TABLE> = Taken::none();
#[cfg(vsr_metrics_loom)]
loom::lazy_static! {
    static ref TAKEN: Taken<TABLE> = Taken::none();
}

thread_local! {
    /// Has no destructor, so it can be read for as long as the thread runs.
    static SLOT: Cell<u8> = const { Cell::new(NONE) };
    /// Whether the thread asked for a slot before; whatever it got, it asks only once.
    static ASKED: Cell<bool> = const { Cell::new(false) };
    /// Gives the slot back when the thread ends.
    static LEASE: Lease = const { Lease { before: RefCell::new(Vec::new()) } };
}

/// The running thread's slot; where it has none, the number of a place that stays empty.
#[inline]
pub(super) fn current() -> usize {
    usize::from(SLOT.get())
}

/// The running thread's slot, which it takes now if it has not asked before; `None` where it has to share.
#[cold]
pub(super) fn assign() -> Option<usize> {
    // Touching the lease registers its destructor. If that has run already, so would every later one.
    if !ASKED.replace(true) && LEASE.try_with(|_| ()).is_ok() {
        let slot = TAKEN.take_from(usize::from(NONE) + 1).and_then(|slot| u8::try_from(slot).ok());
        SLOT.set(slot.unwrap_or(NONE));
    }
    Some(current()).filter(|slot| *slot != usize::from(NONE))
}

/// Has `forget` called before the running thread gives its slot back. Returns `false` where that is over.
pub(super) fn before_giving_back(forget: fn()) -> bool {
    let add = |lease: &Lease| {
        lease.before.try_borrow_mut().is_ok_and(|mut before| {
            before.push(forget);
            true
        })
    };
    LEASE.try_with(add).unwrap_or(false)
}

struct Lease {
    /// What refers to the slot's shards.
    before: RefCell<Vec<fn()>>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.before.take().into_iter().for_each(|forget| forget());
        // Destructors that run later and record find the shared shard.
        let slot = SLOT.replace(NONE);
        if slot != NONE {
            TAKEN.give_back(usize::from(slot));
        }
    }
}
