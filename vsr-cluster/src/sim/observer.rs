//! A count of what happens, from what crosses the driver: inputs and outputs of the cores, what disks return, what the
//! network and the adversary did. It knows the protocol's rules, and nothing of what the cores record. What only a core
//! can say of itself (its view, whether it is in normal operation, whom it takes for the primary) it is asked for.
//!
//! [`super::families`] says of each family how it is compared.

use std::collections::BTreeMap;

use vsr_metrics::{ByzantineReason, ChecksumComponent, Metrics};

use crate::configuration::{Configuration, Version};
use crate::counts::Comparison;
use crate::message::{Message, Nonce, OpNumber, ReplicaIndex};
use crate::replica::{Input, Output, Replica, Time, Tuning};
use crate::storage::{Opened, Slot};

use super::node::{LogOnDisk, VirtualClock};
use life::{Before, By, Life};
use numbers::Numbers;
use sessions::History;

mod clock;
mod compare;
mod gauges;
mod life;
mod numbers;
mod phases;
mod primary;
mod sessions;
mod tally;

/// Counts by replica.
#[derive(Debug)]
pub struct Observer {
    tallies: Vec<Tally>,
    history: History,
    tuning: Tuning,
}

/// What one replica did.
#[derive(Debug)]
struct Tally {
    numbers: Numbers,
    life: Life,
    stops: u64,
}

impl Observer {
    pub(super) fn new(replicas: usize, tuning: &Tuning) -> Self {
        let catalog = Metrics::unidentified().snapshot();
        let tally = |_| Tally { numbers: Numbers::of(&catalog), life: Life::default(), stops: 0 };
        let tallies = (0..replicas).map(tally).collect();
        Self { tallies, history: History::new(tuning.max_sessions), tuning: *tuning }
    }

    /// A replica's disk was opened.
    pub(super) fn opened<D>(
        &mut self,
        at: ReplicaIndex,
        opened: &Opened<D>,
        founded: Configuration,
        version: Version,
    ) {
        let tally = &mut self.tallies[at];
        let base = opened.superblock.map_or(0, |superblock| superblock.checkpoint);
        let configuration = opened.superblock.map_or(founded, |superblock| superblock.configuration);
        let executed = if opened.checkpoint.is_some() { base } else { 0 };
        let sessions = self.history.after(executed);
        tally.life = Life { executed, last: executed, configuration, version, sessions, ..Life::default() };
        for (op, slot) in &opened.log {
            match slot {
                Slot::Sound(entry) => {
                    if *op > base {
                        tally.life.log.insert(*op, (entry.client, entry.request));
                    }
                    if *op == tally.life.last + 1 {
                        tally.life.last = *op;
                    }
                }
                Slot::Damaged(_) => {
                    tally.checksum(ChecksumComponent::Log, 1);
                    if *op <= base {
                        tally.life.damaged.insert(*op);
                    }
                }
            }
        }
        tally.life.persisted = tally.life.last;
        tally.checksum(ChecksumComponent::Log, opened.damaged_headers);
        tally.checksum(ChecksumComponent::Superblock, opened.damaged_copies);
        tally.checksum(ChecksumComponent::Checkpoint, u64::from(base > 0 && opened.checkpoint.is_none()));
    }

    /// A replica's disk returned entries.
    pub(super) fn read(&mut self, at: ReplicaIndex, slots: &[(OpNumber, Slot)]) {
        let damaged = slots.iter().filter(|(_, slot)| matches!(slot, Slot::Damaged(_))).count();
        self.tallies[at].checksum(ChecksumComponent::Log, damaged as u64);
    }

    pub(super) fn read_checkpoint(&mut self, at: ReplicaIndex, op: OpNumber, is_sound: bool) {
        self.tallies[at].checksum(ChecksumComponent::Checkpoint, u64::from(op > 0 && !is_sound));
    }

    /// The network damaged a frame that arrives.
    pub(super) fn damaged_frame(&mut self, at: ReplicaIndex) {
        self.tallies[at].checksum(ChecksumComponent::Frame, 1);
    }

