//! State transfer (section 5.2 of the paper): a replica so far behind that nobody has the log any more gets a state.

use vsr_metrics::{ByzantineReason, ChecksumComponent};

use super::{Io, Message, Mode, Nonce, OpNumber, Output, Purpose, Replica, ReplicaIndex, Service, Time};
use crate::message::{Checkpoint, Lack, checksum};
use crate::traces::{self, Installed};

/// A transfer under way.
#[derive(Debug)]
pub(super) struct Transfer {
    since: Time,
    nonce: Nonce,
    peer: ReplicaIndex,
    asked_at: Time,
    /// When the state arrived.
    arrived: Option<Time>,
}

impl Replica {
    /// Asks for a state, of the primary first.
    pub(super) fn begin_transfer(&mut self, io: &mut Io<'_>) {
        let first = if self.primary == self.index { self.next_peer(self.index) } else { Some(self.primary) };
        if let (None, Some(peer), false) = (&self.transfer, first, self.checkpoint.is_under_way()) {
            self.ask_for_state(peer, io.now(), io);
            self.report_status();
        }
    }

    /// A peer asks for a state that is later than its own.
    pub(super) fn on_state_transfer_request(
        &mut self,
        from: ReplicaIndex,
        nonce: Nonce,
        commit: OpNumber,
        io: &mut Io<'_>,
    ) {
        if self.checkpoint.op() > commit {
            io.push(Output::ReadCheckpoint {
                purpose: Purpose::Answer { to: from, nonce, is_gap: false, first: 0 },
            });
        } else {
            let log_first = self.log.log_first();
            self.send(from, Message::Nack { nonce, lack: Lack::NotYet, log_first }, io);
        }
    }

    /// The checkpoint was read from the disk.
    pub(super) fn on_checkpoint_read(
        &mut self,
        purpose: Purpose,
        op: OpNumber,
        state: Option<Vec<u8>>,
        io: &mut Io<'_>,
    ) {
        let Purpose::Answer { to, nonce, .. } = purpose else { return };
        let message = match state {
            Some(state) => {
                let checkpoint = Checkpoint { op, root: checksum(&state), state: state.into() };
                Message::StateTransferResponse { nonce, checkpoint }
            }
            None => Message::Nack { nonce, lack: Lack::Damaged, log_first: self.log.log_first() },
        };
        self.send(to, message, io);
    }

    /// The state arrived. It replaces the own one, and the log before it.
    pub(super) fn on_state_transfer_response(
        &mut self,
        from: ReplicaIndex,
        nonce: Nonce,
        checkpoint: Checkpoint,
        io: &mut Io<'_>,
    ) {
        if !self.awaits_state(from, nonce) {
            return;
        }
        let Checkpoint { op, root, state } = checkpoint;
        if root != checksum(&state) {
            self.metrics.increment_checksum_failures(ChecksumComponent::Checkpoint);
            self.reject(ByzantineReason::CheckpointRootMismatch);
            return self.ask_the_next(io);
        }
        let service = Service::decode(&state, self.tuning.max_sessions).filter(|service| service.op() == op);
        let Some(service) = service else {
            self.reject(ByzantineReason::CheckpointUndecodable);
            return self.ask_the_next(io);
        };
        if op <= self.service.op() || op + 1 < self.log.log_first() {
            return self.ask_the_next(io);
        }
        if let Some(transfer) = &mut self.transfer {
            transfer.arrived = Some(io.now());
        }
        // First, while the own log vouches for what is executed: a superblock that named an operation of the state, and was
        // on the disk before it, would have the log executed as far without it.
        if service.configuration().epoch > self.configuration.epoch {
            self.adopt_configuration(service.configuration(), io);
        }
        self.service = service;
        self.log.replace_through(op);
        self.known_commit = self.known_commit.max(op);
        self.certain = self.certain.max(op);
        if let Some(install) = &mut self.install {
            install.skip(op);
        }
        self.repairs.forget_through(op);
        self.report_progress();
        self.report_lag();
        io.push(Output::Installed { op, digest: self.service.machine().digest() });
        self.write_checkpoint(state, op, true, io);
    }

    /// Whether this is the answer that a transfer waits for.
    pub(super) fn awaits_state(&self, from: ReplicaIndex, nonce: Nonce) -> bool {
        let is_answer = |transfer: &Transfer| transfer.nonce == nonce && transfer.peer == from;
        self.transfer.as_ref().is_some_and(is_answer) && !self.checkpoint.is_under_way()
    }

    /// The state is on the disk: what was interrupted goes on.
    pub(super) fn end_transfer(&mut self, io: &mut Io<'_>) {
        if let Some(transfer) = self.transfer.take() {
            let (since, now) = (transfer.since, io.now());
            self.metrics.record_state_transfer_latency(now.saturating_sub(since));
            let times = Installed { since, begun: transfer.arrived.unwrap_or(now), now };
            traces::state_transferred(self.index, self.checkpoint.op(), &times);
        }
        self.report_status();
        if self.install.is_some() {
            self.extend_view_change(io);
            self.advance_install(io);
        } else if self.mode == Mode::Normal && !self.leads() {
            self.take_early(io);
            self.commit_known(io);
            self.acknowledge(io);
        }
    }

    /// A peer has no state that helps.
    pub(super) fn on_transfer_nack(&mut self, from: ReplicaIndex, nonce: Nonce, io: &mut Io<'_>) {
        let is_answer = |transfer: &Transfer| transfer.nonce == nonce && transfer.peer == from;
        if self.transfer.as_ref().is_some_and(is_answer) {
            self.ask_the_next(io);
        }
    }

    pub(super) fn transfer_deadline(&self) -> Option<Time> {
        let transfer = self.transfer.as_ref().filter(|_| !self.checkpoint.is_under_way())?;
        Some(transfer.asked_at + self.tuning.answer_timeout)
    }

    pub(super) fn transfer_tick(&mut self, io: &mut Io<'_>) {
        let now = io.now();
        if self.transfer_deadline().is_some_and(|deadline| deadline <= now)
            && let Some(transfer) = &self.transfer
            && let Some(peer) = self.next_peer(transfer.peer)
        {
            self.ask_for_state(peer, transfer.since, io);
        }
    }

    /// The answer was of no use: another peer is asked once the time for an answer is over, or at once if that was the
    /// first one.
    fn ask_the_next(&mut self, io: &mut Io<'_>) {
        if let Some(transfer) = &self.transfer
            && transfer.since == transfer.asked_at
            && let Some(peer) = self.next_peer(transfer.peer)
        {
            self.ask_for_state(peer, transfer.since, io);
        }
    }

    fn ask_for_state(&mut self, peer: ReplicaIndex, since: Time, io: &mut Io<'_>) {
        let nonce = self.nonce();
        self.transfer = Some(Transfer { since, nonce, peer, asked_at: io.now(), arrived: None });
        self.send(peer, Message::StateTransferRequest { nonce, commit: self.service.op() }, io);
    }

    fn next_peer(&self, after: ReplicaIndex) -> Option<ReplicaIndex> {
        let peers = self.other_voters();
        peers.iter().find(|peer| *peer > after).or_else(|| peers.iter().next())
    }
}
