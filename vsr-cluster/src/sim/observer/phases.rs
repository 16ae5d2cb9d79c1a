//! What takes a replica out of normal operation, and how long: view changes, recoveries, states that are fetched.

use vsr_metrics::ReplicaStatus;

use super::Tally;
use super::life::By;
use crate::message::OpNumber;
use crate::replica::{Replica, Time};

impl Tally {
    /// A state of another replica took the place of the own one. It counts once it is on the disk.
    pub(super) fn installed(&mut self, op: OpNumber) {
        let life = &mut self.life;
        life.damaged = life.damaged.split_off(&(op + 1));
        life.log = life.log.split_off(&(op + 1));
        life.began = life.began.split_off(&(op + 1));
        life.executed = op;
        life.last = life.last.max(op);
        life.persisted = life.persisted.max(op);
        life.has_installed = true;
    }

    /// A checkpoint is on the disk, the own one or another replica's.
    pub(super) fn checkpoint_written(&mut self, now: Time) {
        let Some((keep_after, is_installed)) = self.life.checkpoint.take() else { return };
        self.life.began = self.life.began.split_off(&(keep_after + 1));
        if is_installed {
            self.life.promises -= 1;
            if let Some(since) = self.life.fetching.take() {
                self.numbers.took("vsr_state_transfer_latency_ms", now.saturating_sub(since));
            }
        }
    }

    pub(super) fn phases(&mut self, replica: &Replica, now: Time) {
        let before = self.life.before;
        let status = replica.status();
        let has_asked = std::mem::take(&mut self.life.has_asked);
        let may_begin = matches!(before.by, By::StartView | By::DoViewChange | By::RecoveryResponse);
        if status != ReplicaStatus::StateTransfer {
            self.life.fetching = None;
        } else if has_asked && may_begin {
            // Whatever was fetched before was for another beginning.
            self.life.fetching = Some(now);
        } else {
            self.life.fetching.get_or_insert(now);
        }
        if status == ReplicaStatus::Recovering {
            self.life.recovering.get_or_insert(now);
        }
        let is_told = before.by == By::StartView && replica.view() > before.view;
        if status == ReplicaStatus::ViewChange || is_told {
            self.life.changing.get_or_insert(now);
        }
        if replica.is_normal() {
            if let Some(since) = self.life.recovering.take() {
                self.numbers.took("vsr_recovery_latency_ms", now.saturating_sub(since));
            }
            if let Some(since) = self.life.changing.take() {
                self.numbers.took("vsr_view_change_latency_ms", now.saturating_sub(since));
            }
        }
    }
}
