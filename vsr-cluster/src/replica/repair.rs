//! Repair of single entries: those that are damaged on the disk, and committed ones that are missing.
//!
//! Committed entries are the same everywhere, so any peer may be asked. An entry that was asked for in vain is asked
//! for again a little later, of whoever is the best peer then.

use std::collections::BTreeMap;
use std::sync::Arc;

use vsr_metrics::{ByzantineReason, Status};

use super::{Duration, Entry, Io, Message, Mode, Nonce, OpNumber, Output, Replica, ReplicaIndex, Slot, Time};
use crate::message::Lack;

/// Repairs under way.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    /// Entries that are damaged on the disk, all of them executed, and when they may be asked for.
    damaged: BTreeMap<OpNumber, Time>,
    /// Missing entries that were asked for in vain, and when they may be asked for again.
    postponed: BTreeMap<OpNumber, Time>,
    /// When an entry was asked for first.
    began: BTreeMap<OpNumber, Time>,
    requests: BTreeMap<Nonce, Asked>,
    /// Missing entries that came before earlier ones.
    fetched: BTreeMap<OpNumber, Arc<Entry>>,
    /// The first entry that the logs of peers are known to hold.
    source_first: OpNumber,
    /// When the next entry may be asked for that may not be yet.
    next_try: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    peer: ReplicaIndex,
    first: OpNumber,
    last: OpNumber,
    at: Time,
}

/// How long an entry that was asked for in vain rests.
const PAUSE: Duration = Duration::from_millis(20);

impl Repairs {
    /// Nothing under way, and what was found damaged at the start.
    pub(super) fn with_damaged(damaged: BTreeMap<OpNumber, Time>) -> Self {
        Self { damaged, ..Self::default() }
    }

    /// Takes note of where a peer's log begins.
    pub(super) fn note_source(&mut self, log_first: OpNumber) {
        self.source_first = log_first;
    }

    /// Takes note of a damaged entry; tells whether that is news.
    pub(super) fn note_damaged(&mut self, op: OpNumber) -> bool {
        self.damaged.insert(op, Time::ZERO).is_none()
    }

    /// Entries up to `op` need no repair any more.
    pub(super) fn forget_through(&mut self, op: OpNumber) {
        self.damaged = self.damaged.split_off(&(op + 1));
        self.postponed = self.postponed.split_off(&(op + 1));
        self.fetched = self.fetched.split_off(&(op + 1));
        self.began = self.began.split_off(&(op + 1));
    }

    fn is_asked(&self, op: OpNumber) -> bool {
        self.requests.values().any(|asked| (asked.first..=asked.last).contains(&op))
    }
}

impl Replica {
    /// Takes in what was fetched, and asks for what is missing, as far as the budget goes.
    pub(super) fn repair(&mut self, io: &mut Io<'_>) {
        self.repairs.next_try = None;
        let has_hole = self.hole().is_some();
        if !has_hole && self.repairs.damaged.is_empty() {
            return;
        }
        if has_hole {
            self.take_fetched(io);
            if self.hole().is_some_and(|(first, _)| first < self.repairs.source_first) {
                self.begin_transfer(io);
                return;
            }
        }
        if self.outbound.is_holding() {
            return;
        }
        let now = io.now();
        let tries = self.repairs.damaged.values().chain(self.repairs.postponed.values());
        self.repairs.next_try = tries.filter(|at| **at > now).min().copied();
        while let Some((first, last)) = self.next_wanted(now) {
            let Some(peer) = self.budget.choose(self.other_voters()) else { return };
            let taken = self.budget.take(last + 1 - first);
            if taken == 0 {
                return;
            }
            let (nonce, last) = (self.nonce(), first + taken - 1);
            for op in first..=last {
                self.repairs.began.entry(op).or_insert(now);
            }
            self.repairs.requests.insert(nonce, Asked { peer, first, last, at: now });
            self.report_repairs();
            self.send(peer, Message::RepairRequest { nonce, first, last }, io);
        }
    }

