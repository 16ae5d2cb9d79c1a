//! Normal operation (section 4.1 of the paper), step by step: request, Prepare, `PrepareOk`, quorum, commit, reply.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use vsr_metrics::{ByzantineReason, PeerId, ViewChangeReason};

use super::{Io, Message, Mode, Output, Replica, Time};
use crate::client_sessions::Standing;
use crate::configuration::ReplicaSet;
use crate::message::{
    ClientId, Entry, OpNumber, ReplicaIndex, Reply, Request, RequestNumber, Stamp, ViewNumber,
};
use crate::service::NO_CLIENT;
use crate::state_machine::{Operation, Refusal};
use crate::traces;

/// What only a primary needs.
#[derive(Debug, Default)]
pub(super) struct Leader {
    /// Requests that wait for a place in the pipeline.
    waiting: VecDeque<Arrived>,
    /// Operations under way: all after the commit number, in order.
    pub(super) flights: VecDeque<Flight>,
    /// The latest request under way of each client.
    begun: HashMap<ClientId, RequestNumber>,
    /// The latest operation that was sent to the backups.
    pub(super) sent: OpNumber,
    /// By replica; the primary's own place is not used.
    pub(super) peers: Vec<Peer>,
    /// Operations whose commit no message has carried yet, in order.
    pub(super) unannounced: VecDeque<Unannounced>,
    /// When the last heartbeat was sent.
    pub(super) beat: Time,
    /// Since when nothing moved that should: the log's end, and the quorum.
    pub(super) stuck_since: Time,
    /// A change of the configuration under way: nothing follows it before it is executed.
    pub(super) barrier: OpNumber,
}

/// What the primary knows of another replica.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Peer {
    /// The latest operation in its log, as far as it said in this view.
    pub(super) acknowledged: OpNumber,
    /// Its latest answer to a heartbeat: what it asked, and when that came, on the own calendar.
    pub(super) asked: Option<(Stamp, Stamp)>,
}

/// A request and when it came.
#[derive(Clone, Copy, Debug)]
struct Arrived {
    request: Request,
    at: Time,
}

/// A committed operation of which the backups do not know that it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unannounced {
    pub(super) op: OpNumber,
    /// When its Prepare was sent, and when it got its quorum.
    pub(super) prepared: Time,
    pub(super) quorum_at: Time,
}

/// An operation under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    /// When its request came; nothing for one that an earlier primary began.
    pub(super) requested: Option<Time>,
    /// When its Prepare was sent.
    pub(super) prepared: Option<Time>,
}

impl Replica {
    /// Steps 1 and 2: the primary takes a new request in, and answers a repeated one from its session.
    pub(super) fn on_request(&mut self, request: Request, io: &mut Io<'_>) {
        if !self.leads() {
            return;
        }
        let Request { client, number, operation } = request;
        let is_own = operation == Operation::Settle || client == NO_CLIENT;
        let under_way = self.leader.begun.get(&client).is_some_and(|begun| number <= *begun);
        let view = self.view;
        let mut answer = |outcome| io.push(Output::Reply(Reply { view, client, number, outcome }));
        match self.service.sessions().judge(client, number) {
            _ if is_own => return answer(Err(Refusal::NoSuchConfiguration)),
            Standing::Answered(outcome) => {
                self.metrics.increment_duplicate_requests();
                return answer(outcome);
            }
            Standing::Stale => return self.metrics.increment_duplicate_requests(),
            _ if under_way => return self.metrics.increment_duplicate_requests(),
            Standing::NoSession => return answer(Err(Refusal::NoSession)),
            Standing::New => {}
        }
        if self.leader.waiting.len() >= self.tuning.max_waiting {
            return;
        }
        self.leader.begun.insert(client, number);
        self.leader.waiting.push_back(Arrived { request, at: io.now() });
        self.admit(io);
        self.report_pending();
    }

    /// Step 3: the primary's part of the log is flushed, so its backups may hear of it. Step 4: a backup's is, so
    /// it may say so.
    pub(super) fn on_persisted(&mut self, through: OpNumber, io: &mut Io<'_>) {
        self.log.flushed(through);
        if self.install.is_some() {
            self.advance_install(io);
        } else if self.leads() {
            self.leader.stuck_since = io.now();
            self.prepare(io);
            self.commit_by_quorum(io);
        } else if self.mode == Mode::Normal {
            // What is known to be committed first: a change of the configuration is in force before anything after
            // it is acknowledged.
            if self.execute_known(io) {
                self.report_lag();
            }
            self.acknowledge(io);
        }
    }

