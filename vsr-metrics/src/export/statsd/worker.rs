//! The thread of the sender: when to send, and how fast.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::delivery::{Delivery, Step};
use super::wire::Connect;
use crate::Source;
use crate::export::tick;
use crate::health::{Exporter, METRICS, Outcome};

/// Somebody waits for everything to be sent.
pub(super) struct Command {
    pub(super) deadline: Instant,
    pub(super) is_last: bool,
    /// Told whether everything was accepted.
    pub(super) reply: Sender<bool>,
}

/// What the thread owns.
pub(super) struct Worker {
    source: Box<dyn Source>,
    delivery: Delivery,
    connect: Box<dyn Connect>,
    interval: Duration,
    inbox: Receiver<Command>,
    /// Who waits. Whoever does is not made to wait for the pace.
    asked: Vec<Command>,
    /// The last emit did not get through.
    failed: bool,
    is_orphan: bool,
}

/// The time between two datagrams: long enough for a refusal from the local network, and for a receiver to read; short
/// enough for an interval.
const LEAST_GAP: Duration = Duration::from_millis(1);
const MOST_GAP: Duration = Duration::from_millis(20);

impl Worker {
    pub(super) fn new(
        source: Box<dyn Source>,
        delivery: Delivery,
        connect: Box<dyn Connect>,
        interval: Duration,
        inbox: Receiver<Command>,
    ) -> Self {
        let asked = Vec::new();
        Self { source, delivery, connect, interval, inbox, asked, failed: false, is_orphan: false }
    }

    /// Sends until told to stop, or until nobody could tell any more.
    pub(super) fn run(mut self) {
        let mut next = Instant::now() + self.interval;
        loop {
            self.pause(next.saturating_duration_since(Instant::now()));
            let asked = std::mem::take(&mut self.asked);
            let hurry = asked.iter().map(|command| command.deadline).min();
            let sent = self.emit(hurry);
            let is_last = self.is_orphan || asked.iter().any(|command| command.is_last);
            for command in asked {
                // Whoever gave up waiting is not there to be told.
                let _ = command.reply.send(sent);
            }
            if is_last {
                return;
            }
            (next, _) = tick::after(next, self.interval, Exporter::Statsd);
        }
    }

    /// One emit, counted. A source that panics costs this emit and not the thread.
    fn emit(&mut self, hurry: Option<Instant>) -> bool {
        let begin = Instant::now();
        if self.failed {
            METRICS.increment_export_retries(Exporter::Statsd);
        }
        let end = hurry.unwrap_or(begin + self.interval);
        let sent = catch_unwind(AssertUnwindSafe(|| self.send_all(hurry.is_some(), end)));
        let sent = sent.unwrap_or_else(|_| {
            METRICS.increment_exporter_panics(Exporter::Statsd);
            false
        });
        self.failed = !sent;
        let outcome = if sent { Outcome::Success } else { Outcome::Failure };
        METRICS.increment_exports(Exporter::Statsd, outcome);
        METRICS.record_export_duration(Exporter::Statsd, begin.elapsed());
        if let (true, Ok(now)) = (sent, SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)) {
            METRICS.set_last_success_timestamp(Exporter::Statsd, now.as_secs_f64());
        }
        sent
    }

    /// What was left behind, then what happened since.
    fn send_all(&mut self, in_haste: bool, end: Instant) -> bool {
        self.drain(in_haste, end).is_ok() && {
            let dropped = self.delivery.refill(&*self.source);
            METRICS.add_dropped_points(Exporter::Statsd, dropped);
            self.drain(in_haste, end).is_ok()
        }
    }

    /// Sends all that waits, at a pace that leaves the receiver time to read.
    fn drain(&mut self, in_haste: bool, end: Instant) -> io::Result<()> {
        let shares = u32::try_from(2 * self.delivery.waiting().max(1)).unwrap_or(u32::MAX);
        let gap = (self.interval / shares).clamp(LEAST_GAP, MOST_GAP);
        loop {
            let wire = self.connect.connect(self.failed)?;
            self.failed = false;
            match self.delivery.step(wire) {
                Step::Empty => return Ok(()),
                Step::Sent(bytes) => METRICS.add_sent(Exporter::Statsd, bytes as u64),
                Step::Split(lost) => METRICS.add_dropped_points(Exporter::Statsd, lost as u64),
                Step::Full if Instant::now() < self.deadline(end) => {}
                Step::Full => return Err(io::ErrorKind::WouldBlock.into()),
                Step::Failed(error) => return Err(error),
            }
            self.pause(if in_haste { LEAST_GAP } else { gap });
        }
    }

    /// The end of an attempt, or earlier if somebody who waits will not wait longer.
    fn deadline(&self, end: Instant) -> Instant {
        self.asked.iter().map(|command| command.deadline).fold(end, Instant::min)
    }

    /// Waits, unless somebody asks: a pause then is as short as it may be.
    fn pause(&mut self, time: Duration) {
        if self.is_orphan || !self.asked.is_empty() {
            return thread::sleep(time.min(LEAST_GAP));
        }
        match self.inbox.recv_timeout(time) {
            Ok(command) => self.asked.push(command),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.is_orphan = true,
        }
        self.asked.extend(self.inbox.try_iter());
    }
}
