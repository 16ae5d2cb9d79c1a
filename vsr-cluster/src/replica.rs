//! The core of a replica: a deterministic state machine without threads, files or channels.
//!
//! A driver feeds it inputs and carries out its outputs; time comes from a clock that the driver lends. The same
//! inputs at the same times give the same outputs. What is here follows *Viewstamped Replication Revisited*
//! (Liskov, Cowling 2012): figure 2 for the state, section 4.1 for what is in `replica/normal.rs`. View change (4.2),
//! recovery (4.3) and state transfer (5.2) have their places beside it and are not built yet, so the view stays 0.
//!
//! The log is on disk, and one order of events is kept everywhere: an entry is flushed before anyone else hears
//! of it. So no backup's log is ever ahead of its primary's, even after the process was killed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use vsr_metrics::{Metrics, ReplicaStatus, Status};

use crate::client_table::ClientTable;
use crate::configuration::Version;
use crate::message::{Entry, Envelope, Message, OpNumber, ReplicaIndex, Reply, Request, ViewNumber};
use crate::state_machine::StateMachine;
use crate::storage::Slot;

mod normal;
mod ports;

pub use ports::{Clock, Input, Output, Purpose, Restored, Time, WireFault};

/// How a replica behaves, the same on all replicas of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Operations that the primary has under way at once (pipelining).
    pub max_in_flight: usize,
    /// Requests that wait for their turn; more are dropped, and their clients ask again.
    pub max_waiting: usize,
    /// How long news of a commit waits for a Prepare to carry it.
    pub commit_delay: Duration,
    /// Pause between signs of life of an idle primary.
    pub heartbeat: Duration,
    /// How long the primary waits for a backup's `PrepareOk` before it sends again.
    pub resend_after: Duration,
    /// Entries that are sent again at once.
    pub resend_limit: usize,
}

/// One replica's state (figure 2 of the paper).
#[derive(Debug)]
pub struct Replica {
    index: ReplicaIndex,
    cluster: usize,
    tuning: Tuning,
    metrics: Arc<Metrics>,
    view: ViewNumber,
    /// The latest entry of the log, flushed or not.
    op_number: OpNumber,
    /// The latest entry that is flushed.
    persisted: OpNumber,
    /// The latest operation known to be committed anywhere.
    known_commit: OpNumber,
    /// The latest operation executed here.
    commit_number: OpNumber,
    /// Entries after `commit_number`, in order; the rest of the log is on disk only.
    uncommitted: VecDeque<Pending>,
    clients: ClientTable,
    state: StateMachine,
    leader: Leader,
    /// Messages sent so far, by receiver.
    sent: Vec<u64>,
}

/// What only a primary needs.
#[derive(Debug)]
struct Leader {
    /// Requests that wait for a place in the pipeline.
    waiting: VecDeque<Arrived>,
    /// The latest operation that was sent to all backups.
    sent: OpNumber,
    /// By replica; the primary's own place is not used.
    peers: Vec<Peer>,
    /// When operations got their quorum whose commit no message has carried yet, oldest first.
    unannounced: VecDeque<Time>,
    /// When the backups last heard from the primary, all of them.
    heard: Time,
}

/// What the primary knows of a backup.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    /// The latest operation in its log, as far as it said.
    acknowledged: OpNumber,
    /// Since when it owes the `PrepareOk` after that.
    owing_since: Time,
    /// End of the entries sent again last.
    resent: OpNumber,
}

/// A request and when it came.
#[derive(Clone, Copy, Debug)]
struct Arrived {
    request: Request,
    at: Time,
}

/// An entry under way.
#[derive(Debug)]
struct Pending {
    entry: Arc<Entry>,
    /// When its request came; nothing for one that was read from the log or came from the primary.
    requested: Option<Time>,
    /// When its Prepare was first sent.
    prepared: Option<Time>,
}

impl Replica {
    /// A replica of a cluster, with the entries that its log holds.
    pub fn new(
        index: ReplicaIndex,
        cluster: usize,
        tuning: Tuning,
        metrics: Arc<Metrics>,
        log: Vec<Arc<Entry>>,
    ) -> Self {
        let op_number = log.len() as u64;
        // What the log holds is under way again: a client that repeats it must not have it executed twice.
        let mut clients = ClientTable::default();
        for entry in &log {
            clients.begin(entry.client, entry.request);
        }
        let pending = |entry| Pending { entry, requested: None, prepared: None };
        Self {
            index,
            cluster,
            tuning,
            metrics,
            view: 0,
            op_number,
            persisted: op_number,
            known_commit: 0,
            commit_number: 0,
            uncommitted: log.into_iter().map(pending).collect(),
            clients,
            state: StateMachine::default(),
            leader: Leader {
                waiting: VecDeque::new(),
                sent: op_number,
                peers: vec![Peer::default(); cluster],
                unannounced: VecDeque::new(),
                heard: Time::ZERO,
            },
            sent: vec![0; cluster],
        }
    }

