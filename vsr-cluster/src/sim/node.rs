//! One replica of the simulation: its core, its disk with a queue in front, its clock.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use vsr_metrics::{Metrics, OutOfRange, ReplicaId};

use super::machine::{Hardware, Machine};
use super::observer::Observer;
use super::random::Random;
use super::scenario::{DiskFailure, Rot};
use crate::configuration::{Configuration, Version};
use crate::counts::{Counted, Counts};
use crate::message::{ReplicaIndex, Stamp};
use crate::replica::{Clock, Input, Output, Replica, Restored, Time, Tuning};
use crate::storage::{
    Disk as _, Durability, ENTRY_BYTES, Faults, Faulty, Layout, Memory, Name, SEGMENT_BYTES, Storage, rot,
};
use crate::wire::{Keyring, Secret};

/// A replica that runs or is down.
pub(super) struct Node {
    pub(super) index: ReplicaIndex,
    pub(super) metrics: Arc<Metrics>,
    pub(super) keys: Keyring,
    pub(super) version: Version,
    memory: Memory,
    faults: Faults,
    pub(super) machine: Machine,
    /// Whether its metrics can be scraped while it runs.
    pub(super) is_scrapeable: bool,
    pub(super) running: Option<Running>,
    /// Grows with every start, so that what was under way before a crash is told from what is now.
    pub(super) life: u64,
    /// How long the disk takes to write something.
    pub(super) disk: Duration,
    /// Nanoseconds by which the calendar is off.
    pub(super) skew: i64,
    /// The tick that counts; others were overtaken.
    pub(super) tick_at: Option<Time>,
}

pub(super) struct Running {
    pub(super) replica: Replica,
    storage: Storage<Counted<Faulty<Memory>>>,
    /// What the disk has to do, in order.
    queue: VecDeque<Output>,
}

/// What the files of a log hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LogOnDisk {
    pub(super) bytes: u64,
    pub(super) entries: u64,
}

/// The virtual time, as a replica sees it.
#[derive(Clone, Copy)]
pub(super) struct VirtualClock {
    pub(super) now: Time,
    pub(super) skew: i64,
}

/// Entries of a segment: small, so that compaction happens.
const SEGMENT: u64 = 128;
/// The calendar at the beginning: some day in 2026, in nanoseconds.
const EPOCH: Stamp = 1_780_000_000_000_000_000;

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        self.now
    }

    fn calendar(&self) -> Stamp {
        let since = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        EPOCH.saturating_add(since).saturating_add_signed(self.skew)
    }
}

impl Node {
    pub(super) fn new(index: ReplicaIndex, secret: &Secret, disk: Duration) -> Result<Self, OutOfRange> {
        let id = ReplicaId::new(u32::try_from(index).unwrap_or(u32::MAX))?;
        Ok(Self {
            index,
            metrics: Arc::new(Metrics::new(id)),
            keys: Keyring::of_replica(index, secret),
            version: Version { major: 1, minor: 0 },
            memory: Memory::default(),
            faults: Faults::default(),
            machine: Machine::default(),
            is_scrapeable: true,
            running: None,
            life: 0,
            disk,
            skew: 0,
            tick_at: None,
        })
    }

    /// Opens the disk and makes the replica of what it holds. Tells whether there is one: not if the disk lost its
    /// superblock.
    pub(super) fn start(
        &mut self,
        founded: Configuration,
        tuning: &Tuning,
        counts: &Counts,
        observer: &mut Observer,
    ) -> io::Result<bool> {
        let layout = Layout { durability: Durability::Sync, segment: SEGMENT, ..Layout::of(self.index) };
        let disk = counts.disk(self.index, Faulty::new(self.memory.clone(), self.faults.clone()));
        let opened = Storage::open(disk, layout, Arc::clone(&self.metrics))?;
        observer.opened(self.index, &opened, founded, self.version);
        self.life += 1;
        self.tick_at = None;
        let Some((storage, restored)) = Restored::of(opened, founded, self.version) else { return Ok(false) };
        let replica = Replica::new(self.index, self.version, *tuning, Arc::clone(&self.metrics), restored);
        self.running = Some(Running { replica, storage, queue: VecDeque::new() });
        Ok(true)
    }

    /// What it counted so far ends with its process; another process begins at zero.
    pub(super) fn forget_metrics(&mut self) {
        if let Some(id) = u32::try_from(self.index).ok().and_then(|index| ReplicaId::new(index).ok()) {
            self.metrics = Arc::new(Metrics::new(id));
        }
    }

    /// The replica samples its machine.
    pub(super) fn sample(&mut self, now: Time, on: &Hardware) {
        let passed = self.machine.pass(now);
        let stored = self.disk_bytes() as u64;
        if let Some(Running { replica, .. }) = &self.running {
            let kept = replica.entries_in_memory() as u64 * crate::storage::ENTRY_BYTES;
            self.machine.sample(passed, on, kept, stored, &self.metrics);
        }
    }

    /// Power is lost: what waits for the disk never gets there, and what was not synchronized may be torn.
    pub(super) fn crash(&mut self, random: &mut Random) {
        self.running = None;
        self.machine.end_program();
        self.life += 1;
        self.metrics.retire();
        self.faults.end_process();
        self.memory.crash(|length| random.index(length + 1));
    }

