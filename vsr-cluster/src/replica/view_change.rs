//! View change (section 4.2 of the paper): the replicas agree on another primary, and hand it their logs.

use std::collections::BTreeMap;

use vsr_metrics::{ByzantineReason, ViewChangeReason};

use super::install::Opening;
use super::{
    Configuration, Io, Message, Mode, OpNumber, Replica, ReplicaIndex, ReplicaSet, Time, ViewNumber,
};
use crate::message::Tail;

/// A view change under way.
#[derive(Debug, Default)]
pub(super) struct ViewChange {
    /// Since when this replica is out of normal operation for it.
    pub(super) since: Option<Time>,
    /// Who wants the view.
    wanted_by: ReplicaSet,
    /// Whether this replica handed its log over already.
    has_handed: bool,
    /// Logs handed to this replica, the view's primary to be.
    handed: BTreeMap<ReplicaIndex, Handed>,
    resend_at: Time,
    pub(super) timeout_at: Time,
    /// View changes since the last normal operation.
    attempts: u32,
}

/// A log that was handed over.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    pub(super) last_normal_view: ViewNumber,
    pub(super) op: OpNumber,
    pub(super) commit: OpNumber,
    pub(super) configuration: Configuration,
    pub(super) tail: Tail,
}

impl Replica {
    /// Step 1: this replica wants a later view, and takes no part in earlier ones any more.
    pub(super) fn start_view_change(&mut self, view: ViewNumber, reason: ViewChangeReason, io: &mut Io<'_>) {
        self.metrics.increment_view_changes(reason);
        self.change.attempts = match self.mode {
            Mode::Normal => 0,
            _ => self.change.attempts + 1,
        };
        self.enter_view_change(view, io);
        self.broadcast(self.other_voters(), &self.wish(view), io);
        self.hand_over_if_wanted(io);
    }

    /// Takes up a view change where a crash left it: the view stays.
    pub(super) fn resume_view_change(&mut self, io: &mut Io<'_>) {
        self.enter_view_change(self.view, io);
        self.broadcast(self.other_voters(), &self.wish(self.view), io);
    }

    /// Another replica wants a view.
    pub(super) fn on_start_view_change(
        &mut self,
        from: ReplicaIndex,
        view: ViewNumber,
        configuration: Configuration,
        io: &mut Io<'_>,
    ) {
        if view == self.view && self.leads() {
            // It missed the beginning of this view.
            let opening = self.opening();
            self.send(from, opening, io);
            return;
        }
        if configuration.epoch < self.configuration.epoch && !self.votes() {
            // It takes this replica for a member and may know nobody else: now it knows the members that there are.
            let message = self.wish(view);
            self.send(from, message, io);
            return;
        }
        if configuration.epoch > self.configuration.epoch {
            // It is in force somewhere, so what made it is committed. A log that was handed over already stays where
            // it is: in this view, nobody else may have it.
            self.adopt_configuration(configuration, io);
            if self.mode == Mode::ViewChange && !self.change.has_handed && self.install.is_none() {
                self.primary = configuration.primary(self.view);
            }
        }
        let may_ask = self.configuration.voters().contains(from) || from == self.primary;
        if !self.votes() || self.recovery.in_doubt || !may_ask {
            return;
        }
        if view > self.view {
            let reason = match self.mode {
                Mode::Normal => ViewChangeReason::StartViewChangeWhileNormal,
                _ => ViewChangeReason::HigherViewStartViewChange,
            };
            self.start_view_change(view, reason, io);
        }
        if view == self.view && self.mode == Mode::ViewChange {
            self.change.wanted_by.insert(from);
            self.hand_over_if_wanted(io);
        }
    }

    /// Step 3: the primary to be collects logs.
    pub(super) fn on_do_view_change(
        &mut self,
        from: ReplicaIndex,
        view: ViewNumber,
        handed: Handed,
        io: &mut Io<'_>,
    ) {
        let hash = ByzantineReason::LogTailHashMismatch;
        if !self.is_sound_tail(&handed.tail, handed.op, handed.commit, hash) {
            return;
        }
        if view != self.view || self.mode != Mode::ViewChange || self.install.is_some() {
            return;
        }
        self.change.handed.insert(from, handed);
        self.open_if_handed(io);
    }

    /// A message of a later view came from its primary: asks it for the beginning of that view.
    pub(super) fn ask_for_view(&mut self, primary: ReplicaIndex, view: ViewNumber, io: &mut Io<'_>) {
        self.send(primary, self.wish(view), io);
    }

    /// The message of step 1.
    pub(super) fn wish(&self, view: ViewNumber) -> Message {
        Message::StartViewChange { view, configuration: self.configuration }
    }

