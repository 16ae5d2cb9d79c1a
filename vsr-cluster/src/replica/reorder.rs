//! Prepares that overtake each other: a backup appends in order, so what comes early waits, and what does not come is
//! asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use vsr_metrics::ByzantineReason;

use super::{
    Entry, Io, Message, Mode, Nonce, OpNumber, Output, Purpose, Replica, ReplicaIndex, Time, ViewNumber,
};
use crate::message::Lack;

/// What only a backup needs.
#[derive(Debug, Default)]
pub(super) struct Backup {
    /// When the primary was heard last.
    pub(super) heard: Time,
    /// The latest operation that the primary is known to have.
    end: OpNumber,
    /// Entries of this view that came before earlier ones.
    pub(super) early: BTreeMap<OpNumber, Arc<Entry>>,
    /// Since when entries are missing that may not be committed.
    gap_since: Option<Time>,
    /// The question for them that is under way.
    asked: Option<Question>,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    nonce: Nonce,
    first: OpNumber,
    last: OpNumber,
    at: Time,
}

impl Backup {
    /// Forgets what belonged to a view.
    pub(super) fn forget(&mut self) {
        *self = Self { heard: self.heard, ..Self::default() };
    }
}

impl Replica {
    /// Takes in an entry of this view from its primary.
    pub(super) fn take_prepare(&mut self, entry: Arc<Entry>, io: &mut Io<'_>) {
        let (op, last) = (entry.op, self.log.last());
        if op <= last {
            if self.mode == Mode::Normal && op <= self.log.persisted() {
                self.acknowledge(io);
            }
            return;
        }
        if op <= last + self.tuning.tail_limit() {
            self.backup.early.insert(op, entry);
            self.take_early(io);
        }
        self.note_end(op, io);
    }

    /// Appends what came early and is next now.
    pub(super) fn take_early(&mut self, io: &mut Io<'_>) {
        if self.mode != Mode::Normal {
            return;
        }
        while let Some(first) = self.backup.early.first_entry() {
            let next = self.log.last() + 1;
            if *first.key() > next {
                break;
            }
            let entry = first.remove();
            if entry.op < next {
                continue;
            }
            if entry.view < self.log.last_view() {
                return self.reject(ByzantineReason::LogOrderingViolation);
            }
            self.append(entry, io);
        }
    }

    /// The primary is known to have entries up to `op`.
    pub(super) fn note_end(&mut self, op: OpNumber, io: &mut Io<'_>) {
        self.backup.end = self.backup.end.max(op);
        match self.gap() {
            Some(_) => _ = self.backup.gap_since.get_or_insert(io.now()),
            None => self.backup.gap_since = None,
        }
    }

    /// The primary is asked for entries that overtaking Prepares left out.
    pub(super) fn on_gap_request(
        &mut self,
        from: ReplicaIndex,
        view: ViewNumber,
        nonce: Nonce,
        first: OpNumber,
        last: OpNumber,
        io: &mut Io<'_>,
    ) {
        if view != self.view || !self.leads() {
            return;
        }
        if !Self::is_possible_range(first, last, self.tuning.tail_limit()) || last > self.log.persisted() {
            return self.reject(ByzantineReason::InvalidRepairRange);
        }
        self.answer_from_log(from, nonce, true, first, last, io);
    }

    pub(super) fn on_gap_response(
        &mut self,
        from: ReplicaIndex,
        view: ViewNumber,
        nonce: Nonce,
        entries: Vec<(u32, Arc<Entry>)>,
        io: &mut Io<'_>,
    ) {
        let is_answer = |asked: &Question| asked.nonce == nonce;
        if view != self.view || from != self.primary || !self.backup.asked.as_ref().is_some_and(is_answer) {
            return;
        }
        let Some(Question { first, last, .. }) = self.backup.asked.take() else { return };
        if entries.is_empty() || !Self::are_sound_entries(&entries, first, last) {
            return self.reject(ByzantineReason::ReorderEntryCorrupt);
        }
        for (_, entry) in entries {
            self.take_prepare(entry, io);
        }
        self.commit_known(io);
    }

