//! What goes into the core of a replica and what comes out: all that a driver has to know.
//!
//! A driver carries outputs out in order. Writes are promises: nothing that the core says to others before it heard
//! of a write's end depends on that write. What a crash leaves of the disk comes back as [`Restored`].
//!
//! Who counts what: storage counts the bytes that it writes, the size and the entries of the log, and everything that
//! it reads whose checksum fails. The wire layer counts frames whose checksum fails, and bytes. All other numbers are
//! the core's, rejections of refused frames included.

use std::sync::Arc;
use std::time::Duration;

use crate::configuration::{Configuration, Version};
use crate::message::{Entry, Envelope, OpNumber, ReplicaIndex, Reply, Request, Stamp};
use crate::state_machine::Outcome;
use crate::storage::{Opened, Slot, Storage, Superblock};

/// Time since some moment that the driver chose.
pub type Time = Duration;

/// Where a core reads the time: the real clock, or a simulation's.
pub trait Clock {
    /// The time now; never less than it was.
    fn now(&self) -> Time;

    /// The calendar's time: nanoseconds since 1970, as far as this machine knows. It may jump.
    fn calendar(&self) -> Stamp;
}

/// What storage found when it was opened.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The superblock, as at least one sound copy says.
    pub superblock: Superblock,
    /// The state after the superblock's checkpoint; nothing if there is none or if it is damaged.
    pub checkpoint: Option<Vec<u8>>,
    /// The log, in order; damaged entries stand in their places.
    pub log: Vec<(OpNumber, Slot)>,
    /// The cluster's first configuration: that of the state before operation 1, from which a log without a
    /// checkpoint is executed again. The superblock's may be a later one.
    pub founded: Configuration,
}

/// What happens to a replica.
#[derive(Clone, Debug)]
pub enum Input {
    /// The first input: the disk is read, peers can be reached.
    Start,
    /// An authentic message arrived.
    Message(Envelope),
    /// A frame arrived that the wire layer refused.
    Refused(WireFault),
    /// A client asks for something.
    Request(Request),
    /// The log is flushed through this operation. It is about the log as it was after the latest
    /// [`Output::Truncate`]: a driver drops news that a truncation overtook.
    Persisted(OpNumber),
    /// The oldest [`Output::WriteSuperblock`] that was not reported yet is safe.
    SuperblockWritten,
    /// The checkpoint of this operation is safe.
    CheckpointWritten(OpNumber),
    /// What [`Output::Read`] asked for, as much as the log holds.
    Read {
        /// As asked.
        purpose: Purpose,
        /// The places, in order.
        slots: Vec<(OpNumber, Slot)>,
    },
    /// What [`Output::ReadCheckpoint`] asked for.
    CheckpointRead {
        /// As asked.
        purpose: Purpose,
        /// Its operation.
        op: OpNumber,
        /// The state; nothing if it is damaged.
        state: Option<Vec<u8>>,
    },
    /// An operator asks the primary to step down.
    Abdicate,
    /// The time of the replica's deadline has come.
    Tick,
    /// The last input: nothing may be left unsaid.
    Stop,
}

/// Why the wire layer refused a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// The frame's checksum does not match, or it is not a frame at all. Storage of the count is the wire layer's.
    Damaged,
    /// The code does not match what the sender named would have written, or the frame is for somebody else.
    Forged,
    /// An authentic frame holds an operation that this software does not know.
    UnknownOperation,
}

/// For whom something is read from the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A peer asked for a repair, a checkpoint or a gap.
    Answer {
        /// Who asked.
        to: ReplicaIndex,
        /// The request's.
        nonce: u64,
        /// The answer is that to a gap.
        is_gap: bool,
        /// The first entry that was asked for; 0 for a checkpoint.
        first: OpNumber,
    },
    /// The scrubber reads everything now and then.
    Scrub,
}

/// What a driver has to do, in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a message. It may get lost.
    Send(Envelope),
    /// Answer a client.
    Reply(Reply),
    /// Append to the log and, soon, flush it and say so with [`Input::Persisted`].
    Append(Arc<Entry>),
    /// Drop everything after this operation; the next entry appended follows it.
    Truncate(OpNumber),
    /// Write an entry anew at its place, which is damaged.
    Rewrite(Arc<Entry>),
    /// Read places of the log and return them with [`Input::Read`].
    Read {
        /// For whom.
        purpose: Purpose,
        /// The first one.
        first: OpNumber,
        /// At most so many.
        limit: usize,
    },
    /// Keep this state and a superblock that names it, then say so with [`Input::CheckpointWritten`]. The log before
    /// it may go then; one that does not reach the checkpoint begins after it.
    WriteCheckpoint {
        /// Its operation.
        op: OpNumber,
        /// The encoded state.
        state: Arc<[u8]>,
        /// Entries after this one stay, for peers that lag behind. Of a state that is another replica's, none before it
        /// do.
        keep_after: OpNumber,
        /// What else is to be remembered.
        superblock: Superblock,
    },
    /// Read the checkpoint of the latest superblock and return it with [`Input::CheckpointRead`].
    ReadCheckpoint {
        /// For whom.
        purpose: Purpose,
    },
    /// Keep this, then say so with [`Input::SuperblockWritten`].
    WriteSuperblock(Superblock),
    /// Nothing to do: an operation was executed. For whoever watches over safety.
    Applied {
        /// What was executed.
        entry: Arc<Entry>,
        /// What came of it.
        outcome: Outcome,
    },
    /// Nothing to do: a checkpoint of another replica replaced the state. For whoever watches over safety.
    Installed {
        /// The latest operation in it.
        op: OpNumber,
        /// The state machine's digest after it.
        digest: u32,
    },
}

impl Restored {
    /// A new disk of a replica: only whoever founds the cluster or adds the replica to it may make one. A disk that
    /// lost what it held must not pass for a new one.
    pub fn new(configuration: Configuration, version: Version) -> Self {
        let superblock = Superblock { configuration, version, ..Superblock::default() };
        Self { superblock, checkpoint: None, log: Vec::new(), founded: configuration }
    }

    /// What a disk held, or a new disk if it never held anything; `founded` is the cluster's first configuration.
    /// `None` if it held something once and no superblock says what.
    pub fn of<D>(opened: Opened<D>, founded: Configuration, version: Version) -> Option<(Storage<D>, Self)> {
        let Opened { storage, superblock, damaged_copies, checkpoint, log, .. } = opened;
        let restored = match superblock {
            Some(superblock) => Self { superblock, checkpoint, log, founded },
            None if damaged_copies == 0 && log.is_empty() => Self::new(founded, version),
            None => return None,
        };
        Some((storage, restored))
    }
}
