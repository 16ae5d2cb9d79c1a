//! A view's beginning: making one's log the one that the view begins with (section 4.2, steps 4 and 5; section 5.3).
//!
//! A replica counts as having been in normal operation in a view only once it has everything that the view began with
//! on its disk, and says so to nobody before. It goes through the view's log entry by entry, those before the tail
//! fetched like any other hole, and drops entries of its own only when it has seen that the view's are others: until
//! then they may be what a quorum relies on.

use std::collections::VecDeque;
use std::sync::Arc;

use vsr_metrics::{ByzantineReason, ViewChangeReason};

use super::view_change::later;
use super::{Configuration, Entry, Io, Mode, OpNumber, Output, Replica, ReplicaIndex, Time, ViewNumber};
use crate::message::Tail;
use crate::traces::{self, Installed};

/// What a view begins with.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) view: ViewNumber,
    pub(super) op: OpNumber,
    pub(super) commit: OpNumber,
    /// The first entry that the sender's log holds; 0 if that is not known.
    pub(super) log_first: OpNumber,
    pub(super) configuration: Configuration,
    pub(super) tail: Tail,
}

/// A log that is on its way to be the view's.
#[derive(Debug)]
pub(super) struct Install {
    /// Where the view begins.
    op: OpNumber,
    /// The first entry of the tail; everything before it is committed.
    tail_first: OpNumber,
    /// Entries of the tail that are still to come.
    rest: VecDeque<Arc<Entry>>,
    /// The latest entry that is the view's.
    verified: OpNumber,
    /// Whether the superblock that says so is on its way.
    is_recording: bool,
    /// Since when.
    begun: Time,
}

impl Install {
    /// The entries that have to be fetched: first and last.
    pub(super) fn hole(&self) -> (OpNumber, OpNumber) {
        (self.verified + 1, self.tail_first - 1)
    }

    /// A state took the place of everything through `op`.
    pub(super) fn skip(&mut self, op: OpNumber) {
        self.verified = self.verified.max(op);
    }
}

impl Replica {
    /// Step 5: the primary of a view sends its beginning.
    pub(super) fn on_start_view(&mut self, from: ReplicaIndex, opening: Opening, io: &mut Io<'_>) {
        let hash = ByzantineReason::StartViewLogTailHashMismatch;
        if !self.is_sound_tail(&opening.tail, opening.op, opening.commit, hash) {
            return;
        }
        let is_news = opening.view > self.view
            || (self.mode != Mode::Normal && (self.install.is_none() || self.primary != from));
        if !is_news || later(self.configuration, opening.configuration).primary(opening.view) != from {
            return;
        }
        // Section 4.3: where this replica took part already, it may have acknowledged more than the view began with, and
        // this may have been on its way since then. What carries the nonce of its recovery is not older than that.
        if self.mode == Mode::Recovering && opening.view == self.last_normal_view {
            return;
        }
        if opening.view > self.view {
            self.metrics.increment_view_changes(ViewChangeReason::StartView);
            self.change.since.get_or_insert(io.now());
        }
        self.begin_install(opening, from, io);
    }

    /// Makes the log the one that the view begins with, as far as it can at once.
    pub(super) fn begin_install(&mut self, opening: Opening, primary: ReplicaIndex, io: &mut Io<'_>) {
        let Opening { view, op, commit, log_first, configuration, tail } = opening;
        self.note_certain();
        self.step_down();
        self.backup.forget();
        self.transfer = None;
        if self.mode == Mode::Normal {
            self.mode = Mode::ViewChange;
        }
        self.extend_view_change(io);
        self.view = view;
        self.primary = primary;
        self.metrics.set_view_number(view);
        self.report_status();
        if configuration.epoch > self.configuration.epoch {
            self.adopt_configuration(configuration, io);
        }
        self.known_commit = self.known_commit.max(commit).max(tail.first - 1);
        self.repairs.note_source(log_first);
        let (tail_first, verified) = (tail.first, self.certain);
        let rest = tail.entries.into();
        self.install = Some(Install { op, tail_first, rest, verified, is_recording: false, begun: io.now() });
        self.advance_install(io);
    }