    /// Whether this replica waits for an answer. For simulations, which change some.
    pub(crate) fn awaits(&self, from: ReplicaIndex, message: &Message) -> bool {
        match message {
            Message::WriteReorderGapResponse { view, nonce, .. } => {
                let is_asked = self.backup.asked.is_some_and(|asked| asked.nonce == *nonce);
                *view == self.view && from == self.primary && is_asked
            }
            Message::StateTransferResponse { nonce, .. } => self.awaits_state(from, *nonce),
            _ => false,
        }
    }

    /// The primary does not have what was asked for.
    pub(super) fn on_gap_nack(&mut self, nonce: Nonce) {
        if self.backup.asked.is_some_and(|asked| asked.nonce == nonce) {
            self.backup.asked = None;
        }
    }

    pub(super) fn reorder_deadline(&self) -> Option<Time> {
        let since = self.backup.gap_since.filter(|_| self.mode == Mode::Normal)?;
        Some(match self.backup.asked {
            Some(asked) => asked.at + self.tuning.answer_timeout,
            None => since + self.tuning.gap_patience,
        })
    }

    pub(super) fn reorder_tick(&mut self, io: &mut Io<'_>) {
        let now = io.now();
        if self.reorder_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        self.backup.asked = None;
        // Should the next question be due, it waits as long as the first one did.
        self.backup.gap_since = self.gap().map(|_| now);
        if let Some((first, last)) = self.gap() {
            let (nonce, view) = (self.nonce(), self.view);
            self.backup.asked = Some(Question { nonce, first, last, at: now });
            self.send(self.primary, Message::WriteReorderGapRequest { view, nonce, first, last }, io);
        }
    }

    /// Sends entries of the log, from memory if they are there, else from the disk.
    pub(super) fn answer_from_log(
        &mut self,
        to: ReplicaIndex,
        nonce: Nonce,
        is_gap: bool,
        first: OpNumber,
        last: OpNumber,
        io: &mut Io<'_>,
    ) {
        let entries = self.log.range(first, last);
        if entries.len() as u64 == last + 1 - first {
            self.send_entries(to, nonce, is_gap, entries, io);
        } else {
            let limit = usize::try_from(last + 1 - first).unwrap_or(usize::MAX);
            io.push(Output::Read { purpose: Purpose::Answer { to, nonce, is_gap, first }, first, limit });
        }
    }

    pub(super) fn send_entries(
        &mut self,
        to: ReplicaIndex,
        nonce: Nonce,
        is_gap: bool,
        entries: Vec<Arc<Entry>>,
        io: &mut Io<'_>,
    ) {
        let log_first = self.log.log_first();
        if entries.is_empty() {
            return self.send(to, Message::Nack { nonce, lack: Lack::Damaged, log_first }, io);
        }
        let entries = entries.into_iter().map(|entry| (entry.checksum(), entry)).collect();
        let message = if is_gap {
            Message::WriteReorderGapResponse { view: self.view, nonce, entries }
        } else {
            Message::RepairResponse { nonce, entries }
        };
        self.send(to, message, io);
    }

    /// Whether entries in such a range can exist, and may be asked for at once, which so many are.
    pub(super) fn is_possible_range(first: OpNumber, last: OpNumber, most: u64) -> bool {
        first > 0 && first <= last && last - first < most
    }

    /// Entries that the primary has and this backup lacks, as far as they may not be committed; those that are, are
    /// repaired.
    fn gap(&self) -> Option<(OpNumber, OpNumber)> {
        let first = self.log.last().max(self.known_commit) + 1;
        let before_early = self.backup.early.range(first..).next().map_or(self.backup.end, |(op, _)| op - 1);
        let last = before_early.min(first - 1 + self.tuning.tail_limit());
        (first <= last && self.mode == Mode::Normal && !self.leads()).then_some((first, last))
    }
}
