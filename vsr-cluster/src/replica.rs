//! The core of a replica: a deterministic state machine without threads, files or channels.
//!
//! A driver feeds it inputs and carries out its outputs ([`Input`], [`Output`]); time comes from a clock that the
//! driver lends. The same inputs at the same times give the same outputs. It follows *Viewstamped Replication
//! Revisited* (Liskov, Cowling 2012):
//!
//! | file | does | section |
//! | --- | --- | --- |
//! | `normal.rs`, `commit.rs`, `heartbeat.rs` | requests, Prepares, quorums, execution, signs of life | 4.1 |
//! | `view_change.rs`, `install.rs` | another primary, and the log that it begins with | 4.2, 5.3 |
//! | `recovery.rs` | the return after a crash | 4.3 |
//! | `checkpoint.rs`, `state_transfer.rs` | states instead of logs | 5.1, 5.2 |
//! | `reorder.rs`, `repair.rs`, `scrub.rs` | entries that are late, missing or damaged | 5.2 |
//! | `reconfiguration.rs`, `standby.rs` | who belongs to the cluster | 7 |
//! | `inbound.rs`, `outbound.rs` | which messages are believed, and when one may be sent | |
//!
//! The log is on disk, and one order of events is kept everywhere: what a message promises is written before it is
//! sent. A replica that stops at any moment and starts again therefore has kept its promises.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vsr_metrics::{Metrics, ReplicaStatus};

use crate::configuration::{Configuration, ReplicaSet, Version};
use crate::log_scrubber::LogScrubber;
use crate::message::{Entry, Message, Nonce, OpNumber, ReplicaIndex, ViewNumber};
use crate::repair_budget::RepairBudget;
use crate::service::Service;
use crate::state_machine::StateMachine;
use crate::storage::Slot;

mod checkpoint;
mod commit;
mod heartbeat;
mod inbound;
mod install;
mod io;
mod normal;
mod outbound;
mod ports;
mod reconfiguration;
mod recovery;
mod reorder;
mod repair;
mod scrub;
mod standby;
mod state_transfer;
mod tuning;
mod view_change;
mod window;

use io::Io;
pub use ports::{Clock, Input, Output, Purpose, Restored, Time, WireFault};
pub use tuning::Tuning;
use window::Window;

/// What a replica is doing (figure 2 of the paper). That it fetches a state, or is a standby, shows in
/// [`Replica::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Normal,
    ViewChange,
    Recovering,
}

/// One replica's state (figure 2 of the paper).
#[derive(Debug)]
pub struct Replica {
    index: ReplicaIndex,
    version: Version,
    tuning: Tuning,
    metrics: Arc<Metrics>,
    boot: u64,
    mode: Mode,
    view: ViewNumber,
    last_normal_view: ViewNumber,
    /// The primary of `view`. It keeps that role when the configuration changes within the view.
    primary: ReplicaIndex,
    /// The configuration in force: the latest that this replica knows of.
    configuration: Configuration,
    log: Window,
    /// The latest operation known to be committed anywhere.
    known_commit: OpNumber,
    /// The latest entry up to which the own log is what was committed.
    certain: OpNumber,
    service: Service,
    nonces: Nonce,
    outbound: outbound::Outbound,
    inbound: inbound::Inbound,
    leader: normal::Leader,
    backup: reorder::Backup,
    change: view_change::ViewChange,
    install: Option<install::Install>,
    recovery: recovery::Recovery,
    repairs: repair::Repairs,
    budget: RepairBudget,
    transfer: Option<state_transfer::Transfer>,
    checkpoint: checkpoint::Checkpoints,
    scrubber: LogScrubber,
    next_scrub: Time,
    standby: standby::Standbys,
}