    /// Takes in one input. What is to be done is added to `outputs`.
    pub fn step(&mut self, input: Input, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        match input {
            Input::Start => self.start(clock, outputs),
            Input::Message(Envelope { from, message, .. }) => self.receive(from, message, clock, outputs),
            Input::Request(request) => self.on_request(request, clock, outputs),
            Input::Persisted(through) => self.on_persisted(through, clock, outputs),
            Input::Read { purpose: Purpose::Resend(to), slots, .. } => {
                let sound = |(_, slot)| match slot {
                    Slot::Sound(entry) => Some(entry),
                    Slot::Damaged(_) => None,
                };
                self.resend(to, slots.into_iter().map_while(sound).collect(), clock, outputs);
            }
            Input::Refused(_)
            | Input::SuperblockWritten
            | Input::CheckpointWritten(_)
            | Input::Read { .. }
            | Input::CheckpointRead { .. }
            | Input::Abdicate => {}
            Input::Tick => self.tick(clock, outputs),
            Input::Stop => self.announce(clock, outputs),
        }
    }

    /// When this replica wants a tick, if it hears nothing before.
    pub fn deadline(&self) -> Option<Time> {
        if !self.is_primary() || self.cluster == 1 {
            return None;
        }
        let announce = self.leader.unannounced.front().map(|quorum| *quorum + self.tuning.commit_delay);
        let resend = self.owing().map(|(_, peer)| peer.owing_since + self.tuning.resend_after);
        resend.chain(announce).chain([self.leader.heard + self.tuning.heartbeat]).min()
    }

    /// This replica's place in the configuration.
    pub fn index(&self) -> ReplicaIndex {
        self.index
    }

    /// The latest operation executed.
    pub fn commit_number(&self) -> OpNumber {
        self.commit_number
    }

    /// The latest operation in the log.
    pub fn op_number(&self) -> OpNumber {
        self.op_number
    }

    /// What the executed operations led to.
    pub fn state(&self) -> &StateMachine {
        &self.state
    }

    fn start(&mut self, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        self.metrics.set_cluster_size(self.cluster as u64);
        self.metrics.set_quorum_size(self.quorum() as u64);
        self.metrics.set_view_number(self.view);
        self.metrics.set_op_number(self.op_number);
        self.metrics.set_commit_number(self.commit_number);
        self.metrics.set_client_sessions_active(self.clients.sessions());
        self.metrics.set_replica_status(ReplicaStatus::Normal);
        self.metrics.set_primary(u64::from(self.is_primary()));
        if self.is_primary() {
            let now = clock.now();
            self.leader.peers.iter_mut().for_each(|peer| peer.owing_since = now);
            self.leader.heard = now;
            self.report_pending();
            self.commit_by_quorum(clock, outputs);
            self.heartbeat(clock, outputs);
        } else if self.persisted > 0 {
            self.acknowledge(outputs);
        }
    }

    fn receive(
        &mut self,
        from: ReplicaIndex,
        message: Message,
        clock: &dyn Clock,
        outputs: &mut Vec<Output>,
    ) {
        self.metrics.increment_messages_received(message.kind());
        // Section 4.1: replicas only take in messages of the view that they know.
        if message.view() != Some(self.view) {
            return;
        }
        match message {
            Message::PrepareOk { op, .. } => self.on_prepare_ok(from, op, clock, outputs),
            _ if self.is_primary() || from != self.primary() => {}
            Message::Prepare { commit, entry, .. } => self.on_prepare(entry, commit, outputs),
            Message::Commit { commit, .. } | Message::Heartbeat { commit, .. } => {
                self.on_commit(commit, outputs);
            }
            _ => {}
        }
    }

    /// Sends one message: the only way out for any of them.
    fn send(&mut self, to: ReplicaIndex, message: Message, outputs: &mut Vec<Output>) {
        self.metrics.increment_messages_sent(message.kind());
        let Some(sent) = self.sent.get_mut(to) else { return };
        *sent += 1;
        let (from, sequence, version) = (self.index, *sent, Version { major: 0, minor: 1 });
        outputs.push(Output::Send(Envelope { from, to, boot: 1, sequence, epoch: 0, version, message }));
    }

    fn broadcast(&mut self, message: &Message, outputs: &mut Vec<Output>) {
        let own = self.index;
        for to in (0..self.cluster).filter(|to| *to != own) {
            self.send(to, message.clone(), outputs);
        }
    }

    /// Executes the next operation of the log, which must be committed (section 4.1, steps 5 and 7).
    fn apply_next(&mut self, outputs: &mut Vec<Output>) -> Option<(Pending, Reply)> {
        let pending = self.uncommitted.pop_front()?;
        let entry = &pending.entry;
        let outcome = self.state.apply(entry.operation);
        self.commit_number = entry.op;
        let reply = Reply { view: self.view, client: entry.client, number: entry.request, outcome };
        self.clients.finish(reply);
        self.metrics.increment_operations(if outcome.is_ok() { Status::Success } else { Status::Failure });
        self.metrics.set_commit_number(self.commit_number);
        self.metrics.set_client_sessions_active(self.clients.sessions());
        outputs.push(Output::Applied { entry: Arc::clone(entry), outcome });
        Some((pending, reply))
    }

    fn append(&mut self, entry: Arc<Entry>, requested: Option<Time>, outputs: &mut Vec<Output>) {
        self.op_number = entry.op;
        self.metrics.set_op_number(self.op_number);
        outputs.push(Output::Append(Arc::clone(&entry)));
        self.uncommitted.push_back(Pending { entry, requested, prepared: None });
    }

    fn primary(&self) -> ReplicaIndex {
        // Cannot truncate: less than the cluster's size.
        usize::try_from(self.view % self.cluster as u64).unwrap_or(0)
    }

    fn is_primary(&self) -> bool {
        self.primary() == self.index
    }

    /// f + 1 of 2f + 1 replicas (section 2).
    fn quorum(&self) -> usize {
        self.cluster / 2 + 1
    }
}
