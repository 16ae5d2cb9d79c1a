//! Normal operation (section 4.1 of the paper), step by step: request, Prepare, `PrepareOk`, quorum, commit, reply.

use std::sync::Arc;

use super::{
    Arrived, Clock, Entry, Message, OpNumber, Output, Peer, Pending, Purpose, Replica, ReplicaIndex, Request,
    Time,
};
use crate::client_table::Novelty;
use crate::traces;

impl Replica {
    /// Steps 1 and 2: the primary takes a new request in, and answers a repeated one from the client table.
    pub(super) fn on_request(&mut self, request: Request, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        if !self.is_primary() {
            return;
        }
        let novelty = self.clients.judge(request.client, request.number);
        if novelty != Novelty::New {
            self.metrics.increment_duplicate_requests();
            if let Novelty::Answered(reply) = novelty {
                outputs.push(Output::Reply(reply));
            }
            return;
        }
        if self.leader.waiting.len() >= self.tuning.max_waiting {
            return;
        }
        self.clients.begin(request.client, request.number);
        self.metrics.set_client_sessions_active(self.clients.sessions());
        self.leader.waiting.push_back(Arrived { request, at: clock.now() });
        self.admit(outputs);
        self.report_pending();
    }

    /// Step 3: the primary's part of the log is flushed, so its backups may hear of it. Step 4: a backup's is, so
    /// it may say so.
    pub(super) fn on_persisted(&mut self, through: OpNumber, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        self.persisted = self.persisted.max(through);
        if self.is_primary() {
            self.prepare(clock, outputs);
            self.commit_by_quorum(clock, outputs);
        } else {
            self.acknowledge(outputs);
            self.commit_known(outputs);
        }
    }

    /// Step 4: a backup appends in order. What comes after a gap is dropped; the primary sends again what it
    /// hears nothing of.
    pub(super) fn on_prepare(&mut self, entry: Arc<Entry>, commit: OpNumber, outputs: &mut Vec<Output>) {
        if entry.op == self.op_number + 1 {
            self.append(entry, None, outputs);
        } else if entry.op <= self.persisted {
            self.acknowledge(outputs);
        }
        self.on_commit(commit, outputs);
    }

    /// Step 7: a backup learns what is committed.
    pub(super) fn on_commit(&mut self, commit: OpNumber, outputs: &mut Vec<Output>) {
        self.known_commit = self.known_commit.max(commit);
        self.commit_known(outputs);
    }

    /// Step 5: the primary counts votes.
    pub(super) fn on_prepare_ok(
        &mut self,
        from: ReplicaIndex,
        op: OpNumber,
        clock: &dyn Clock,
        outputs: &mut Vec<Output>,
    ) {
        if !self.is_primary() || from == self.index || op > self.op_number {
            return;
        }
        let Some(peer) = self.leader.peers.get_mut(from) else { return };
        if op <= peer.acknowledged {
            return;
        }
        peer.acknowledged = op;
        peer.owing_since = clock.now();
        let more_to_resend = op == peer.resent && op < self.leader.sent;
        if more_to_resend {
            self.read_for(from, outputs);
        }
        self.commit_by_quorum(clock, outputs);
    }

    /// Whatever the time asks of a primary: news of commits that no Prepare carried (step 6), a sign of life, and
    /// Prepares that may have been lost.
    pub(super) fn tick(&mut self, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        if !self.is_primary() || self.cluster == 1 {
            return;
        }
        let now = clock.now();
        if self.leader.unannounced.front().is_some_and(|quorum| *quorum + self.tuning.commit_delay <= now) {
            self.announce(clock, outputs);
        }
        if self.leader.heard + self.tuning.heartbeat <= now {
            self.heartbeat(clock, outputs);
        }
        let late: Vec<ReplicaIndex> = self
            .owing()
            .filter(|(_, peer)| peer.owing_since + self.tuning.resend_after <= now)
            .map(|(index, _)| index)
            .collect();
        for to in late {
            self.leader.peers[to].owing_since = now;
            self.read_for(to, outputs);
        }
    }

    /// Sends entries again that a backup did not acknowledge.
    pub(super) fn resend(
        &mut self,
        to: ReplicaIndex,
        entries: Vec<Arc<Entry>>,
        clock: &dyn Clock,
        outputs: &mut Vec<Output>,
    ) {
        let Some(last) = entries.last().map(|entry| entry.op) else { return };
        for entry in entries {
            let op = entry.op;
            self.send(
                to,
                Message::Prepare {
                    view: self.view,
                    commit: self.commit_number,
                    checksum: entry.checksum(),
                    entry,
                },
                outputs,
            );
            if let Some(pending) = self.pending(op) {
                pending.prepared.get_or_insert_with(|| clock.now());
            }
        }
        if let Some(peer) = self.leader.peers.get_mut(to) {
            peer.resent = last;
        }
    }

    /// Step 6: tells the backups of commits that no Prepare has carried.
    pub(super) fn announce(&mut self, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        if !self.leader.unannounced.is_empty() {
            self.broadcast(
                &Message::Commit { view: self.view, op: self.op_number, commit: self.commit_number },
                outputs,
            );
            self.announced(clock);
        }
    }

    /// Tells the backups of an idle primary that it lives.
    pub(super) fn heartbeat(&mut self, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        if self.cluster > 1 {
            let (view, op, commit) = (self.view, self.op_number, self.commit_number);
            let ping = u64::try_from(clock.now().as_nanos()).unwrap_or(u64::MAX);
            self.broadcast(
                &Message::Heartbeat { view, op, commit, log_first: 1, ping, clock: None },
                outputs,
            );
            self.announced(clock);
        }
    }