    /// Step 4: a backup appends in order. What overtook others waits for them.
    pub(super) fn on_prepare(
        &mut self,
        from: ReplicaIndex,
        view: ViewNumber,
        commit: OpNumber,
        checksum: u32,
        entry: Arc<Entry>,
        io: &mut Io<'_>,
    ) {
        if checksum != entry.checksum() {
            return self.reject(ByzantineReason::PrepareChecksumFailure);
        }
        if commit >= entry.op {
            return self.reject(ByzantineReason::CommitExceedsOp);
        }
        if entry.op > commit + self.tuning.max_in_flight as u64 {
            return self.reject(ByzantineReason::PipelineDepthExceeded);
        }
        if entry.view > view {
            return self.reject(ByzantineReason::LogOrderingViolation);
        }
        let is_next_primary = self.configuration.primary(view) == from;
        if view > self.view && is_next_primary && self.votes() && !self.recovery.in_doubt {
            self.start_view_change(view, ViewChangeReason::HigherViewPrepare, io);
            self.ask_for_view(from, view, io);
            return;
        }
        if !self.is_of_this_view(from, view, io) {
            return;
        }
        self.take_prepare(entry, io);
        if self.mode == Mode::Normal {
            self.backup.heard = io.now();
            self.note_commit(commit, io);
        }
    }

    /// Step 7: a backup learns what is committed.
    pub(super) fn on_commit(
        &mut self,
        from: ReplicaIndex,
        view: ViewNumber,
        op: OpNumber,
        commit: OpNumber,
        io: &mut Io<'_>,
    ) {
        if commit > op {
            return self.reject(ByzantineReason::CommitExceedsOp);
        }
        if self.is_of_this_view(from, view, io) && self.mode == Mode::Normal {
            self.backup.heard = io.now();
            self.note_end(op, io);
            self.note_commit(commit, io);
        }
    }

    /// Step 5: the primary counts votes.
    pub(super) fn on_prepare_ok(
        &mut self,
        from: ReplicaIndex,
        view: ViewNumber,
        op: OpNumber,
        io: &mut Io<'_>,
    ) {
        if view != self.view || !self.leads() || op > self.log.last() {
            return;
        }
        let Some(peer) = self.leader.peers.get_mut(from) else { return };
        if op > peer.acknowledged {
            peer.acknowledged = op;
            self.commit_by_quorum(io);
        }
        if self.configuration.standbys.contains(from) {
            self.report_standbys(io);
        }
    }

    /// Requests that wait for a place in the pipeline.
    pub fn waiting(&self) -> usize {
        self.leader.waiting.len()
    }

    /// A new primary begins (also one that goes on after a crash).
    pub(super) fn lead(&mut self, io: &mut Io<'_>) {
        let now = io.now();
        self.leader = Leader {
            sent: self.log.last(),
            peers: vec![Peer::default(); ReplicaSet::CAPACITY],
            beat: now,
            stuck_since: now,
            ..Leader::default()
        };
        for op in self.service.op() + 1..=self.log.last() {
            self.leader.flights.push_back(Flight { requested: None, prepared: None });
            if let Some(entry) = self.log.get(op) {
                self.leader.begun.insert(entry.client, entry.request);
                if matches!(entry.operation, Operation::Reconfigure { .. } | Operation::Settle) {
                    self.leader.barrier = op;
                }
            }
        }
        // It is the reference: its clock is off by nothing.
        self.metrics.set_clock_offset(0.0);
        self.metrics.set_replica_lag(0);
        self.commit_by_quorum(io);
        self.settle_if_joint(io);
        self.report_pending();
    }

    /// This replica leads no longer. Requests that wait are forgotten; their clients ask again.
    pub(super) fn step_down(&mut self) {
        if !self.leader.peers.is_empty() {
            self.leader = Leader::default();
            self.metrics.set_pending_requests(0);
            self.metrics.set_prepare_ok_votes(0);
            self.metrics.unset_standby_healthy_count();
            self.forget_standbys(self.configuration.standbys);
        }
    }

    /// An operator wants another primary, or the primary itself does.
    pub(super) fn abdicate(&mut self, io: &mut Io<'_>) {
        if self.leads() && self.configuration.voters().len() > 1 {
            self.announce(io);
            self.start_view_change(self.view + 1, ViewChangeReason::PrimaryAbdicate, io);
        }
    }

    pub(super) fn normal_deadline(&self) -> Option<Time> {
        if self.mode != Mode::Normal {
            return None;
        }
        if !self.leads() {
            return self.votes().then(|| self.backup.heard + self.tuning.heartbeat_timeout);
        }
        if self.others().is_empty() {
            return None;
        }
        let announce = self.announce_deadline();
        let stuck =
            (!self.leader.flights.is_empty()).then(|| self.leader.stuck_since + self.tuning.abdicate_after);
        [Some(self.leader.beat + self.tuning.heartbeat), announce, stuck].into_iter().flatten().min()
    }

