//! A count of what happens, from what crosses the driver: inputs and outputs of the cores, what disks return, what the
//! network and the adversary did. It knows the protocol's rules, and nothing of what the cores record.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use vsr_metrics::snapshot::Value;
use vsr_metrics::{ByzantineReason, ChecksumComponent, Snapshot, ViewChangeReason};

use crate::configuration::Configuration;
use crate::message::{ClientId, Message, Nonce, OpNumber, ReplicaIndex, RequestNumber, ViewNumber};
use crate::replica::{Input, Output, Replica, Time, Tuning};
use crate::storage::{Opened, Slot};

use super::node::VirtualClock;

mod tally;

/// Counts by replica.
#[derive(Debug)]
pub struct Observer {
    tallies: Vec<Tally>,
    tuning: Tuning,
}

/// By family and label value.
type Counts = BTreeMap<(&'static str, &'static str), u64>;

#[derive(Debug, Default)]
struct Tally {
    counts: Counts,
    life: Life,
}

/// What is known of a replica since it started.
#[derive(Debug, Default)]
struct Life {
    /// By sender: the start that was heard, the latest number, and the numbers before it.
    seen: BTreeMap<ReplicaIndex, (u64, u64, BTreeSet<u64>)>,
    /// Repairs that were asked for: of whom, which entries, and when.
    repairs: BTreeMap<Nonce, (ReplicaIndex, OpNumber, OpNumber, Time)>,
    /// Entries that were seen damaged and not written anew.
    damaged: BTreeSet<OpNumber>,
    /// Requests in the log that are not executed, and those that a primary took in.
    log: BTreeMap<OpNumber, (ClientId, RequestNumber)>,
    taken: HashSet<(ClientId, RequestNumber)>,
    /// Operations that were sent as Prepares in this view.
    prepared: BTreeSet<OpNumber>,
    is_recovering: bool,
    before: Before,
}

/// A replica before a step.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    view: ViewNumber,
    is_normal: bool,
    leads: bool,
    configuration: Configuration,
    by: By,
}

/// What a step was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum By {
    #[default]
    Else,
    Tick,
    Request,
    Prepare,
    StartViewChange,
    StartView,
}

/// Numbers of a sender that may overtake each other, as the replicas have it.
const WINDOW: u64 = 1024;

impl Observer {
    pub(super) fn new(replicas: usize, tuning: &Tuning) -> Self {
        Self { tallies: (0..replicas).map(|_| Tally::default()).collect(), tuning: *tuning }
    }

    /// A replica's disk was opened.
    pub(super) fn opened<D>(&mut self, at: ReplicaIndex, opened: &Opened<D>) {
        let tally = &mut self.tallies[at];
        tally.life = Life::default();
        let base = opened.superblock.map_or(0, |superblock| superblock.checkpoint);
        for (op, slot) in &opened.log {
            match slot {
                Slot::Sound(entry) if *op > base => {
                    tally.life.log.insert(*op, (entry.client, entry.request));
                }
                Slot::Sound(_) => {}
                Slot::Damaged(_) => {
                    tally.checksum(ChecksumComponent::Log, 1);
                    if *op <= base {
                        tally.life.damaged.insert(*op);
                    }
                }
            }
        }
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

    /// A session was evicted on a replica.
    pub(super) fn evicted(&mut self, at: ReplicaIndex) {
        self.tallies[at].count("vsr_client_sessions_evicted_total", "");
    }

    /// Whether a replica waits for the answer to this repair.
    pub(super) fn awaits_repair(&self, at: ReplicaIndex, from: ReplicaIndex, nonce: Nonce) -> bool {
        self.tallies[at].life.repairs.get(&nonce).is_some_and(|(peer, ..)| *peer == from)
    }

    /// A replica is about to take in something.
    pub(super) fn before(&mut self, replica: &Replica, input: &Input, clock: VirtualClock) {
        let tuning = self.tuning;
        let tally = &mut self.tallies[replica.index()];
        tally.life.before = Before {
            view: replica.view(),
            is_normal: replica.is_normal(),
            leads: replica.leads(),
            configuration: replica.configuration(),
            by: match input {
                Input::Tick => By::Tick,
                Input::Request(_) => By::Request,
                Input::Message(envelope) => match envelope.message {
                    Message::Prepare { .. } => By::Prepare,
                    Message::StartViewChange { .. } => By::StartViewChange,
                    Message::StartView { .. } => By::StartView,
                    _ => By::Else,
                },
                _ => By::Else,
            },
        };
        match input {
            Input::Tick => tally.expire(clock.now, tuning.answer_timeout),
            Input::Request(request) => tally.request(replica, request, &tuning),
            Input::Message(envelope) if tally.is_new(replica, envelope) => {
                tally.message(replica, envelope, clock, &tuning);
            }
            Input::Read { purpose, slots } => tally.found(replica, *purpose, slots),
            _ => {}
        }
    }

    /// What came of it.
    pub(super) fn after(&mut self, replica: &Replica, outputs: &[Output], now: Time) {
        let tally = &mut self.tallies[replica.index()];
        let before = tally.life.before;
        for output in outputs {
            tally.output(replica, output, now);
        }
        tally.changes(replica, before);
    }

    /// Compares with the metrics. Returns how many numbers were compared, and which differ.
    pub(super) fn compare(&self, snapshot: &Snapshot) -> (usize, Vec<String>) {
        let mut compared = 0;
        let mut findings = Vec::new();
        for (replica, tally) in self.tallies.iter().enumerate() {
            let id = replica.to_string();
            for (family, label) in watched() {
                let mut labels = vec![("replica_id", id.as_str())];
                labels.extend(label);
                let recorded = snapshot.family(family).and_then(|family| {
                    family.find(&labels).map(|series| match series.value() {
                        Value::Counter(amount) => amount.stored,
                        Value::Histogram(histogram) => histogram.count(),
                        Value::Gauge(_) => 0,
                    })
                });
                let value = label.map_or("", |(_, value)| value);
                let counted = tally.counts.get(&(family, value)).copied().unwrap_or(0);
                compared += 1;
                if recorded != Some(counted) {
                    findings.push(format!("`{family}` {labels:?} says {recorded:?}, counted {counted}"));
                }
            }
        }
        (compared, findings)
    }
}

/// Every series that is counted here, with its label if it has one.
fn watched() -> impl Iterator<Item = (&'static str, Option<(&'static str, &'static str)>)> {
    let reasons = ByzantineReason::ALL
        .map(|reason| ("vsr_byzantine_rejections_total", Some(("reason", reason.as_str()))));
    let changes =
        ViewChangeReason::ALL.map(|reason| ("vsr_view_changes_total", Some(("reason", reason.as_str()))));
    let components =
        ChecksumComponent::ALL.map(|one| ("vsr_checksum_failures_total", Some(("component", one.as_str()))));
    let repairs = ["success", "failure"].map(|status| ("vsr_repairs_total", Some(("status", status))));
    let plain = [
        "vsr_client_sessions_evicted_total",
        "vsr_duplicate_requests_total",
        "vsr_clock_samples_total",
        "vsr_clock_sync_errors_total",
        "vsr_scrub_corruptions_detected_total",
        "vsr_reconfig_transitions_total",
        "vsr_standby_promotions_total",
        "vsr_recovery_latency_ms",
        "vsr_prepare_latency_ms",
        "vsr_repair_latency_ms",
    ];
    reasons
        .into_iter()
        .chain(changes)
        .chain(components)
        .chain(repairs)
        .chain(plain.map(|family| (family, None)))
}
