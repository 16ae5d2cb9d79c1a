//! The end of the log in memory: everything not executed yet, and enough before it for view changes and gaps.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::message::{Entry, OpNumber};

/// The latest entries, and how far the log on disk is known to go.
#[derive(Debug)]
pub(super) struct Window {
    /// The op number of the first entry here, or of the entry to come.
    first: OpNumber,
    entries: VecDeque<Arc<Entry>>,
    /// The latest entry that is flushed.
    persisted: OpNumber,
    /// The latest entry that the disk may hold: more than is here when what follows a damaged place was left alone.
    on_disk: OpNumber,
    /// The first entry that the disk still holds, or the one to come.
    log_first: OpNumber,
}

impl Window {
    /// A log that ends with `after` and holds nothing.
    pub(super) fn after(op: OpNumber, on_disk: OpNumber, log_first: OpNumber) -> Self {
        Self { first: op + 1, entries: VecDeque::new(), persisted: op, on_disk, log_first }
    }

    /// The latest entry's op number: the replica's op-number (figure 2).
    pub(super) fn last(&self) -> OpNumber {
        self.first + self.entries.len() as u64 - 1
    }

    /// How many entries are here.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn persisted(&self) -> OpNumber {
        self.persisted
    }

    pub(super) fn log_first(&self) -> OpNumber {
        self.log_first
    }

    pub(super) fn get(&self, op: OpNumber) -> Option<&Arc<Entry>> {
        self.entries.get(usize::try_from(op.checked_sub(self.first)?).ok()?)
    }

    /// The view of the latest entry, as far as it is here.
    pub(super) fn last_view(&self) -> u64 {
        self.entries.back().map_or(0, |entry| entry.view)
    }

    /// Adds the next entry.
    pub(super) fn append(&mut self, entry: Arc<Entry>) {
        debug_assert_eq!(entry.op, self.last() + 1, "entries are appended in order");
        self.on_disk = self.on_disk.max(entry.op);
        self.entries.push_back(entry);
    }

    /// Takes in an entry that the disk holds already.
    pub(super) fn restore(&mut self, entry: Arc<Entry>) {
        self.persisted = entry.op;
        self.entries.push_back(entry);
    }

    /// The log is flushed through `op`.
    pub(super) fn flushed(&mut self, op: OpNumber) {
        self.persisted = self.persisted.max(op.min(self.last()));
    }

    /// Drops everything after `op`; tells whether the disk has to as well.
    pub(super) fn truncate(&mut self, op: OpNumber) -> bool {
        let must_cut = self.on_disk > op;
        let keep = usize::try_from((op + 1).saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.entries.truncate(keep);
        self.first = self.first.min(op + 1);
        self.persisted = self.persisted.min(op);
        self.on_disk = self.on_disk.min(op);
        must_cut
    }

    /// A state took the place of everything through `op`: what stood there may not be what was committed, so nothing
    /// of it is handed out any more. What comes after it stays.
    pub(super) fn replace_through(&mut self, op: OpNumber) {
        self.log_first = self.log_first.max(op + 1);
        if self.last() < op {
            // The disk may hold more than is here, and cuts it once the next entry is known.
            *self = Self::after(op, self.on_disk.max(op), self.log_first);
            return;
        }
        while self.first <= op {
            self.entries.pop_front();
            self.first += 1;
        }
        self.persisted = self.persisted.max(op);
    }

    /// The disk dropped everything before `first`.
    pub(super) fn compacted(&mut self, first: OpNumber) {
        self.log_first = self.log_first.max(first);
    }

    /// Forgets what is before `from`; the disk keeps it.
    pub(super) fn trim(&mut self, from: OpNumber) {
        while self.first < from && self.entries.len() > 1 {
            self.entries.pop_front();
            self.first += 1;
        }
    }

    /// Entries `from` to `to`, as far as they are here.
    pub(super) fn range(&self, from: OpNumber, to: OpNumber) -> Vec<Arc<Entry>> {
        (from..=to).map_while(|op| self.get(op).cloned()).collect()
    }

    /// The first entry of the last `count` flushed ones that are here.
    pub(super) fn tail_first(&self, count: u64) -> OpNumber {
        self.first.max((self.persisted + 1).saturating_sub(count))
    }
}
