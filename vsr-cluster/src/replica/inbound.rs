//! Which messages are believed. The wire layer vouches for sender and content; here it is judged whether a message is
//! new, from a member, of this view, and possible at all.

use std::sync::Arc;

use vsr_metrics::{ByzantineReason, ChecksumComponent, MessageType};

use super::{Io, Replica, WireFault};
use crate::configuration::ReplicaSet;
use crate::message::{Entry, Envelope, Message, OpNumber, ReplicaIndex, Tail, ViewNumber};

/// What was received from each replica.
#[derive(Debug)]
pub(super) struct Inbound {
    seen: Vec<Seen>,
}

/// The messages of one sender that were seen: a window over their numbers.
#[derive(Clone, Debug, Default)]
struct Seen {
    boot: u64,
    /// The largest number seen.
    latest: u64,
    /// By number modulo their count, whether it was seen; [`WINDOW`] numbers up to the latest.
    bits: Vec<bool>,
}

/// How far messages of one sender may overtake each other. What is later than that counts as seen.
const WINDOW: u64 = 1024;

impl Default for Inbound {
    fn default() -> Self {
        Self { seen: vec![Seen::default(); ReplicaSet::CAPACITY] }
    }
}

impl Seen {
    /// Tells whether a message is new, and takes note of it.
    fn note(&mut self, boot: u64, sequence: u64) -> bool {
        if boot < self.boot {
            return false;
        }
        if boot > self.boot || self.bits.is_empty() {
            *self = Self { boot, latest: 0, bits: vec![false; slot(WINDOW - 1) + 1] };
        }
        if sequence + WINDOW <= self.latest {
            return false;
        }
        if sequence > self.latest {
            for skipped in (self.latest + 1..sequence).rev().take(self.bits.len()) {
                self.bits[slot(skipped)] = false;
            }
            self.latest = sequence;
            self.bits[slot(sequence)] = true;
            return true;
        }
        !std::mem::replace(&mut self.bits[slot(sequence)], true)
    }
}

/// A number's place in the window.
fn slot(sequence: u64) -> usize {
    // Cannot truncate: less than the window.
    usize::try_from(sequence % WINDOW).unwrap_or(0)
}

impl Replica {
    /// Takes in an authentic message.
    pub(super) fn on_message(&mut self, envelope: Envelope, io: &mut Io<'_>) {
        let Envelope { from, to, boot, sequence, epoch, message, .. } = envelope;
        self.metrics.increment_messages_received(message.kind());
        if to != self.index {
            return self.reject(ByzantineReason::SignatureVerificationFailed);
        }
        // A configuration later than one's own may know members that one does not.
        let is_known = self.configuration.everyone().contains(from) || epoch > self.configuration.epoch;
        if !is_known || from >= ReplicaSet::CAPACITY {
            return self.reject(ByzantineReason::UnknownSender);
        }
        if !self.inbound.seen[from].note(boot, sequence) {
            return self.reject_replay(message.kind());
        }
        // Section 4.1: replicas only take in messages of the view that they know. Later ones are news of it.
        if message.view().is_some_and(|view| view < self.view) {
            return self.reject(ByzantineReason::ViewRegression);
        }
        self.standby.hear(from, io.now());
        self.dispatch(from, message, io);
    }

    /// Takes note of a frame that the wire layer refused.
    pub(super) fn on_refused(&self, fault: WireFault) {
        match fault {
            WireFault::Damaged => {}
            WireFault::Forged => self.reject(ByzantineReason::SignatureVerificationFailed),
            WireFault::UnknownOperation => self.reject(ByzantineReason::InvalidKernelCommand),
        }
    }

    pub(super) fn reject(&self, reason: ByzantineReason) {
        self.metrics.increment_byzantine_rejections(reason);
    }

    /// Whether entries of a log's tail are what they should be. Rejects them if not. `hash` is the reason for a
    /// hash that does not match.
    pub(super) fn is_sound_tail(
        &self,
        tail: &Tail,
        op: OpNumber,
        commit: OpNumber,
        hash: ByzantineReason,
    ) -> bool {
        let length = tail.entries.len() as u64;
        let fault = if length > self.tuning.tail_limit() {
            ByzantineReason::OversizedLogTail
        } else if length != tail.length {
            ByzantineReason::LogTailLengthMismatch
        } else if !tail.matches_hash() {
            self.metrics.increment_checksum_failures(ChecksumComponent::LogTail);
            hash
        } else if !tail.is_ordered() || tail.first + length != op + 1 {
            ByzantineReason::LogOrderingViolation
        } else if commit > op {
            ByzantineReason::InflatedCommitNumber
        } else {
            return true;
        };
        self.reject(fault);
        false
    }

    /// Whether entries are those asked for, each under its checksum.
    pub(super) fn are_sound_entries(entries: &[(u32, Arc<Entry>)], first: OpNumber, last: OpNumber) -> bool {
        let ops = entries.iter().map(|(_, entry)| entry.op);
        ops.eq((first..=last).take(entries.len()))
            && entries.iter().all(|(checksum, entry)| *checksum == entry.checksum())
    }