    pub(super) fn clock(&self, now: Time) -> VirtualClock {
        VirtualClock { now, skew: self.skew }
    }

    /// Has the disk fail. A single write or synchronization is one of a replica that runs.
    pub(super) fn fail(&self, failure: DiskFailure) {
        match failure {
            DiskFailure::Write | DiskFailure::TornWrite(_) | DiskFailure::Sync if self.running.is_none() => {}
            DiskFailure::Write => self.faults.fail_writes(1),
            DiskFailure::TornWrite(kept) => self.faults.tear_write_after(0, kept),
            DiskFailure::Sync => self.faults.fail_syncs(1),
            DiskFailure::Full => self.faults.leave_room(Some(0)),
            DiskFailure::Freed => self.faults.leave_room(None),
        }
    }

    /// The disk fails no more.
    pub(super) fn mend(&self) {
        self.faults.end_process();
        self.faults.leave_room(None);
    }

    /// Writes and syncs that failed because the disk was to.
    pub(super) fn failures(&self) -> u64 {
        self.faults.failures()
    }

    /// Flips a bit on the disk.
    pub(super) fn rot(&mut self, what: Rot, random: &mut Random) -> io::Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let (name, offset) = match what {
            Rot::Log(before) => {
                let op = running.replica.commit_number().saturating_sub(before);
                if op < running.storage.first() {
                    return Ok(());
                }
                let (name, offset) = running.storage.place(op);
                (name, offset + random.below(crate::storage::ENTRY_BYTES))
            }
            // A page each, of which the first hundred bytes count.
            Rot::Superblock(copy) => (Name::Superblock, copy * 4096 + random.below(100)),
            Rot::Checkpoint => {
                let name = Name::Checkpoint(running.storage.superblock().checkpoint);
                let length = self.memory.length(name)?;
                (name, random.below(length))
            }
        };
        rot(&mut self.memory, name, offset)
    }

    /// The log as its files have it, with what is there of the storage's knowledge of where it begins.
    pub(super) fn log_on_disk(&self) -> LogOnDisk {
        let Some(running) = &self.running else { return LogOnDisk::default() };
        let mut memory = self.memory.clone();
        let mut log = LogOnDisk::default();
        let before = running.storage.first() - 1;
        // Memory does not fail.
        for name in memory.names().unwrap_or_default() {
            let (Name::Segment(segment), Ok(length)) = (name, memory.length(name)) else { continue };
            // A log that begins within a segment leaves a hole before it.
            let hole = before.saturating_sub(segment * SEGMENT).min(SEGMENT) * ENTRY_BYTES;
            log.bytes += length - hole;
            log.entries += (length - hole - SEGMENT_BYTES) / ENTRY_BYTES;
        }
        log
    }

    /// Bytes on the disk.
    pub(super) fn disk_bytes(&self) -> usize {
        self.memory.size()
    }
}

impl Running {
    /// Gives the disk something to do. Tells whether it was idle.
    pub(super) fn enqueue(&mut self, output: Output) -> bool {
        self.queue.push_back(output);
        self.queue.len() == 1
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Does what is first in the queue. Entries are written together, as many as wait. Returns what the core is told.
    pub(super) fn work(&mut self, observer: &mut Observer) -> io::Result<Option<Input>> {
        let index = self.replica.index();
        let Some(job) = self.queue.pop_front() else { return Ok(None) };
        Ok(match job {
            Output::Append(entry) => {
                self.storage.append(&entry)?;
                while let Some(Output::Append(entry)) = self.queue.front() {
                    self.storage.append(entry)?;
                    self.queue.pop_front();
                }
                self.storage.flush()?;
                self.persisted()
            }
            Output::Truncate(last) => {
                self.storage.truncate(last)?;
                self.persisted()
            }
            Output::Rewrite(entry) => {
                // A checkpoint may have made it superfluous meanwhile.
                if entry.op >= self.storage.first() {
                    self.storage.rewrite(&entry)?;
                }
                None
            }
            Output::Read { purpose, first, limit } => {
                let slots = self.storage.read(first, limit)?;
                observer.read(index, &slots);
                Some(Input::Read { purpose, slots })
            }
            Output::WriteCheckpoint { op, state, keep_after, superblock } => {
                self.storage.checkpoint(op, &state, keep_after, &superblock)?;
                Some(Input::CheckpointWritten(op))
            }
            Output::ReadCheckpoint { purpose } => {
                let op = self.storage.superblock().checkpoint;
                let state = self.storage.read_checkpoint()?;
                observer.read_checkpoint(index, op, state.is_some());
                Some(Input::CheckpointRead { purpose, op, state })
            }
            Output::WriteSuperblock(superblock) => {
                self.storage.write_superblock(&superblock)?;
                Some(Input::SuperblockWritten)
            }
            Output::Send(_) | Output::Reply(_) | Output::Applied { .. } | Output::Installed { .. } => None,
        })
    }

    /// What is flushed now; nothing if a truncation has overtaken the news.
    fn persisted(&self) -> Option<Input> {
        let is_overtaken = |job: &Output| matches!(job, Output::Truncate(_));
        let last = self.storage.last();
        (!self.queue.iter().any(is_overtaken)).then_some(Input::Persisted(last))
    }
}
