//! What a replica keeps: a log in segments, a checkpoint of the state, and a superblock, all under checksums.
//!
//! The paper keeps the log in memory and recovers from peers (section 4.3); on disk, a whole cluster can stop and
//! start again. [`Storage`] knows the format and counts what it does; below it a [`Disk`] knows only files:
//! [`Directory`] is real, [`Memory`] forgets in a crash what was not synchronized, [`Faulty`] breaks either.
//!
//! One order is kept: a checkpoint is on the disk before the superblock names it, and the log before it goes only
//! after that.

use std::io;
use std::sync::Arc;

use vsr_metrics::Metrics;

use crate::message::{Entry, OpNumber, ReplicaIndex};
use crate::state_machine::Operation;

mod checkpoint;
mod directory;
mod disk;
mod faults;
mod format;
mod log;
mod memory;
mod superblock;

pub use directory::Directory;
pub use disk::{Disk, Name};
pub use faults::{Faults, Faulty, rot};
use log::Log;
pub use log::Slot;
pub use memory::Memory;
pub use superblock::Superblock;

/// When what was written counts as kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Left to the operating system: survives the end of the process, not of the machine.
    #[default]
    Flush,
    /// Synchronized with each batch, before anything is said about its entries.
    Sync,
}

/// How a replica's storage is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Whose it is.
    pub replica: ReplicaIndex,
    /// When log entries count as kept. Superblocks and checkpoints are always synchronized.
    pub durability: Durability,
    /// Entries of a segment. The log before a checkpoint goes segment by segment.
    pub segment: u64,
}

/// A replica's storage, open.
#[derive(Debug)]
pub struct Storage<D> {
    disk: D,
    layout: Layout,
    metrics: Arc<Metrics>,
    log: Log,
    superblock: Superblock,
}

/// What the disk held when it was opened.
#[derive(Debug)]
pub struct Opened<D> {
    /// The storage, appending after the last entry.
    pub storage: Storage<D>,
    /// What the replica knew of itself. `None` if nothing was ever written, or all copies are damaged.
    pub superblock: Option<Superblock>,
    /// Copies of the superblock that were damaged, and are whole again if any other was.
    pub damaged_copies: u64,
    /// The state of the checkpoint that the superblock names; `None` if it names none, or it is damaged.
    pub checkpoint: Option<Vec<u8>>,
    /// Headers of the log's segments that were damaged, by a bit that flipped or a crash under way, and are whole again.
    pub damaged_headers: u64,
    /// The log from its first entry on; damaged entries stand in their places.
    pub log: Vec<(OpNumber, Slot)>,
}

/// Entries of a segment, if nothing else is asked for: a little over a megabyte.
pub const SEGMENT: u64 = 1 << 14;

/// Bytes that an entry takes in the log.
pub const ENTRY_BYTES: u64 = format::ENTRY as u64;
/// Bytes that a segment of the log takes besides its entries.
pub const SEGMENT_BYTES: u64 = format::SEGMENT_HEADER as u64;

impl Layout {
    /// Segments of the usual size, flushed and not synchronized.
    pub fn of(replica: ReplicaIndex) -> Self {
        Self { replica, durability: Durability::default(), segment: SEGMENT }
    }
}

impl<D: Disk> Storage<D> {
    /// Opens a replica's disk, verifies everything on it, and removes what a crash left half done.
    ///
    /// An entry cut short at the very end was never acknowledged, because entries are acknowledged after they are
    /// flushed: it is cut off. Any other mismatch is counted as a checksum failure and left to the caller to
    /// judge.
    ///
    /// # Errors
    /// If the disk cannot be read or written, or belongs to another replica.
    pub fn open(mut disk: D, layout: Layout, metrics: Arc<Metrics>) -> io::Result<Opened<D>> {
        let read = superblock::read(&mut disk, layout.replica, &metrics)?;
        let superblock = read.superblock.unwrap_or_default();
        let checkpoint = match superblock.checkpoint {
            0 => None,
            op => checkpoint::read(&mut disk, op, &metrics)?,
        };
        for name in disk.names()? {
            if matches!(name, Name::Checkpoint(op) if op != superblock.checkpoint) {
                disk.remove(name)?;
            }
        }
        let (log, found) = Log::open(&mut disk, layout, superblock.log_first, Arc::clone(&metrics))?;
        let storage = Self { disk, layout, metrics, log, superblock };
        Ok(Opened {
            storage,
            superblock: read.superblock,
            damaged_copies: read.damaged,
            checkpoint,
            damaged_headers: found.damaged_headers,
            log: found.entries,
        })
    }