    /// A peer asks for committed entries.
    pub(super) fn on_repair_request(
        &mut self,
        from: ReplicaIndex,
        nonce: Nonce,
        first: OpNumber,
        last: OpNumber,
        io: &mut Io<'_>,
    ) {
        if !Self::is_possible_range(first, last, self.tuning.repair_batch) {
            return self.reject(ByzantineReason::InvalidRepairRange);
        }
        let log_first = self.log.log_first();
        let lack = if first < log_first {
            Lack::Compacted
        } else if first > self.service.op() {
            Lack::NotYet
        } else {
            return self.answer_from_log(from, nonce, false, first, last.min(self.service.op()), io);
        };
        self.send(from, Message::Nack { nonce, lack, log_first }, io);
    }

    /// Entries for a peer were read from the disk. What is damaged there is to be repaired here as well.
    pub(super) fn answer_entries(
        &mut self,
        to: ReplicaIndex,
        nonce: Nonce,
        is_gap: bool,
        slots: Vec<(OpNumber, Slot)>,
        io: &mut Io<'_>,
    ) {
        let executed = self.service.op();
        let mut entries = Vec::new();
        for (op, slot) in slots {
            match slot {
                Slot::Sound(entry) => entries.push(entry),
                Slot::Damaged(_) => {
                    if op <= executed {
                        self.repairs.note_damaged(op);
                    }
                    break;
                }
            }
        }
        self.send_entries(to, nonce, is_gap, entries, io);
    }

    pub(super) fn on_repair_response(
        &mut self,
        from: ReplicaIndex,
        nonce: Nonce,
        entries: Vec<(u32, Arc<Entry>)>,
        io: &mut Io<'_>,
    ) {
        let Some(asked) = self.end_request(from, nonce) else { return };
        let now = io.now();
        self.observe_latency(from, now.saturating_sub(asked.at));
        if entries.is_empty() || !Self::are_sound_entries(&entries, asked.first, asked.last) {
            self.reject(ByzantineReason::RepairEntryCorrupt);
            self.fail(asked, now);
            return;
        }
        for (_, entry) in entries {
            self.repaired(entry.op, asked.at, now);
            if self.repairs.damaged.remove(&entry.op).is_some() {
                io.push(Output::Rewrite(entry));
            } else if self.hole().is_some_and(|(first, last)| (first..=last).contains(&entry.op)) {
                self.repairs.fetched.insert(entry.op, entry);
            }
        }
    }

    /// A peer does not have what it was asked for.
    pub(super) fn on_nack(
        &mut self,
        from: ReplicaIndex,
        nonce: Nonce,
        lack: Lack,
        log_first: OpNumber,
        io: &mut Io<'_>,
    ) {
        self.on_gap_nack(nonce);
        self.on_transfer_nack(from, nonce, io);
        let Some(asked) = self.end_request(from, nonce) else { return };
        let now = io.now();
        self.observe_latency(from, now.saturating_sub(asked.at));
        self.fail(asked, now);
        if lack == Lack::Compacted {
            self.repairs.note_source(log_first);
        }
    }

    pub(super) fn repair_deadline(&self) -> Option<Time> {
        let repairs = &self.repairs;
        let answers = repairs.requests.values().map(|asked| asked.at + self.tuning.answer_timeout).min();
        [answers, repairs.next_try].into_iter().flatten().min()
    }

    /// Requests without an answer in time have failed.
    pub(super) fn repair_tick(&mut self, io: &mut Io<'_>) {
        let now = io.now();
        let is_late = |asked: &Asked| asked.at + self.tuning.answer_timeout <= now;
        let late = self.repairs.requests.iter().filter(|(_, asked)| is_late(asked));
        for (nonce, peer) in late.map(|(nonce, asked)| (*nonce, asked.peer)).collect::<Vec<_>>() {
            if let Some(asked) = self.end_request(peer, nonce) {
                self.observe_latency(peer, now.saturating_sub(asked.at));
                self.fail(asked, now);
            }
        }
    }