impl Replica {
    /// A replica, with what its disk holds. `max_sessions` and pipelines in `tuning` must be the same on all.
    pub fn new(
        index: ReplicaIndex,
        version: Version,
        tuning: Tuning,
        metrics: Arc<Metrics>,
        restored: Restored,
    ) -> Self {
        let Restored { superblock, checkpoint, log, founded } = restored;
        let state = checkpoint.and_then(|state| Service::decode(&state, tuning.max_sessions));
        let lost_state = superblock.checkpoint > 0 && state.is_none();
        let service = state.unwrap_or_else(|| Service::new(founded, tuning.max_sessions));
        let recovery = recovery::Recovery::of(&superblock, &log, lost_state);
        let log_first = log.first().map_or(superblock.log_first.max(1), |(op, _)| *op);
        let on_disk = log.last().map_or(log_first - 1, |(op, _)| *op);
        let mut window = Window::after(service.op(), on_disk.max(service.op()), log_first);
        let mut damaged = BTreeMap::new();
        for (op, slot) in log {
            match slot {
                Slot::Sound(entry) if op == window.last() + 1 => window.restore(entry),
                Slot::Damaged(_) if op <= service.op() => drop(damaged.insert(op, Time::ZERO)),
                _ => {}
            }
        }
        // What else is committed is not known any more; see `note_certain` for what the log says about itself.
        let certain = superblock.commit.max(window.last().saturating_sub(tuning.max_in_flight as u64));
        let certain = certain.min(window.last()).max(service.op());
        Self {
            index,
            version,
            tuning,
            metrics,
            boot: superblock.boot + 1,
            mode: Mode::Recovering,
            view: superblock.view,
            last_normal_view: superblock.last_normal_view,
            primary: superblock.configuration.primary(superblock.view),
            configuration: superblock.configuration,
            log: window,
            known_commit: certain,
            certain,
            service,
            nonces: 0,
            outbound: outbound::Outbound::default(),
            inbound: inbound::Inbound::default(),
            leader: normal::Leader::default(),
            backup: reorder::Backup::default(),
            change: view_change::ViewChange::default(),
            install: None,
            recovery,
            repairs: repair::Repairs::with_damaged(damaged),
            budget: RepairBudget::new(tuning.repair_credits),
            transfer: None,
            checkpoint: checkpoint::Checkpoints::at(superblock.checkpoint),
            scrubber: LogScrubber::default(),
            next_scrub: Time::ZERO,
            standby: standby::Standbys::default(),
        }
    }

    /// Takes in one input. What is to be done is added to `outputs`.
    pub fn step(&mut self, input: Input, clock: &dyn Clock, outputs: &mut Vec<Output>) {
        let io = &mut Io::new(clock, outputs);
        match input {
            Input::Start => self.start(io),
            Input::Message(envelope) => self.on_message(envelope, io),
            Input::Refused(fault) => self.on_refused(fault),
            Input::Request(request) => self.on_request(request, io),
            Input::Persisted(through) => self.on_persisted(through, io),
            Input::SuperblockWritten => self.on_written(io),
            Input::CheckpointWritten(op) => self.on_checkpoint_written(op, io),
            Input::Read { purpose: Purpose::Scrub, slots } => self.on_scrubbed(&slots, io),
            Input::Read { purpose: Purpose::Answer { to, nonce, is_gap, first }, mut slots } => {
                // The log may have been compacted meanwhile.
                slots.truncate(if slots.first().is_some_and(|(op, _)| *op == first) {
                    slots.len()
                } else {
                    0
                });
                self.answer_entries(to, nonce, is_gap, slots, io);
            }
            Input::CheckpointRead { purpose, op, state } => self.on_checkpoint_read(purpose, op, state, io),
            Input::Abdicate => self.abdicate(io),
            Input::Tick => self.tick(io),
            Input::Stop => self.announce(io),
        }
        self.repair(io);
    }

