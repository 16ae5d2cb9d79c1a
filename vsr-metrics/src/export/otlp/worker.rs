//! The exporter's thread: waits for the next export or a command, and carries it out, whatever happens in it.

mod delivery;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::completion::Promise;
use super::config::OtelConfig;
use super::counts::{Counts, Told};
use super::error::OtelError;
use super::retry::{Pauses, Random};
use super::transport::{Message, Transport};
use crate::export::{LONGEST, tick};
use crate::health::{self, Exporter, Outcome};

/// What the thread is asked to do.
pub(super) enum Command {
    /// Export now, and be done by then.
    Export(Instant, Promise),
    /// Export a last time, be done by then, and end.
    ShutDown(Instant, Promise),
}

/// What there is to send.
pub(super) trait Feed: Send {
    /// Everything there is now, in messages of at most so many points.
    fn gather(&mut self, most_points: usize) -> Vec<Message>;

    /// The receiver has what was gathered last.
    fn accept(&mut self);

    /// What becomes of messages that were not delivered.
    fn undelivered(&self) -> Undelivered;
}

/// What becomes of messages that were not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undelivered {
    /// The next ones say the same, and later.
    Superseded,
    /// The next ones add up with them, unless the receiver may have a part of them: then they are repeated as they
    /// are, so that it can tell.
    Merged,
    /// They are repeated.
    Repeated,
}

/// Nothing is waited for, or tried, for less.
const SHORTEST: Duration = Duration::from_millis(1);

/// The exporter's thread.
pub(super) struct Worker<F> {
    feed: F,
    transport: Box<dyn Transport>,
    commands: Receiver<Command>,
    pace: Pace,
    counts: Arc<Counts>,
    exporter: Exporter,
    inbox: VecDeque<Command>,
    /// What was gathered last and is not delivered.
    pending: VecDeque<Message>,
    fate: Fate,
    pauses: Pauses,
    /// A receiver asked for a pause until then.
    not_before: Option<Instant>,
    told: Told,
}

/// Times and sizes.
#[derive(Clone, Copy, Debug)]
struct Pace {
    interval: Duration,
    attempt: Duration,
    whole: Duration,
    most_points: usize,
}

/// What happened to the messages gathered last.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    accepted: bool,
    maybe_delivered: bool,
    refused_points: u64,
}

/// What ended a wait.
enum Woken {
    Time,
    Command(Command),
    Abandoned,
}

/// That much later; what no clock can tell is a year away.
pub(super) fn from_now(duration: Duration) -> Instant {
    Instant::now() + duration.min(LONGEST)
}

impl Pace {
    fn of(config: &OtelConfig) -> Self {
        let interval = match config.export_interval {
            Duration::ZERO => Duration::ZERO,
            interval => interval.max(SHORTEST),
        };
        let whole = config.export_timeout.unwrap_or(interval.max(config.timeout));
        let attempt = config.timeout.max(SHORTEST);
        Self { interval, attempt, whole, most_points: config.batch_points.max(1) }
    }
}

impl<F: Feed> Worker<F> {
    pub(super) fn new(
        feed: F,
        transport: Box<dyn Transport>,
        commands: Receiver<Command>,
        config: &OtelConfig,
        counts: Arc<Counts>,
        exporter: Exporter,
    ) -> Self {
        Self {
            feed,
            transport,
            commands,
            pace: Pace::of(config),
            counts,
            exporter,
            inbox: VecDeque::new(),
            pending: VecDeque::new(),
            fate: Fate::default(),
            pauses: Pauses::new(config.back_off, Random::new()),
            not_before: None,
            told: Told::default(),
        }
    }

    /// Runs until it is told to end, or everybody who could tell is gone.
    pub(super) fn run(mut self) {
        let interval = self.pace.interval;
        let mut next = (!interval.is_zero()).then(|| from_now(interval));
        loop {
            match self.wait(next) {
                Woken::Time => {
                    let _ = self.export(from_now(self.pace.whole));
                    next = next.map(|due| self.next_tick(due));
                }
                Woken::Command(Command::Export(deadline, promise)) => {
                    promise.end(self.export(deadline));
                    next = next.map(|_| from_now(interval));
                }
                Woken::Command(Command::ShutDown(deadline, promise)) => {
                    promise.end(self.export(deadline));
                    break;
                }
                Woken::Abandoned => break,
            }
        }
    }

    fn next_tick(&self, due: Instant) -> Instant {
        let (next, skipped) = tick::after(due, self.pace.interval, self.exporter);
        Counts::add(&self.counts.skipped, skipped.into());
        next
    }

    /// One export, whatever happens in it.
    fn export(&mut self, deadline: Instant) -> Result<(), OtelError> {
        let began = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| self.carry_out(deadline))).unwrap_or_else(|_| {
            Counts::add(&self.counts.panics, 1);
            health::METRICS.increment_exporter_panics(self.exporter);
            // What was half done is not trusted; what is counted stays where it is counted.
            self.pending.clear();
            self.fate = Fate::default();
            Err(OtelError::panicked())
        });
        health::METRICS.record_export_duration(self.exporter, began.elapsed());
        match &ended {
            Ok(()) => {
                Counts::add(&self.counts.exports, 1);
                health::METRICS.increment_exports(self.exporter, Outcome::Success);
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                health::METRICS.set_last_success_timestamp(self.exporter, now.as_secs_f64());
            }
            Err(error) => {
                Counts::add(&self.counts.failures, 1);
                health::METRICS.increment_exports(self.exporter, Outcome::Failure);
                self.told.warn(&format!("not exported: {error}"));
            }
        }
        self.counts.set_last_error(ended.as_ref().err().map(ToString::to_string));
        ended
    }

    /// What is left from before first; then what there is now.
    fn carry_out(&mut self, deadline: Instant) -> Result<(), OtelError> {
        if !self.pending.is_empty() {
            self.deliver_all(deadline)?;
        }
        self.fate = Fate::default();
        self.pending = self.feed.gather(self.pace.most_points).into();
        self.deliver_all(deadline)
    }

    /// Waits until then, or not so long if there is something to do: then false.
    fn pause(&mut self, until: Instant) -> bool {
        if !self.inbox.is_empty() {
            return false;
        }
        match self.commands.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(command) => {
                self.inbox.push_back(command);
                false
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    fn wait(&mut self, until: Option<Instant>) -> Woken {
        if let Some(command) = self.inbox.pop_front() {
            return Woken::Command(command);
        }
        let Some(until) = until else {
            return self.commands.recv().map_or(Woken::Abandoned, Woken::Command);
        };
        match self.commands.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(command) => Woken::Command(command),
            Err(RecvTimeoutError::Timeout) => Woken::Time,
            Err(RecvTimeoutError::Disconnected) => Woken::Abandoned,
        }
    }
}