    /// Committed entries that the log lacks, or may hold others in the place of.
    fn hole(&self) -> Option<(OpNumber, OpNumber)> {
        let (first, last) = match &self.install {
            Some(install) => install.hole(),
            None if self.mode == Mode::Normal && !self.leads() => (self.log.last() + 1, self.known_commit),
            None => return None,
        };
        (first <= last && self.transfer.is_none() && !self.checkpoint.is_installing())
            .then_some((first, last))
    }

    /// The next entries to ask for.
    fn next_wanted(&self, now: Time) -> Option<(OpNumber, OpNumber)> {
        let repairs = &self.repairs;
        let is_free = |op: OpNumber| !repairs.is_asked(op) && !repairs.fetched.contains_key(&op);
        let damaged = repairs.damaged.iter().find(|(op, at)| **at <= now && is_free(**op));
        if let Some((op, _)) = damaged {
            return Some((*op, *op));
        }
        let (first, last) = self.hole()?;
        let last = last.min(first - 1 + self.tuning.repair_credits);
        let is_wanted = |op: OpNumber| {
            is_free(op)
                && !self.backup.early.contains_key(&op)
                && repairs.postponed.get(&op).is_none_or(|at| *at <= now)
        };
        let first = (first..=last).find(|op| is_wanted(*op))?;
        let last = last.min(first - 1 + self.tuning.repair_batch);
        (first..=last).take_while(|op| is_wanted(*op)).last().map(|last| (first, last))
    }

    /// Appends fetched entries that are next now.
    fn take_fetched(&mut self, io: &mut Io<'_>) {
        let mut has_progress = false;
        while let Some((first, last)) = self.hole()
            && first <= last
            && let Some(entry) = self.repairs.fetched.remove(&first)
        {
            if self.install.is_some() {
                self.install_entry(entry, io);
            } else {
                self.append(entry, io);
            }
            has_progress = true;
        }
        if !has_progress {
            return;
        }
        if self.install.is_some() {
            self.extend_view_change(io);
            self.advance_install(io);
        } else {
            self.take_early(io);
        }
    }

    /// An entry arrived that was asked for, perhaps in vain before.
    fn repaired(&mut self, op: OpNumber, asked_at: Time, now: Time) {
        self.metrics.increment_repairs(Status::Success);
        self.repairs.postponed.remove(&op);
        let began = self.repairs.began.remove(&op).unwrap_or(asked_at);
        self.metrics.record_repair_latency(now.saturating_sub(began));
    }

    fn fail(&mut self, asked: Asked, now: Time) {
        for op in asked.first..=asked.last {
            self.metrics.increment_repairs(Status::Failure);
            match self.repairs.damaged.get_mut(&op) {
                Some(at) => *at = now + PAUSE,
                None => _ = self.repairs.postponed.insert(op, now + PAUSE),
            }
        }
    }

    fn end_request(&mut self, from: ReplicaIndex, nonce: Nonce) -> Option<Asked> {
        let asked = self.repairs.requests.get(&nonce).copied().filter(|asked| asked.peer == from)?;
        self.repairs.requests.remove(&nonce);
        self.budget.give_back(asked.last + 1 - asked.first);
        self.report_repairs();
        Some(asked)
    }

    fn observe_latency(&mut self, peer: ReplicaIndex, latency: Duration) {
        let average = self.budget.observe(peer, latency);
        if let Some(peer) = Self::peer_id(peer) {
            self.metrics.set_repair_ewma_latency(peer, average.as_secs_f64() * 1e3);
        }
    }

    fn report_repairs(&self) {
        self.metrics.set_repair_budget_available(self.budget.available());
        self.metrics.set_repair_inflight_count(self.repairs.requests.len() as u64);
    }
}
