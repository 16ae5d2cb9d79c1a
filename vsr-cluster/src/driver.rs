//! The real-time driver: one thread, one clock, one file and one inbox around the core of a replica.
//!
//! Deliveries are taken in batches, as many as are there, and the log is flushed once per batch.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::message::Stamp;
use crate::network::{Delivery, Network};
use crate::replica::{Clock, Input, Output, Replica, Time};
use crate::storage::{Directory, Storage};

/// The real clock, from the moment it was made.
#[derive(Clone, Copy, Debug)]
pub struct RealClock(Instant);

/// What a replica's thread owns.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) replica: Replica,
    pub(crate) storage: Storage<Directory>,
    pub(crate) inbox: Receiver<Delivery>,
    pub(crate) network: Arc<Network>,
    pub(crate) clock: RealClock,
}

/// Deliveries in a batch; keeps a flood from putting off flushes and ticks.
const BATCH: usize = 128;
/// Longest sleep of a replica that waits for nothing in particular.
const IDLE: Duration = Duration::from_secs(1);

impl RealClock {
    /// A clock that shows zero now.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RealClock {
    fn now(&self) -> Time {
        self.0.elapsed()
    }

    fn calendar(&self) -> Stamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Driver {
    /// Runs until told to stop. Returns the replica as it ended.
    ///
    /// # Errors
    /// If the log fails: a replica that cannot keep its promises must not go on.
    pub(crate) fn run(mut self) -> io::Result<Replica> {
        let mut outputs = Vec::new();
        self.step(Input::Start, &mut outputs)?;
        loop {
            let running = self.take_batch(&mut outputs)?;
            while let Some(through) = self.storage.flush()? {
                self.step(Input::Persisted(through), &mut outputs)?;
            }
            if !running {
                self.step(Input::Stop, &mut outputs)?;
                return Ok(self.replica);
            }
            if self.replica.deadline().is_some_and(|deadline| deadline <= self.clock.now()) {
                self.step(Input::Tick, &mut outputs)?;
            }
        }
    }

    /// Waits for a delivery or the next deadline; then takes what else is there. Tells whether to go on.
    fn take_batch(&mut self, outputs: &mut Vec<Output>) -> io::Result<bool> {
        let deadline = self.replica.deadline();
        let patience = deadline.map_or(IDLE, |deadline| deadline.saturating_sub(self.clock.now()));
        let mut next = match self.inbox.recv_timeout(patience) {
            Ok(delivery) => Some(delivery),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
        };
        let mut taken = 0;
        while let Some(delivery) = next {
            let input = match delivery {
                Delivery::Stop => return Ok(false),
                Delivery::Request(request) => Input::Request(request),
                Delivery::Message(envelope) => {
                    self.network.observer().received(self.replica.index(), envelope.message.kind());
                    Input::Message(envelope)
                }
            };
            self.step(input, outputs)?;
            taken += 1;
            next = if taken < BATCH { self.inbox.try_recv().ok() } else { None };
        }
        Ok(true)
    }

    fn step(&mut self, input: Input, outputs: &mut Vec<Output>) -> io::Result<()> {
        self.replica.step(input, &self.clock, outputs);
        while !outputs.is_empty() {
            let mut answers = Vec::new();
            for output in outputs.drain(..) {
                let own = self.replica.index();
                match output {
                    Output::Send(envelope) => self.network.send(envelope),
                    Output::Reply(reply) => self.network.reply(reply),
                    Output::Append(entry) => self.storage.append(&entry)?,
                    Output::Applied { entry, outcome } => {
                        self.network.observer().applied(own, &entry, outcome);
                    }
                    Output::Read { purpose, first, limit } => {
                        let slots = self.storage.read(first, limit)?;
                        answers.push(Input::Read { purpose, slots });
                    }
                    Output::Truncate(_)
                    | Output::Rewrite(_)
                    | Output::WriteCheckpoint { .. }
                    | Output::ReadCheckpoint { .. }
                    | Output::WriteSuperblock(_)
                    | Output::Installed { .. } => {}
                }
            }
            for answer in answers {
                self.replica.step(answer, &self.clock, outputs);
            }
        }
        Ok(())
    }
}