    /// Whatever the time asks for: news of commits that no Prepare carried (step 6), a sign of life, another primary.
    pub(super) fn normal_tick(&mut self, io: &mut Io<'_>) {
        let now = io.now();
        if self.mode != Mode::Normal {
            return;
        }
        if !self.leads() {
            if self.votes() && self.backup.heard + self.tuning.heartbeat_timeout <= now {
                self.start_view_change(self.view + 1, ViewChangeReason::HeartbeatTimeout, io);
            }
            return;
        }
        if self.others().is_empty() {
            return;
        }
        if self.announce_deadline().is_some_and(|deadline| deadline <= now) {
            self.announce(io);
        }
        if self.leader.beat + self.tuning.heartbeat <= now {
            self.heartbeat(io);
            self.report_standbys(io);
        }
        if !self.leader.flights.is_empty() && self.leader.stuck_since + self.tuning.abdicate_after <= now {
            self.abdicate(io);
        }
    }

    /// When commits are to be told that no Prepare has carried. While messages are held back, one more would tell
    /// nothing sooner.
    fn announce_deadline(&self) -> Option<Time> {
        let oldest = self.leader.unannounced.front().filter(|_| !self.outbound.is_holding())?;
        Some(oldest.quorum_at + self.tuning.commit_delay)
    }

    /// Step 6: tells the backups of commits that no Prepare has carried.
    pub(super) fn announce(&mut self, io: &mut Io<'_>) {
        if self.leads() && !self.leader.unannounced.is_empty() {
            let (view, op, commit) = (self.view, self.log.persisted(), self.service.op());
            self.broadcast(self.others(), &Message::Commit { view, op, commit }, io);
        }
    }

    /// What a backup says once its log is flushed.
    pub(super) fn acknowledge(&mut self, io: &mut Io<'_>) {
        self.send(self.primary, Message::PrepareOk { view: self.view, op: self.log.persisted() }, io);
    }

    /// Requests that were taken in and not answered yet.
    pub(super) fn report_pending(&self) {
        let pending = self.leader.waiting.len() + self.leader.flights.len();
        self.metrics.set_pending_requests(pending as u64);
    }

    /// Gives requests their op numbers as long as the pipeline has room.
    pub(super) fn admit(&mut self, io: &mut Io<'_>) {
        while self.leader.flights.len() < self.tuning.max_in_flight
            && self.leader.barrier <= self.service.op()
        {
            let Some(Arrived { request, at }) = self.leader.waiting.pop_front() else { return };
            let Request { client, number, operation } = request;
            self.propose(client, number, operation, Some(at), io);
        }
    }

    /// Gives an operation its op number.
    pub(super) fn propose(
        &mut self,
        client: ClientId,
        request: RequestNumber,
        operation: Operation,
        requested: Option<Time>,
        io: &mut Io<'_>,
    ) {
        let op = self.log.last() + 1;
        if self.leader.flights.is_empty() {
            self.leader.stuck_since = io.now();
        }
        if matches!(operation, Operation::Reconfigure { .. } | Operation::Settle) {
            self.leader.barrier = op;
        }
        self.append(Arc::new(Entry { view: self.view, op, client, request, operation }), io);
        self.leader.flights.push_back(Flight { requested, prepared: None });
    }

    /// Forgets a request that was executed.
    pub(super) fn forget_begun(&mut self, client: ClientId, request: RequestNumber) {
        if self.leader.begun.get(&client) == Some(&request) {
            self.leader.begun.remove(&client);
        }
    }

    /// Step 3: sends Prepares for everything flushed since the last ones.
    fn prepare(&mut self, io: &mut Io<'_>) {
        let others = self.others();
        for op in self.leader.sent + 1..=self.log.persisted() {
            let Some(entry) = self.log.get(op).cloned() else { continue };
            let place = usize::try_from(op.saturating_sub(self.service.op() + 1)).unwrap_or(usize::MAX);
            if let Some(flight) = self.leader.flights.get_mut(place) {
                flight.prepared = Some(io.now());
            }
            if !others.is_empty() {
                let (view, commit, checksum) = (self.view, self.service.op(), entry.checksum());
                self.broadcast(others, &Message::Prepare { view, commit, checksum, entry }, io);
            }
        }
        self.leader.sent = self.log.persisted().max(self.leader.sent);
    }

    /// A message leaves that tells how far operations are committed.
    pub(super) fn announced(&mut self, commit: OpNumber, io: &mut Io<'_>) {
        while let Some(Unannounced { op, prepared, quorum_at }) = self.leader.unannounced.front().copied()
            && op <= commit
        {
            let now = io.now();
            self.leader.unannounced.pop_front();
            let took = now.saturating_sub(quorum_at);
            self.metrics.record_commit_latency(took);
            self.metrics.record_consensus_round_trip(now.saturating_sub(prepared));
            traces::announced(self.index, op, took);
        }
    }

    /// The number under which a peer is known to the metrics, if it has one.
    pub(super) fn peer_id(peer: ReplicaIndex) -> Option<PeerId> {
        u32::try_from(peer).ok().and_then(|peer| PeerId::new(peer).ok())
    }
}