    /// Commits what a quorum has in its logs, the primary included, and answers the clients.
    pub(super) fn commit_by_quorum(&mut self, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        let mut held: Vec<OpNumber> = self.held().collect();
        held.sort_unstable_by(|a, b| b.cmp(a));
        let agreed = held[self.quorum() - 1];
        self.report_votes();
        let quorum_at = clock.now();
        while self.commit_number < agreed && self.commit_next(quorum_at, clock, outputs) {}
        self.known_commit = self.commit_number;
        self.admit(outputs);
        self.report_pending();
    }

    /// What a backup says once its log is flushed.
    pub(super) fn acknowledge(&mut self, outputs: &mut Vec<Output>) {
        self.send(self.primary(), Message::PrepareOk { view: self.view, op: self.persisted }, outputs);
    }

    /// Requests that were taken in and not answered yet.
    pub(super) fn report_pending(&self) {
        self.metrics.set_pending_requests((self.leader.waiting.len() + self.uncommitted.len()) as u64);
    }

    /// Backups that have not acknowledged everything they were sent.
    pub(super) fn owing(&self) -> impl Iterator<Item = (ReplicaIndex, &Peer)> {
        let owes = |(index, peer): &(ReplicaIndex, &Peer)| {
            *index != self.index && peer.acknowledged < self.leader.sent
        };
        self.leader.peers.iter().enumerate().filter(owes)
    }

    /// Gives requests their op numbers as long as the pipeline has room.
    fn admit(&mut self, outputs: &mut Vec<Output>) {
        while self.uncommitted.len() < self.tuning.max_in_flight {
            let Some(Arrived { request, at }) = self.leader.waiting.pop_front() else { return };
            let Request { client, number, operation } = request;
            let op = self.op_number + 1;
            let entry = Entry { view: self.view, op, client, request: number, operation };
            self.append(Arc::new(entry), Some(at), outputs);
        }
    }

    /// Step 3: sends Prepares for everything flushed since the last ones.
    fn prepare(&mut self, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        for op in self.leader.sent + 1..=self.persisted {
            let (view, commit) = (self.view, self.commit_number);
            let Some(pending) = self.pending(op) else { continue };
            let now = clock.now();
            pending.prepared = Some(now);
            let entry = Arc::clone(&pending.entry);
            for peer in &mut self.leader.peers {
                if peer.acknowledged + 1 == op {
                    peer.owing_since = now;
                }
            }
            if self.cluster > 1 {
                self.broadcast(
                    &Message::Prepare { view, commit, checksum: entry.checksum(), entry },
                    outputs,
                );
                self.announced(clock);
            }
        }
        self.leader.sent = self.persisted;
    }

    fn commit_next(&mut self, quorum_at: Time, clock: &dyn Clock, outputs: &mut Vec<Output>) -> bool {
        let Some((pending, reply)) = self.apply_next(outputs) else { return false };
        // Nothing is sent, and so nothing is measured, in a cluster of one.
        if self.cluster > 1 {
            if let Some(prepared) = pending.prepared {
                let took = quorum_at.saturating_sub(prepared);
                self.metrics.record_prepare_latency(took);
                traces::prepared(self.index, self.commit_number, took);
            }
            self.leader.unannounced.push_back(quorum_at);
        }
        if let Some(requested) = pending.requested {
            outputs.push(Output::Reply(reply));
            let took = clock.now().saturating_sub(requested);
            self.metrics.record_client_latency(took);
            traces::answered(self.index, self.commit_number, took);
        }
        true
    }

    /// Executes what is known to be committed, flushed, and next.
    fn commit_known(&mut self, outputs: &mut Vec<Output>) {
        let through = self.known_commit.min(self.persisted);
        while self.commit_number < through && self.apply_next(outputs).is_some() {}
        self.metrics.set_replica_lag(self.known_commit - self.commit_number);
    }

    /// A message with the commit number is on its way to all backups.
    fn announced(&mut self, clock: &dyn Clock) {
        let now = clock.now();
        self.leader.heard = now;
        for quorum_at in self.leader.unannounced.drain(..) {
            self.metrics.record_commit_latency(now.saturating_sub(quorum_at));
        }
    }

    fn read_for(&self, to: ReplicaIndex, outputs: &mut Vec<Output>) {
        let first = self.leader.peers[to].acknowledged + 1;
        outputs.push(Output::Read { purpose: Purpose::Resend(to), first, limit: self.tuning.resend_limit });
    }

    /// Votes for the oldest operation without a quorum, or for the latest one if all have theirs.
    fn report_votes(&self) {
        let current = self.op_number.min(self.commit_number + 1);
        if current > 0 {
            self.metrics.set_prepare_ok_votes(self.held().filter(|op| *op >= current).count() as u64);
        }
    }

    /// The latest operation that each replica is known to have flushed.
    fn held(&self) -> impl Iterator<Item = OpNumber> {
        let held =
            |(index, peer): (_, &Peer)| if index == self.index { self.persisted } else { peer.acknowledged };
        self.leader.peers.iter().enumerate().map(held)
    }

    fn pending(&mut self, op: OpNumber) -> Option<&mut Pending> {
        let place = op.checked_sub(self.commit_number + 1)?;
        self.uncommitted.get_mut(usize::try_from(place).ok()?)
    }
}
