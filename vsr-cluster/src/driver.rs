//! The real-time driver: one thread, one clock, one disk and one inbox around the core of a replica.
//!
//! Deliveries are taken in batches, as many as are there, and the log is flushed once per batch.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::message::Stamp;
use crate::network::{Delivery, Observer, Transport};
use crate::replica::{Clock, Input, Output, Replica, Time};
use crate::storage::{Disk, Storage};

/// The real clock, from the moment it was made. Its clones show the same time.
#[derive(Clone, Debug)]
pub struct RealClock {
    began: Instant,
    /// Nanoseconds by which the calendar is wrong, for those who want it to be.
    skew: Arc<AtomicI64>,
}

/// What a replica's thread owns.
pub(crate) struct Driver {
    pub(crate) replica: Replica,
    pub(crate) storage: Storage<Box<dyn Disk>>,
    pub(crate) inbox: Receiver<Delivery>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) clock: RealClock,
}

/// Why a batch is the last one.
enum Last {
    Stop,
    Crash,
}

/// Deliveries in a batch; keeps a flood from putting off flushes and ticks.
const BATCH: usize = 128;
/// Longest sleep of a replica that waits for nothing in particular.
const IDLE: Duration = Duration::from_secs(1);

impl RealClock {
    /// A clock that shows zero now.
    pub fn start() -> Self {
        Self { began: Instant::now(), skew: Arc::default() }
    }

    /// Sets its calendar wrong.
    pub fn skew(&self, nanoseconds: i64) {
        self.skew.store(nanoseconds, Ordering::Relaxed);
    }
}

impl Clock for RealClock {
    fn now(&self) -> Time {
        self.began.elapsed()
    }

    fn calendar(&self) -> Stamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let right = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        right.saturating_add_signed(self.skew.load(Ordering::Relaxed))
    }
}

impl Driver {
    /// Runs until told to stop. Returns the replica as it ended.
    ///
    /// # Errors
    /// If the disk fails: a replica that cannot keep its promises must not go on.
    pub(crate) fn run(mut self) -> io::Result<Replica> {
        let mut outputs = Vec::new();
        self.step(Input::Start, &mut outputs)?;
        loop {
            let last = self.take_batch(&mut outputs)?;
            if matches!(last, Some(Last::Crash)) {
                return Ok(self.replica);
            }
            while let Some(through) = self.storage.flush()? {
                self.step(Input::Persisted(through), &mut outputs)?;
            }
            if last.is_some() {
                self.step(Input::Stop, &mut outputs)?;
                return Ok(self.replica);
            }
            if self.replica.deadline().is_some_and(|deadline| deadline <= self.clock.now()) {
                self.step(Input::Tick, &mut outputs)?;
            }
        }
    }

    /// Waits for a delivery or the next deadline; then takes what else is there. Tells when it was the last batch.
    fn take_batch(&mut self, outputs: &mut Vec<Output>) -> io::Result<Option<Last>> {
        let deadline = self.replica.deadline();
        let patience = deadline.map_or(IDLE, |deadline| deadline.saturating_sub(self.clock.now()));
        let mut next = match self.inbox.recv_timeout(patience) {
            Ok(delivery) => Some(delivery),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(Some(Last::Stop)),
        };
        let mut taken = 0;
        while let Some(delivery) = next {
            let input = match delivery {
                Delivery::Stop => return Ok(Some(Last::Stop)),
                Delivery::Crash => return Ok(Some(Last::Crash)),
                Delivery::Abdicate => Input::Abdicate,
                Delivery::Request(request) => Input::Request(request),
                Delivery::Refused(fault) => Input::Refused(fault),
                Delivery::Message(envelope) => {
                    self.observer.received(self.replica.index(), envelope.message.kind());
                    Input::Message(envelope)
                }
            };
            self.step(input, outputs)?;
            taken += 1;
            next = if taken < BATCH { self.inbox.try_recv().ok() } else { None };
        }
        Ok(None)
    }

    /// Has the core take in an input, and carries out what it asks for, until nothing is left to do.
    fn step(&mut self, input: Input, outputs: &mut Vec<Output>) -> io::Result<()> {
        self.replica.step(input, &self.clock, outputs);
        while !outputs.is_empty() {
            let mut answers = Vec::new();
            for output in outputs.drain(..) {
                answers.extend(self.carry_out(output)?);
            }
            for answer in answers {
                self.replica.step(answer, &self.clock, outputs);
            }
        }
        Ok(())
    }

    /// Carries out one output. Returns the answer, if it has one.
    fn carry_out(&mut self, output: Output) -> io::Result<Option<Input>> {
        let own = self.replica.index();
        match output {
            Output::Send(envelope) => {
                self.observer.sent(own, envelope.to, envelope.message.kind());
                self.transport.send(envelope);
            }
            Output::Reply(reply) => {
                self.observer.replied(own, &reply);
                self.transport.reply(reply);
            }
            Output::Applied { entry, outcome } => self.observer.applied(own, &entry, outcome),
            Output::Installed { op, .. } => self.observer.installed(own, op),
            output => return store(&mut self.storage, output),
        }
        Ok(None)
    }
}

/// Carries out what an output asks of the disk. Returns the answer, if it has one.
///
/// # Errors
/// If the disk fails.
pub fn store<D: Disk>(storage: &mut Storage<D>, output: Output) -> io::Result<Option<Input>> {
    match output {
        Output::Append(entry) => storage.append(&entry)?,
        Output::Truncate(last) => storage.truncate(last)?,
        Output::Rewrite(entry) => storage.rewrite(&entry)?,
        Output::Read { purpose, first, limit } => {
            let slots = storage.read(first, limit)?;
            return Ok(Some(Input::Read { purpose, slots }));
        }
        Output::WriteCheckpoint { op, state, keep_after, superblock } => {
            storage.checkpoint(op, &state, keep_after, &superblock)?;
            return Ok(Some(Input::CheckpointWritten(op)));
        }
        Output::ReadCheckpoint { purpose } => {
            let op = storage.superblock().checkpoint;
            let state = storage.read_checkpoint()?;
            return Ok(Some(Input::CheckpointRead { purpose, op, state }));
        }
        Output::WriteSuperblock(superblock) => {
            storage.write_superblock(&superblock)?;
            return Ok(Some(Input::SuperblockWritten));
        }
        // Not the disk's business.
        Output::Send(_) | Output::Reply(_) | Output::Applied { .. } | Output::Installed { .. } => {}
    }
    Ok(None)
}