    /// When this replica wants a tick, if it hears nothing before.
    pub fn deadline(&self) -> Option<Time> {
        [
            self.normal_deadline(),
            self.change_deadline(),
            self.recovery_deadline(),
            self.reorder_deadline(),
            self.repair_deadline(),
            self.transfer_deadline(),
            self.scrub_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// This replica's number.
    pub fn index(&self) -> ReplicaIndex {
        self.index
    }

    /// The latest operation executed.
    pub fn commit_number(&self) -> OpNumber {
        self.service.op()
    }

    /// The latest operation in the log.
    pub fn op_number(&self) -> OpNumber {
        self.log.last()
    }

    /// The view that this replica takes part in.
    pub fn view(&self) -> ViewNumber {
        self.view
    }

    /// Who leads that view.
    pub fn primary(&self) -> ReplicaIndex {
        self.primary
    }

    /// Whether this replica is the primary, in normal operation.
    pub fn leads(&self) -> bool {
        self.mode == Mode::Normal && self.primary == self.index
    }

    /// Whether it is in normal operation.
    pub fn is_normal(&self) -> bool {
        self.mode == Mode::Normal
    }

    /// The first operation that its log holds for sure.
    pub fn log_first(&self) -> OpNumber {
        self.log.log_first()
    }

    /// Entries that it keeps in memory.
    pub fn entries_in_memory(&self) -> usize {
        self.log.len()
    }

    /// The configuration in force.
    pub fn configuration(&self) -> Configuration {
        self.configuration
    }

    /// What this replica is doing, as its metrics say.
    pub fn status(&self) -> ReplicaStatus {
        match self.mode {
            _ if self.transfer.is_some() => ReplicaStatus::StateTransfer,
            Mode::Recovering => ReplicaStatus::Recovering,
            Mode::ViewChange => ReplicaStatus::ViewChange,
            Mode::Normal if self.votes() => ReplicaStatus::Normal,
            Mode::Normal => ReplicaStatus::Standby,
        }
    }

    /// What the executed operations led to.
    pub fn state(&self) -> &StateMachine {
        self.service.machine()
    }

    /// Registers, sessions and configuration after the latest operation executed.
    pub fn service(&self) -> &Service {
        &self.service
    }

    fn start(&mut self, io: &mut Io<'_>) {
        self.metrics.set_view_number(self.view);
        self.metrics.set_cluster_version_major(u64::from(self.version.major));
        self.metrics.set_cluster_version_minor(u64::from(self.version.minor));
        self.metrics.set_repair_budget_available(self.budget.available());
        self.metrics.set_repair_inflight_count(0);
        self.report_configuration();
        self.report_progress();
        self.next_scrub = io.now() + self.tuning.scrub_every;
        self.write_superblock(io);
        self.commit_known(io);
        self.begin_recovery(io);
    }

    fn tick(&mut self, io: &mut Io<'_>) {
        self.normal_tick(io);
        self.change_tick(io);
        self.recovery_tick(io);
        self.reorder_tick(io);
        self.repair_tick(io);
        self.transfer_tick(io);
        self.scrub_tick(io);
    }

    /// Whether this replica votes; a standby does not.
    fn votes(&self) -> bool {
        self.configuration.voters().contains(self.index)
    }

    /// Everyone else who votes.
    fn other_voters(&self) -> ReplicaSet {
        self.configuration.voters().without([self.index].into_iter().collect())
    }

    /// Everyone else who hears of operations.
    fn others(&self) -> ReplicaSet {
        self.configuration.everyone().without([self.index].into_iter().collect())
    }

    /// A number that no request of this replica had.
    fn nonce(&mut self) -> Nonce {
        self.nonces += 1;
        (self.boot << 32) | self.nonces
    }

    fn report_status(&self) {
        self.metrics.set_replica_status(self.status());
        self.metrics.set_primary(u64::from(self.leads()));
    }

    fn report_progress(&self) {
        self.metrics.set_op_number(self.log.last());
        self.metrics.set_commit_number(self.service.op());
        self.metrics.set_client_sessions_active(self.service.sessions().active());
    }

    /// Adds an entry to the log, here and on the disk.
    fn append(&mut self, entry: Arc<Entry>, io: &mut Io<'_>) {
        self.log.append(Arc::clone(&entry));
        self.metrics.set_op_number(self.log.last());
        io.push(Output::Append(entry));
        let unexecuted = self.service.op() + 1;
        self.log.trim(unexecuted.min((self.log.last() + 1).saturating_sub(self.tuning.window())));
    }
}