    fn dispatch(&mut self, from: ReplicaIndex, message: Message, io: &mut Io<'_>) {
        match message {
            Message::Prepare { view, commit, checksum, entry } => {
                self.on_prepare(from, view, commit, checksum, entry, io);
            }
            Message::PrepareOk { view, op } => self.on_prepare_ok(from, view, op, io),
            Message::Commit { view, op, commit } => self.on_commit(from, view, op, commit, io),
            Message::Heartbeat { view, op, commit, log_first, ping, clock } => {
                let news = super::heartbeat::Sign { view, op, commit, log_first, ping, clock };
                self.on_heartbeat(from, &news, io);
            }
            Message::HeartbeatOk { view, op, ping, asked, .. } => {
                self.on_heartbeat_ok(from, view, op, ping, asked, io);
            }
            Message::StartViewChange { view, configuration } => {
                self.on_start_view_change(from, view, configuration, io);
            }
            Message::DoViewChange { view, last_normal_view, op, commit, configuration, tail } => {
                let handed = super::view_change::Handed { last_normal_view, op, commit, configuration, tail };
                self.on_do_view_change(from, view, handed, io);
            }
            Message::StartView { view, op, commit, log_first, configuration, tail } => {
                let opening = super::install::Opening { view, op, commit, log_first, configuration, tail };
                self.on_start_view(from, opening, io);
            }
            Message::RecoveryRequest { nonce, view } => self.on_recovery_request(from, nonce, view, io),
            Message::RecoveryResponse { nonce, view, op, commit, log_first, configuration, tail } => {
                let news = super::recovery::News { view, op, commit, log_first, configuration, tail };
                self.on_recovery_response(from, nonce, news, io);
            }
            Message::RepairRequest { nonce, first, last } => {
                self.on_repair_request(from, nonce, first, last, io);
            }
            Message::RepairResponse { nonce, entries } => self.on_repair_response(from, nonce, entries, io),
            Message::Nack { nonce, lack, log_first } => self.on_nack(from, nonce, lack, log_first, io),
            Message::StateTransferRequest { nonce, commit } => {
                self.on_state_transfer_request(from, nonce, commit, io);
            }
            Message::StateTransferResponse { nonce, checkpoint } => {
                self.on_state_transfer_response(from, nonce, checkpoint, io);
            }
            Message::WriteReorderGapRequest { view, nonce, first, last } => {
                self.on_gap_request(from, view, nonce, first, last, io);
            }
            Message::WriteReorderGapResponse { view, nonce, entries } => {
                self.on_gap_response(from, view, nonce, entries, io);
            }
        }
    }

    /// A message that was seen before. Kinds without a reason of their own do no harm twice and are dropped.
    fn reject_replay(&self, kind: MessageType) {
        self.reject(match kind {
            MessageType::Prepare => ByzantineReason::PrepareReplay,
            MessageType::PrepareOk => ByzantineReason::PrepareOkReplay,
            MessageType::Commit => ByzantineReason::CommitReplay,
            MessageType::StartViewChange => ByzantineReason::StartViewChangeReplay,
            MessageType::DoViewChange => ByzantineReason::DoViewChangeReplay,
            MessageType::StartView => ByzantineReason::StartViewReplay,
            MessageType::Heartbeat
            | MessageType::RecoveryRequest
            | MessageType::RecoveryResponse
            | MessageType::RepairRequest
            | MessageType::RepairResponse
            | MessageType::Nack
            | MessageType::StateTransferRequest
            | MessageType::StateTransferResponse
            | MessageType::WriteReorderGapRequest
            | MessageType::WriteReorderGapResponse => return,
        });
    }

    /// Whether a message of the primary concerns this view. One of a later view is news: its `StartView` was missed,
    /// and asked for.
    pub(super) fn is_of_this_view(&mut self, from: ReplicaIndex, view: ViewNumber, io: &mut Io<'_>) -> bool {
        if view > self.view {
            self.ask_for_view(from, view, io);
        }
        view == self.view && from == self.primary && from != self.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_new_once_in_any_order() {
        let mut seen = Seen::default();
        assert!(seen.note(1, 5) && seen.note(1, 3) && !seen.note(1, 5) && !seen.note(1, 3));
        assert!(seen.note(1, 5 + WINDOW), "far ahead");
        assert!(!seen.note(1, 5), "older than the window");
        assert!(seen.note(1, 6), "the oldest of the window");
        assert!(seen.note(2, 5), "the sender started anew");
        assert!(!seen.note(1, 9000), "of its former life");
    }

    #[test]
    fn a_jump_over_the_whole_window_forgets_it() {
        let mut seen = Seen::default();
        for sequence in 1..=WINDOW {
            assert!(seen.note(1, sequence));
        }
        assert!(seen.note(1, 3 * WINDOW));
        assert!((2 * WINDOW + 1..3 * WINDOW).all(|sequence| seen.note(1, sequence)));
    }
}