    /// Appends the next entry. It counts for nothing until [`flush`](Self::flush).
    ///
    /// # Errors
    /// If the entry does not follow the last one.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.log.append(entry)
    }

    /// Writes all appended entries, and synchronizes them if so asked. Returns the latest entry that is now safe,
    /// if there are new ones.
    ///
    /// # Errors
    /// If the disk cannot be written; nothing may be said about the entries then.
    pub fn flush(&mut self) -> io::Result<Option<OpNumber>> {
        self.log.flush(&mut self.disk)
    }

    /// Reads flushed entries back and verifies them: from `first` on, at most `limit`, as far as the log goes. A
    /// damaged one counts as a checksum failure of the log each time it is read.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub fn read(&mut self, first: OpNumber, limit: usize) -> io::Result<Vec<(OpNumber, Slot)>> {
        self.log.read(&mut self.disk, first, limit)
    }

    /// Writes an entry of the log anew, in its place, and synchronizes it: a repair.
    ///
    /// # Errors
    /// If the log has no place for it, or the disk cannot be written.
    pub fn rewrite(&mut self, entry: &Entry) -> io::Result<()> {
        self.log.rewrite(&mut self.disk, entry)
    }

    /// Drops all entries after `last`, flushed or not, as a view change asks for.
    ///
    /// # Errors
    /// If the disk cannot be written.
    pub fn truncate(&mut self, last: OpNumber) -> io::Result<()> {
        self.log.truncate(&mut self.disk, last)
    }

    /// Writes a checkpoint of the state after `op`, and a superblock that names it. Whole segments of the log
    /// that end at `keep_after` or before are dropped; a log that does not reach the checkpoint begins after it, and so
    /// does one of which nothing is to be kept before it: what stands there may not be what led to the state.
    ///
    /// # Errors
    /// If the disk cannot be written; then the checkpoint before it still counts.
    pub fn checkpoint(
        &mut self,
        op: OpNumber,
        state: &[u8],
        keep_after: OpNumber,
        superblock: &Superblock,
    ) -> io::Result<()> {
        let before = self.superblock.checkpoint;
        if op != before {
            checkpoint::write(&mut self.disk, op, state)?;
        }
        let is_replaced = self.log.last() < op || keep_after >= op;
        let first = if is_replaced { op + 1 } else { self.log.first_kept(keep_after) };
        let named = Superblock { checkpoint: op, ..*superblock };
        self.write_superblock_with(&named, first)?;
        if op != before {
            self.disk.remove(Name::Checkpoint(before))?;
        }
        self.log.begin_at(&mut self.disk, first)
    }

    /// Reads the checkpoint back and verifies it, as for a peer that lags behind or a scrub.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub fn read_checkpoint(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.superblock.checkpoint {
            0 => Ok(None),
            op => checkpoint::read(&mut self.disk, op, &self.metrics),
        }
    }

    /// Writes the superblock. What it says of the checkpoint stays as it was.
    ///
    /// # Errors
    /// If the disk cannot be written; then the superblock before it may still count.
    pub fn write_superblock(&mut self, superblock: &Superblock) -> io::Result<()> {
        let named = Superblock { checkpoint: self.superblock.checkpoint, ..*superblock };
        self.write_superblock_with(&named, self.superblock.log_first)
    }

    /// The superblock as it was written last.
    pub fn superblock(&self) -> Superblock {
        self.superblock
    }

    /// The first entry of the log, or the one that would be.
    pub fn first(&self) -> OpNumber {
        self.log.first()
    }

    /// The last entry appended; the one before the first if there is none.
    pub fn last(&self) -> OpNumber {
        self.log.last()
    }

    /// Where an entry is on the disk: its file, and the offset in it. For tests and faults.
    pub fn place(&self, op: OpNumber) -> (Name, u64) {
        log::place(self.layout, op)
    }

    /// The disk below.
    pub fn disk(&mut self) -> &mut D {
        &mut self.disk
    }

    fn write_superblock_with(&mut self, superblock: &Superblock, log_first: OpNumber) -> io::Result<()> {
        let sequence = self.superblock.sequence + 1;
        let written = Superblock { sequence, log_first, ..*superblock };
        superblock::write(&mut self.disk, self.layout.replica, &written)?;
        self.superblock = written;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
