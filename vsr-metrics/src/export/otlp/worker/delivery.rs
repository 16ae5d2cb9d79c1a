//! Messages on their way: tried, tried again after a pause, halved, refused, put off.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::super::counts::Counts;
use super::super::error::{ErrorKind, OtelError};
use super::super::transport::{Answer, Message};
use super::{Fate, Feed, SHORTEST, Undelivered, Worker, from_now};
use crate::health;

/// Why a message is still here.
enum Failed {
    Later(OtelError),
    Refused(OtelError),
}

impl<F: Feed> Worker<F> {
    /// Delivers what is pending, in order.
    ///
    /// # Errors
    /// If not all of it was taken. What is to be tried later is still pending.
    pub(super) fn deliver_all(&mut self, deadline: Instant) -> Result<(), OtelError> {
        let mut refusal = None;
        while let Some(message) = self.pending.pop_front() {
            match self.deliver(message, deadline, true) {
                Ok(()) => {}
                Err(Failed::Refused(error)) => refusal = refusal.or(Some(error)),
                Err(Failed::Later(error)) => {
                    self.put_off();
                    return Err(error);
                }
            }
        }
        self.settle();
        refusal.map_or(Ok(()), Err)
    }

    /// Every message was taken or refused.
    fn settle(&mut self) {
        let is_refused_whole = !self.fate.accepted && self.fate.refused_points > 0;
        let is_merged = self.feed.undelivered() == Undelivered::Merged;
        if is_refused_whole && is_merged {
            // What was refused for sure adds up with what follows.
            return;
        }
        self.drop_points(self.fate.refused_points);
        if !is_refused_whole || self.feed.undelivered() == Undelivered::Repeated {
            self.feed.accept();
        }
    }

    /// Some messages were not delivered in time.
    fn put_off(&mut self) {
        let Fate { accepted, maybe_delivered, refused_points } = self.fate;
        match self.feed.undelivered() {
            Undelivered::Superseded => {
                let undelivered: u64 = self.pending.iter().map(Message::points).sum();
                self.drop_points(undelivered + refused_points);
                self.pending.clear();
            }
            Undelivered::Merged if !accepted && !maybe_delivered && refused_points == 0 => {
                self.pending.clear();
            }
            Undelivered::Merged | Undelivered::Repeated => {}
        }
    }

    /// Tries until the message is taken or refused, or time is up, or there is a command.
    fn deliver(&mut self, message: Message, deadline: Instant, may_split: bool) -> Result<(), Failed> {
        let mut last = None;
        loop {
            let asked = self.not_before.filter(|until| *until > Instant::now());
            if asked.is_some_and(|until| until >= deadline || !self.pause(until)) {
                self.pending.push_front(message);
                let early = "the receiver asked for a pause that is not over";
                let early = || OtelError::new(ErrorKind::Unavailable, early);
                return Err(Failed::Later(last.unwrap_or_else(early)));
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest < SHORTEST {
                self.pending.push_front(message);
                return Err(Failed::Later(last.unwrap_or_else(|| OtelError::timeout(self.pace.whole))));
            }
            if last.is_some() {
                Counts::add(&self.counts.retries, 1);
                health::METRICS.increment_export_retries(self.exporter);
            }
            match self.attempt(&message, rest) {
                Answer::Accepted { rejected, message } => {
                    self.taken(rejected, &message);
                    return Ok(());
                }
                Answer::Again { asked, maybe_delivered, why } => {
                    self.fate.maybe_delivered |= maybe_delivered;
                    self.transport.reconnect();
                    let pause = self.pauses.next(asked);
                    last = Some(OtelError::new(ErrorKind::Unavailable, why));
                    let until = from_now(pause);
                    self.not_before = asked.map(|_| until);
                    if until >= deadline || (asked.is_none() && !self.pause(until)) {
                        self.pending.push_front(message);
                        return Err(Failed::Later(last.unwrap_or_else(OtelError::shut_down)));
                    }
                }
                Answer::TooLarge { why } if may_split => return self.split(message, why, deadline),
                Answer::TooLarge { why } | Answer::Refused { why } => {
                    self.fate.refused_points += message.points();
                    return Err(Failed::Refused(OtelError::new(ErrorKind::Refused, why)));
                }
            }
        }
    }

    /// Sends two halves in place of a message that was too large, and keeps later ones as small.
    fn split(&mut self, message: Message, why: String, deadline: Instant) -> Result<(), Failed> {
        let points = message.points();
        let mut halves: VecDeque<_> = message.split().into();
        if halves.is_empty() {
            self.fate.refused_points += points;
            return Err(Failed::Refused(OtelError::new(ErrorKind::Refused, why)));
        }
        let half = usize::try_from(points.div_ceil(2)).unwrap_or(usize::MAX);
        self.pace.most_points = self.pace.most_points.min(half).max(1);
        let mut refusal = Ok(());
        while let Some(half) = halves.pop_front() {
            match self.deliver(half, deadline, false) {
                Ok(()) => {}
                Err(Failed::Refused(error)) => refusal = Err(Failed::Refused(error)),
                Err(Failed::Later(error)) => {
                    // The half that failed is in front again; the others come behind it.
                    while let Some(half) = halves.pop_back() {
                        self.pending.insert(1.min(self.pending.len()), half);
                    }
                    return Err(Failed::Later(error));
                }
            }
        }
        refusal
    }

    fn attempt(&mut self, message: &Message, rest: Duration) -> Answer {
        let mut sent = 0;
        let answer = self.transport.send(message, rest.min(self.pace.attempt), &mut sent);
        Counts::add(&self.counts.bytes, sent);
        health::METRICS.add_sent(self.exporter, sent);
        answer
    }

    fn taken(&mut self, rejected: u64, message: &str) {
        self.fate.accepted = true;
        self.not_before = None;
        self.pauses.reset();
        if rejected > 0 {
            self.drop_points(rejected);
            self.told.warn(&format!("the receiver rejected {rejected} points: {message}"));
        } else if !message.is_empty() {
            self.told.warn(&format!("the receiver warns: {message}"));
        }
    }

    fn drop_points(&self, points: u64) {
        if points > 0 {
            Counts::add(&self.counts.dropped, points);
            health::METRICS.add_dropped_points(self.exporter, points);
        }
    }
}