    /// The adversary has something arrive that must be rejected for this reason.
    pub(super) fn forged(&mut self, at: ReplicaIndex, reason: ByzantineReason) {
        let tally = &mut self.tallies[at];
        tally.reject(reason);
        match reason {
            ByzantineReason::LogTailHashMismatch | ByzantineReason::StartViewLogTailHashMismatch => {
                tally.checksum(ChecksumComponent::LogTail, 1);
            }
            ByzantineReason::CheckpointRootMismatch => tally.checksum(ChecksumComponent::Checkpoint, 1),
            _ => {}
        }
    }

    /// A replica stopped because its disk failed.
    pub(super) fn stopped(&mut self, at: ReplicaIndex) {
        self.tallies[at].stops += 1;
    }

    /// How often that happened.
    pub(super) fn stops(&self) -> u64 {
        self.tallies.iter().map(|tally| tally.stops).sum()
    }

    /// Whether a replica waits for the answer to this repair.
    pub(super) fn awaits_repair(&self, at: ReplicaIndex, from: ReplicaIndex, nonce: Nonce) -> bool {
        self.tallies[at].life.repairs.get(&nonce).is_some_and(|asked| asked.peer == from)
    }

    /// A replica is about to take in something.
    pub(super) fn before(&mut self, replica: &Replica, input: &Input, clock: VirtualClock) {
        let tuning = self.tuning;
        let tally = &mut self.tallies[replica.index()];
        tally.life.before = Before {
            view: replica.view(),
            is_normal: replica.is_normal(),
            leads: replica.leads(),
            configuration: tally.life.configuration,
            last: tally.life.last,
            by: By::of(input),
        };
        match input {
            Input::Tick => {
                tally.expire(clock.now, tuning.answer_timeout);
                tally.beat(replica, clock.now, &tuning);
            }
            Input::Request(request) => tally.request(replica, request, &tuning, clock.now),
            Input::Message(envelope) if tally.is_new(replica, envelope) => {
                tally.life.heard.insert(envelope.from, clock.now);
                tally.message(replica, envelope, clock, &tuning);
            }
            Input::Persisted(through) => tally.persisted(*through),
            Input::SuperblockWritten => tally.life.promises -= 1,
            Input::CheckpointWritten(_) => tally.checkpoint_written(clock.now),
            Input::Read { purpose, slots } => tally.found(*purpose, slots, clock.now, &tuning),
            _ => {}
        }
    }

    /// What came of it.
    pub(super) fn after(&mut self, replica: &Replica, outputs: &[Output], now: Time) {
        let tally = &mut self.tallies[replica.index()];
        for output in outputs {
            if let Output::Applied { entry, .. } = output {
                self.history.note(entry);
            }
            if let Output::Installed { op, .. } = output {
                tally.life.sessions = self.history.after(*op);
            }
            tally.output(output, now);
        }
        tally.changes(replica, now, &self.tuning);
    }

    /// Compares what a replica's gauges say now.
    pub(super) fn inspect(
        &self,
        replica: &Replica,
        metrics: &Metrics,
        log: LogOnDisk,
        executed: OpNumber,
    ) -> Comparison {
        let tally = &self.tallies[replica.index()];
        let expected = tally.gauges(replica, log, executed, &self.tuning);
        compare::gauges(replica.index(), &expected, &metrics.snapshot())
    }

    /// Compares everything else.
    pub(super) fn compare(&self, snapshot: &vsr_metrics::Snapshot) -> Comparison {
        let numbers: BTreeMap<String, &Numbers> = (0..)
            .zip(&self.tallies)
            .map(|(replica, tally): (usize, _)| (replica.to_string(), &tally.numbers))
            .collect();
        compare::totals(&numbers, snapshot)
    }
}

impl By {
    fn of(input: &Input) -> Self {
        let Input::Message(envelope) = input else {
            return match input {
                Input::Tick => Self::Tick,
                Input::Request(_) => Self::Request,
                Input::Start => Self::Start,
                _ => Self::Else,
            };
        };
        match envelope.message {
            Message::Prepare { .. } => Self::Prepare,
            Message::StartViewChange { .. } => Self::StartViewChange,
            Message::DoViewChange { .. } => Self::DoViewChange,
            Message::StartView { .. } => Self::StartView,
            Message::RecoveryResponse { .. } => Self::RecoveryResponse,
            _ => Self::Else,
        }
    }
}
