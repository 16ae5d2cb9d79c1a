//! Quorums and execution (section 4.1, steps 5 and 7).

use std::sync::Arc;

use vsr_metrics::Status;

use super::normal::{Flight, Unannounced};
use super::{Entry, Io, Mode, OpNumber, Output, Replica, Time};
use crate::configuration::ReplicaSet;
use crate::message::Reply;
use crate::state_machine::Operation;
use crate::traces::{self, Flown};

impl Replica {
    /// Commits what a quorum has in its logs, the primary included, and answers the clients.
    pub(super) fn commit_by_quorum(&mut self, io: &mut Io<'_>) {
        let quorum_at = io.now();
        self.report_votes();
        // Each operation may change what a quorum is.
        while self.leads() && self.service.op() < self.agreed() && self.commit_next(quorum_at, io) {}
        if !self.leads() {
            return;
        }
        self.admit(io);
        self.report_pending();
    }

    /// Executes what is known to be committed, flushed, and next.
    pub(super) fn commit_known(&mut self, io: &mut Io<'_>) {
        self.execute_known(io);
        self.report_lag();
    }

    /// The same, and tells whether there was anything to execute.
    pub(super) fn execute_known(&mut self, io: &mut Io<'_>) -> bool {
        self.note_certain();
        let before = self.service.op();
        let through = self.known_commit.min(self.certain).min(self.log.persisted());
        while self.service.op() < through && self.apply_next(io).is_some() {}
        self.service.op() > before
    }

    /// A backup heard how far operations are committed.
    pub(super) fn note_commit(&mut self, commit: OpNumber, io: &mut Io<'_>) {
        self.known_commit = self.known_commit.max(commit);
        self.commit_known(io);
    }

    /// How far this replica is behind its leader, as far as it knows.
    pub(super) fn report_lag(&self) {
        if self.mode != Mode::Recovering && !self.leads() {
            self.metrics.set_replica_lag(self.known_commit - self.service.op());
        }
    }

    /// The latest operation that every quorum-to-be has: as many replicas as a majority of the members, and of the
    /// members to come.
    fn agreed(&self) -> OpNumber {
        let of = |members: ReplicaSet| {
            let mut held: Vec<OpNumber> = members.iter().map(|member| self.held(member)).collect();
            held.sort_unstable_by(|a, b| b.cmp(a));
            held.get(members.majority() - 1).copied().unwrap_or(0)
        };
        let agreed = of(self.configuration.members);
        if self.configuration.is_joint() { agreed.min(of(self.configuration.next)) } else { agreed }
    }

    /// The latest operation that a replica is known to have flushed in this view.
    fn held(&self, replica: super::ReplicaIndex) -> OpNumber {
        if replica == self.index {
            return self.log.persisted();
        }
        self.leader.peers.get(replica).map_or(0, |peer| peer.acknowledged)
    }

    /// Votes for the oldest operation without a quorum, or for the latest one if all have theirs.
    fn report_votes(&self) {
        let current = self.log.last().min(self.service.op() + 1);
        if current > 0 {
            let votes =
                self.configuration.voters().iter().filter(|voter| self.held(*voter) >= current).count();
            self.metrics.set_prepare_ok_votes(votes as u64);
        }
    }

    fn commit_next(&mut self, quorum_at: Time, io: &mut Io<'_>) -> bool {
        let is_alone = self.others().is_empty();
        let flight = self.leader.flights.front().copied();
        let Some((entry, outcome)) = self.apply_next(io) else { return false };
        self.leader.flights.pop_front();
        self.leader.stuck_since = quorum_at;
        // Nothing is sent, and so nothing is measured, in a cluster of one.
        if let Some(prepared) = flight.and_then(|flight| flight.prepared).filter(|_| !is_alone) {
            self.metrics.record_prepare_latency(quorum_at.saturating_sub(prepared));
            self.leader.unannounced.push_back(Unannounced { op: entry.op, prepared, quorum_at });
        }
        if let Some(requested) = flight.and_then(|flight| flight.requested) {
            let reply = Reply { view: self.view, client: entry.client, number: entry.request, outcome };
            io.push(Output::Reply(reply));
            self.metrics.record_client_latency(io.now().saturating_sub(requested));
        }
        if let Some(Flight { requested, prepared }) = flight.filter(|_| traces::follows(entry.op)) {
            let flown = Flown { op: entry.op, requested, prepared, quorum_at, now: io.now() };
            traces::answered(self.index, &flown);
        }
        self.forget_begun(entry.client, entry.request);
        self.settle_if_joint(io);
        self.leave_if_replaced(io);
        true
    }

    /// Executes the next operation of the log, which must be committed.
    fn apply_next(&mut self, io: &mut Io<'_>) -> Option<(Arc<Entry>, crate::state_machine::Outcome)> {
        let entry = Arc::clone(self.log.get(self.service.op() + 1)?);
        let began = traces::follows(entry.op).then(|| io.now());
        let effect = self.service.apply(&entry);
        if let Some(began) = began {
            traces::applied(self.index, self.boot, entry.op, io.now().saturating_sub(began));
        }
        self.known_commit = self.known_commit.max(entry.op);
        let outcome = effect.outcome;
        self.metrics.increment_operations(if outcome.is_ok() { Status::Success } else { Status::Failure });
        if effect.evicted.is_some() {
            self.metrics.increment_client_sessions_evicted();
        }
        self.metrics.set_commit_number(self.service.op());
        // Nothing else opens or closes one.
        if matches!(entry.operation, Operation::OpenSession) {
            self.metrics.set_client_sessions_active(self.service.sessions().active());
        }
        io.push(Output::Applied { entry: Arc::clone(&entry), outcome });
        if self.service.configuration().epoch > self.configuration.epoch {
            self.adopt_configuration(self.service.configuration(), io);
        }
        self.checkpoint_if_due(io);
        Some((entry, outcome))
    }
}
