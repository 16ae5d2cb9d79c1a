//! What waits to be sent, and what becomes of it: the rules, without threads and clocks.

#[cfg(all(test, target_os = "linux"))]
mod tests;

use std::collections::VecDeque;
use std::io;

use super::wire::Wire;
use crate::encode::statsd::{Encoder, Packet};
use crate::{Snapshot, Source};

/// The datagrams of one emit, and what they start from.
pub(super) struct Delivery {
    encoder: Encoder,
    /// Everything up to here has been sent or is in `waiting`.
    through: Snapshot,
    now: Snapshot,
    waiting: VecDeque<Packet>,
    /// The datagram sent last. Its refusal may still come.
    last: Option<Packet>,
}

/// How an attempt to send one datagram ended.
#[derive(Debug)]
pub(super) enum Step {
    /// It was accepted: so many bytes.
    Sent(usize),
    /// There is no room for it now.
    Full,
    /// It was too large to be sent at all and will go as two; so many values could not even so.
    Split(usize),
    /// It was not sent, or the one before came back. All of it is kept.
    Failed(io::Error),
    /// Nothing waits.
    Empty,
}

impl Delivery {
    pub(super) fn new(encoder: Encoder) -> Self {
        let (through, now) = (Snapshot::new(), Snapshot::new());
        Self { encoder, through, now, waiting: VecDeque::new(), last: None }
    }

    /// Takes up what has happened, unless something waits: what waits then goes on to add up where it is counted, and
    /// memory stays that of one emit. Returns how many values no line can hold.
    pub(super) fn refill(&mut self, source: &dyn Source) -> u64 {
        if !self.waiting.is_empty() {
            return 0;
        }
        self.now.clear();
        source.collect(&mut self.now);
        let packets = self.encoder.packets(&self.now.delta_since(&self.through));
        let dropped = packets.dropped();
        self.waiting.extend(packets);
        std::mem::swap(&mut self.through, &mut self.now);
        dropped
    }

    /// How many datagrams wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether the datagram sent last came back since. Then it waits again.
    pub(super) fn check(&mut self, wire: &mut dyn Wire) -> Option<io::Error> {
        let refusal = wire.refusal()?;
        self.take_back();
        Some(refusal)
    }

    /// Tries to send one datagram.
    pub(super) fn step(&mut self, wire: &mut dyn Wire) -> Step {
        if let Some(refusal) = self.check(wire) {
            return Step::Failed(refusal);
        }
        let Some(packet) = self.waiting.pop_front() else { return Step::Empty };
        match wire.send(packet.bytes()) {
            Ok(()) => {
                let bytes = packet.bytes().len();
                self.last = Some(packet);
                // On the same machine a refusal is there by now.
                self.check(wire).map_or(Step::Sent(bytes), Step::Failed)
            }
            Err(error) => self.not_sent(packet, error, wire.tells_late()),
        }
    }

    fn not_sent(&mut self, packet: Packet, error: io::Error, tells_late: bool) -> Step {
        if is_too_large(&error) {
            let Some((first, second)) = packet.split() else { return Step::Split(packet.points()) };
            self.waiting.push_front(second);
            self.waiting.push_front(first);
            return Step::Split(0);
        }
        self.waiting.push_front(packet);
        if is_full(&error) {
            return Step::Full;
        }
        if tells_late && error.kind() == io::ErrorKind::ConnectionRefused {
            self.take_back();
        }
        Step::Failed(error)
    }

    /// To the front: it was sent before all that wait.
    fn take_back(&mut self) {
        if let Some(packet) = self.last.take() {
            self.waiting.push_front(packet);
        }
    }
}

/// The datagram is larger than the socket or the way to the receiver takes.
fn is_too_large(error: &io::Error) -> bool {
    #[cfg(target_os = "linux")]
    const TOO_LARGE: i32 = 90;
    #[cfg(windows)]
    const TOO_LARGE: i32 = 10040;
    #[cfg(not(any(target_os = "linux", windows)))]
    const TOO_LARGE: i32 = 40;
    error.raw_os_error() == Some(TOO_LARGE)
}

/// A buffer is full, here or at the receiver, and will not be for ever.
fn is_full(error: &io::Error) -> bool {
    #[cfg(target_os = "linux")]
    const NO_BUFFERS: i32 = 105;
    #[cfg(windows)]
    const NO_BUFFERS: i32 = 10055;
    #[cfg(not(any(target_os = "linux", windows)))]
    const NO_BUFFERS: i32 = 55;
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
        || error.raw_os_error() == Some(NO_BUFFERS)
}
