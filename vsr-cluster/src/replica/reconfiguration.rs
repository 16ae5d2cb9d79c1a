//! Reconfiguration (section 7 of the paper): from one set of members to another, by way of both.
//!
//! A configuration is in force on a replica once the operation that made it is executed there, and before anything
//! after that operation is acknowledged; nothing is proposed after such an operation before it is executed. So
//! whatever is committed under the new rules has voters who know them, and every quorum under the old rules meets one of
//! them: the latest configuration among the logs of a view change is the one that decides.

use vsr_metrics::{ReconfigState, ViewChangeReason};

use super::{Configuration, Io, Message, Replica};
use crate::service::NO_CLIENT;
use crate::state_machine::Operation;

impl Replica {
    /// A later configuration is in force from now on.
    pub(super) fn adopt_configuration(&mut self, configuration: Configuration, io: &mut Io<'_>) {
        let before = std::mem::replace(&mut self.configuration, configuration);
        // Every second epoch is a stable one.
        for _ in before.epoch / 2..configuration.epoch / 2 {
            self.metrics.increment_reconfig_transitions();
        }
        let is_member = |configuration: Configuration| configuration.members.contains(self.index);
        if is_member(configuration) && !is_member(before) {
            self.metrics.increment_standby_promotions();
        }
        self.forget_standbys(before.standbys.without(configuration.standbys));
        self.backup.heard = io.now();
        self.report_configuration();
        self.report_status();
        self.write_superblock(io);
        if self.leads() {
            // Those who are out learn it here or never.
            let out = before.everyone().without(configuration.everyone());
            let (view, op, commit) = (self.view, self.log.persisted(), self.service.op());
            self.broadcast(out, &Message::Commit { view, op, commit }, io);
        }
    }

    /// Once both configurations count, the primary goes on to the new one alone.
    pub(super) fn settle_if_joint(&mut self, io: &mut Io<'_>) {
        let is_due = self.service.configuration().is_joint()
            && self.leader.barrier <= self.service.op()
            && self.leader.flights.len() < self.tuning.max_in_flight;
        if self.leads() && is_due {
            self.propose(NO_CLIENT, 0, Operation::Settle, None, io);
        }
    }

    /// A primary whose place belongs to somebody else in the new configuration makes room.
    pub(super) fn leave_if_replaced(&mut self, io: &mut Io<'_>) {
        let configuration = self.configuration;
        if !self.leads() || configuration.is_joint() || configuration.primary(self.view) == self.index {
            return;
        }
        self.announce(io);
        if self.votes() {
            self.start_view_change(self.view + 1, ViewChangeReason::PrimaryAbdicate, io);
        } else {
            self.metrics.increment_view_changes(ViewChangeReason::PrimaryAbdicate);
            let view = self.view + 1;
            self.broadcast(configuration.voters(), &Message::StartViewChange { view, configuration }, io);
            self.step_down();
            self.primary = configuration.primary(view);
            self.report_status();
        }
    }

    pub(super) fn report_configuration(&self) {
        let configuration = self.configuration;
        self.metrics.set_cluster_size(configuration.members.len() as u64);
        self.metrics.set_quorum_size(configuration.quorum_size() as u64);
        self.metrics.set_standby_count(configuration.standbys.len() as u64);
        let state = if configuration.is_joint() { ReconfigState::Joint } else { ReconfigState::Stable };
        self.metrics.set_reconfig_state(state);
    }
}