    /// The `StartView` of the view that this replica leads.
    pub(super) fn opening(&self) -> Message {
        Message::StartView {
            view: self.view,
            op: self.log.persisted(),
            commit: self.service.op(),
            log_first: self.log.log_first(),
            configuration: self.configuration,
            tail: self.tail(),
        }
    }

    /// The end of the log, as far as it is flushed; everything before it is committed.
    pub(super) fn tail(&self) -> Tail {
        let first = self.log.tail_first(self.tuning.tail_limit());
        Tail::new(first, self.log.range(first, self.log.persisted()))
    }

    pub(super) fn change_deadline(&self) -> Option<Time> {
        (self.mode == Mode::ViewChange).then(|| self.change.resend_at.min(self.change.timeout_at))
    }

    pub(super) fn change_tick(&mut self, io: &mut Io<'_>) {
        if self.mode != Mode::ViewChange {
            return;
        }
        let now = io.now();
        if self.change.timeout_at <= now {
            self.start_view_change(self.view + 1, ViewChangeReason::ViewChangeTimeout, io);
        } else if self.change.resend_at <= now {
            self.change.resend_at = now + self.tuning.resend_after;
            if self.install.is_none() {
                let message = self.wish(self.view);
                self.broadcast(self.other_voters(), &message, io);
                if self.change.has_handed {
                    self.hand_over(io);
                }
            }
        }
    }

    /// The view change makes progress and may take longer.
    pub(super) fn extend_view_change(&mut self, io: &mut Io<'_>) {
        let patience = self.tuning.view_change_timeout * 2_u32.pow(self.change.attempts.min(3));
        self.change.timeout_at = io.now() + patience;
    }

    /// Ends the view change in normal operation.
    pub(super) fn end_view_change(&mut self, io: &mut Io<'_>) {
        if let Some(since) = self.change.since.take() {
            self.metrics.record_view_change_latency(io.now().saturating_sub(since));
        }
        self.change = ViewChange::default();
    }

    /// Out of normal operation, into a view.
    pub(super) fn enter_view_change(&mut self, view: ViewNumber, io: &mut Io<'_>) {
        let now = io.now();
        self.leave_normal(now);
        self.mode = Mode::ViewChange;
        self.view = view;
        self.primary = self.configuration.primary(view);
        self.change.wanted_by = [self.index].into_iter().collect();
        self.change.has_handed = false;
        self.change.handed.clear();
        self.change.resend_at = now + self.tuning.resend_after;
        self.extend_view_change(io);
        self.metrics.set_view_number(view);
        self.report_status();
        self.write_superblock(io);
    }

    /// What belonged to a view ends with it.
    pub(super) fn leave_normal(&mut self, now: Time) {
        self.change.since.get_or_insert(now);
        self.step_down();
        self.install = None;
        self.transfer = None;
        self.backup.forget();
    }

    /// Step 2: once a quorum wants the view, its primary gets this replica's log.
    fn hand_over_if_wanted(&mut self, io: &mut Io<'_>) {
        if !self.change.has_handed && self.configuration.is_quorum(self.change.wanted_by) {
            self.change.has_handed = true;
            self.hand_over(io);
        }
    }

    fn hand_over(&mut self, io: &mut Io<'_>) {
        let (last_normal_view, configuration) = (self.last_normal_view, self.configuration);
        let (op, commit, tail) = (self.log.persisted(), self.service.op(), self.tail());
        if self.primary == self.index {
            let handed = Handed { last_normal_view, op, commit, configuration, tail };
            self.change.handed.insert(self.index, handed);
            self.open_if_handed(io);
        } else {
            let view = self.view;
            let message = Message::DoViewChange { view, last_normal_view, op, commit, configuration, tail };
            self.send(self.primary, message, io);
        }
    }

    /// Step 4: with the logs of a quorum, the best one begins the view: that of the latest normal view, and among those
    /// the longest. What a quorum is depends on the latest configuration that any of them knows.
    fn open_if_handed(&mut self, io: &mut Io<'_>) {
        let handed = &self.change.handed;
        let senders: ReplicaSet = handed.keys().copied().collect();
        let own = self.configuration;
        let latest = handed.values().map(|handed| handed.configuration).fold(own, later);
        if !handed.contains_key(&self.index)
            || !latest.is_quorum(senders)
            || latest.primary(self.view) != self.index
        {
            return;
        }
        let Some(best) = handed.values().max_by_key(|handed| (handed.last_normal_view, handed.op)).cloned()
        else {
            return;
        };
        let commit = handed.values().map(|handed| handed.commit).max().unwrap_or(0);
        let opening = Opening {
            view: self.view,
            op: best.op,
            commit,
            log_first: 0,
            configuration: latest,
            tail: best.tail,
        };
        self.begin_install(opening, self.index, io);
    }
}

/// The later one of two configurations.
pub(super) fn later(one: Configuration, other: Configuration) -> Configuration {
    if other.epoch > one.epoch { other } else { one }
}