    /// Goes on as far as the view's entries are known, and ends the installation once all of them are on the disk.
    pub(super) fn advance_install(&mut self, io: &mut Io<'_>) {
        while let Some(entry) = self.next_to_install() {
            self.install_entry(entry, io);
        }
        self.commit_known(io);
        let Some(install) = &mut self.install else { return };
        if install.verified < install.op || install.is_recording {
            return;
        }
        if self.log.truncate(install.verified) {
            io.push(Output::Truncate(self.log.last()));
            self.metrics.set_op_number(self.log.last());
        }
        if self.log.persisted() == self.log.last() {
            install.is_recording = true;
            self.last_normal_view = self.view;
            self.write_superblock(io);
        }
    }

    /// The next entry of the view's log is this one.
    pub(super) fn install_entry(&mut self, entry: Arc<Entry>, io: &mut Io<'_>) {
        let op = entry.op;
        if self.log.get(op) != Some(&entry) {
            if self.log.truncate(op - 1) {
                io.push(Output::Truncate(op - 1));
            }
            self.append(entry, io);
        }
        if let Some(install) = &mut self.install {
            install.verified = op;
        }
    }

    /// All promises are on the disk: if one of them was the view's log, normal operation begins.
    pub(super) fn on_promises_kept(&mut self, io: &mut Io<'_>) {
        if let Some(install) = self.install.take_if(|install| install.is_recording) {
            self.begin_normal(install.begun, io);
        }
    }

    /// What was going on is over: a view change, a recovery, or one within the other.
    fn trace_return(&self, begun: Time, io: &Io<'_>) {
        let times = |since| Installed { since, begun, now: io.now() };
        if let Some(since) = self.change.since {
            traces::view_changed(self.index, self.view, self.primary == self.index, &times(since));
        }
        if let Some(since) = self.recovery.since {
            traces::recovered(self.index, self.boot, &times(since));
        }
    }

    /// Normal operation begins, or goes on after a crash; the last steps to it have been under way since then.
    pub(super) fn begin_normal(&mut self, begun: Time, io: &mut Io<'_>) {
        self.trace_return(begun, io);
        self.mode = Mode::Normal;
        self.backup.heard = io.now();
        self.end_view_change(io);
        self.end_recovery(io);
        if self.primary == self.index && self.votes() {
            self.lead(io);
            let opening = self.opening();
            self.broadcast(self.others(), &opening, io);
            self.heartbeat(io);
        } else {
            self.commit_known(io);
            self.take_early(io);
            if self.log.persisted() > 0 {
                self.acknowledge(io);
            }
        }
        self.report_status();
    }

    /// The latest entry up to which the log is what was committed, whatever comes of the rest: what was executed, what
    /// was known to be committed in normal operation, and what was before any entry that the pipeline could hold beside
    /// it. A primary has executed more than it was told: were that not certain, the next view would ask it to fetch what
    /// peers may have nowhere but in their states, and their states are no later than its own.
    pub(super) fn note_certain(&mut self) {
        let last = self.log.last();
        let known = match &self.install {
            Some(install) => self.known_commit.min(install.verified),
            None if self.mode == Mode::Normal => self.known_commit.min(last),
            None => 0,
        };
        let executed = self.service.op().min(last);
        let before_pipeline = last.saturating_sub(self.tuning.max_in_flight as u64);
        self.certain = self.certain.max(known).max(executed).max(before_pipeline);
    }

    fn next_to_install(&mut self) -> Option<Arc<Entry>> {
        let install = self.install.as_mut()?;
        while install.rest.front().is_some_and(|entry| entry.op <= install.verified) {
            install.rest.pop_front();
        }
        let next = install.verified + 1;
        if install.rest.front()?.op == next { install.rest.pop_front() } else { None }
    }
}
