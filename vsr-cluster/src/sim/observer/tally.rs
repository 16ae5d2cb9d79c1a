//! The rules by which one replica's numbers are counted.

use std::collections::BTreeSet;
use std::time::Duration;

use vsr_metrics::{ByzantineReason, ChecksumComponent, ViewChangeReason};

use super::{Before, By, Tally, VirtualClock, WINDOW};
use crate::client_sessions::Standing;
use crate::clock;
use crate::message::{Envelope, Message, Nonce, OpNumber, ReplicaIndex, Request};
use crate::replica::{Clock as _, Output, Purpose, Replica, Time, Tuning};
use crate::storage::Slot;

impl Tally {
    pub(super) fn count(&mut self, family: &'static str, label: &'static str) {
        self.add(family, label, 1);
    }

    pub(super) fn add(&mut self, family: &'static str, label: &'static str, amount: u64) {
        *self.counts.entry((family, label)).or_default() += amount;
    }

    pub(super) fn reject(&mut self, reason: ByzantineReason) {
        self.count("vsr_byzantine_rejections_total", reason.as_str());
    }

    pub(super) fn checksum(&mut self, component: ChecksumComponent, amount: u64) {
        self.add("vsr_checksum_failures_total", component.as_str(), amount);
    }

    /// Whether a message is one that the replica must look at; the others are rejected.
    pub(super) fn is_new(&mut self, replica: &Replica, envelope: &Envelope) -> bool {
        let Envelope { from, boot, sequence, epoch, message, .. } = envelope;
        let configuration = replica.configuration();
        if !configuration.everyone().contains(*from) && *epoch <= configuration.epoch {
            self.reject(ByzantineReason::UnknownSender);
            return false;
        }
        let seen = self.life.seen.entry(*from).or_default();
        if *boot > seen.0 {
            *seen = (*boot, 0, BTreeSet::new());
        }
        let is_old = *boot < seen.0 || sequence + WINDOW <= seen.1 || !seen.2.insert(*sequence);
        if is_old {
            if let Some(reason) = replay_reason(message) {
                self.reject(reason);
            }
            return false;
        }
        seen.1 = seen.1.max(*sequence);
        seen.2 = seen.2.split_off(&(seen.1 + 1).saturating_sub(WINDOW));
        if message.view().is_some_and(|view| view < replica.view()) {
            self.reject(ByzantineReason::ViewRegression);
            return false;
        }
        true
    }

    pub(super) fn message(
        &mut self,
        replica: &Replica,
        envelope: &Envelope,
        clock: VirtualClock,
        tuning: &Tuning,
    ) {
        let from = envelope.from;
        match &envelope.message {
            Message::Heartbeat { view, clock: Some(echo), .. } => {
                let is_heard = *view == replica.view() && from == replica.primary() && replica.is_normal();
                if !is_heard || from == replica.index() {
                    return;
                }
                match clock::sample(*echo, clock.calendar(), tuning.clock) {
                    Ok(sample) => {
                        self.count("vsr_clock_samples_total", "");
                        if sample.within(tuning.clock).is_err() {
                            self.count("vsr_clock_sync_errors_total", "");
                        }
                    }
                    Err(_) => self.count("vsr_clock_sync_errors_total", ""),
                }
            }
            Message::RepairResponse { nonce, entries } => {
                let Some((first, last)) = self.end_repair(from, *nonce) else { return };
                let ops = entries.iter().map(|(_, entry)| entry.op);
                let is_sound = !entries.is_empty()
                    && ops.eq((first..=last).take(entries.len()))
                    && entries.iter().all(|(checksum, entry)| *checksum == entry.checksum());
                if is_sound {
                    self.add("vsr_repairs_total", "success", entries.len() as u64);
                    self.add("vsr_repair_latency_ms", "", entries.len() as u64);
                } else {
                    self.add("vsr_repairs_total", "failure", last + 1 - first);
                }
            }
            Message::Nack { nonce, .. } => {
                if let Some((first, last)) = self.end_repair(from, *nonce) {
                    self.add("vsr_repairs_total", "failure", last + 1 - first);
                }
            }
            _ => {}
        }
    }

    pub(super) fn end_repair(&mut self, from: ReplicaIndex, nonce: Nonce) -> Option<(OpNumber, OpNumber)> {
        let (peer, first, last, _) = *self.life.repairs.get(&nonce)?;
        if peer != from {
            return None;
        }
        self.life.repairs.remove(&nonce);
        Some((first, last))
    }

    /// Repairs whose time is over have failed.
    pub(super) fn expire(&mut self, now: Time, timeout: Duration) {
        let mut failed = 0;
        self.life.repairs.retain(|_, (_, first, last, at)| {
            let is_late = *at + timeout <= now;
            failed += if is_late { *last + 1 - *first } else { 0 };
            !is_late
        });
        self.add("vsr_repairs_total", "failure", failed);
    }

    pub(super) fn request(&mut self, replica: &Replica, request: &Request, tuning: &Tuning) {
        if !replica.leads() {
            return;
        }
        let key = (request.client, request.number);
        match replica.service().sessions().judge(request.client, request.number) {
            Standing::Answered(_) | Standing::Stale => self.count("vsr_duplicate_requests_total", ""),
            _ if self.life.taken.contains(&key) => self.count("vsr_duplicate_requests_total", ""),
            Standing::New if replica.waiting() < tuning.max_waiting => {
                self.life.taken.insert(key);
            }
            Standing::New | Standing::NoSession => {}
        }
    }

    /// Entries came back from the disk.
    pub(super) fn found(&mut self, replica: &Replica, purpose: Purpose, slots: &[(OpNumber, Slot)]) {
        let executed = replica.commit_number();
        let damaged = slots.iter().filter(|(_, slot)| matches!(slot, Slot::Damaged(_))).map(|(op, _)| *op);
        let damaged = damaged.filter(|op| *op <= executed);
        if purpose == Purpose::Scrub {
            for op in damaged {
                if self.life.damaged.insert(op) {
                    self.count("vsr_scrub_corruptions_detected_total", "");
                }
            }
        } else {
            // Only the first one ends an answer.
            let first = slots.iter().find(|(_, slot)| matches!(slot, Slot::Damaged(_))).map(|(op, _)| *op);
            self.life.damaged.extend(first.filter(|op| *op <= executed));
        }
    }

    pub(super) fn output(&mut self, replica: &Replica, output: &Output, now: Time) {
        match output {
            Output::Send(Envelope { to, message: Message::RepairRequest { nonce, first, last }, .. }) => {
                self.life.repairs.insert(*nonce, (*to, *first, *last, now));
            }
            Output::Send(Envelope { message: Message::Prepare { entry, .. }, .. }) => {
                self.life.prepared.insert(entry.op);
            }
            Output::Append(entry) => {
                self.life.log.insert(entry.op, (entry.client, entry.request));
            }
            Output::Truncate(last) => {
                self.life.log.split_off(&(last + 1));
            }
            Output::Rewrite(entry) => {
                self.life.damaged.remove(&entry.op);
            }
            Output::Applied { entry, .. } => {
                self.life.log.remove(&entry.op);
                self.life.taken.remove(&(entry.client, entry.request));
                // Whoever sent it as a Prepare and leads still had its quorum.
                let before = self.life.before;
                if self.life.prepared.remove(&entry.op) && before.leads && before.by != By::StartView {
                    self.count("vsr_prepare_latency_ms", "");
                }
            }
            Output::Installed { op, .. } => {
                self.life.damaged = self.life.damaged.split_off(&(op + 1));
                self.life.log = self.life.log.split_off(&(op + 1));
            }
            Output::WriteCheckpoint { .. }
            | Output::Send(_)
            | Output::Reply(_)
            | Output::Read { .. }
            | Output::ReadCheckpoint { .. }
            | Output::WriteSuperblock(_) => {}
        }
        let _ = replica;
    }

    /// What changed in a step.
    pub(super) fn changes(&mut self, replica: &Replica, before: Before) {
        if replica.view() > before.view {
            if let Some(reason) = view_change_reason(before) {
                self.count("vsr_view_changes_total", reason.as_str());
            }
            self.life.prepared.clear();
        }
        if replica.leads() && !before.leads {
            self.life.taken = self.life.log.values().copied().collect();
            self.life.prepared.clear();
        }
        let configuration = replica.configuration();
        let changed = configuration.epoch / 2 - before.configuration.epoch / 2;
        self.add("vsr_reconfig_transitions_total", "", changed);
        let own = replica.index();
        if configuration.members.contains(own) && !before.configuration.members.contains(own) {
            self.count("vsr_standby_promotions_total", "");
        }
        if matches!(replica.status(), vsr_metrics::ReplicaStatus::Recovering) {
            self.life.is_recovering = true;
        }
        if replica.is_normal() && std::mem::take(&mut self.life.is_recovering) {
            self.count("vsr_recovery_latency_ms", "");
        }
        // The log is compacted: what was damaged before it is gone.
        self.life.damaged = self.life.damaged.split_off(&replica.log_first());
    }
}

/// Why a replica is in a later view now. Nothing for one that recovers into it.
fn view_change_reason(before: Before) -> Option<ViewChangeReason> {
    Some(match before.by {
        By::StartView => ViewChangeReason::StartView,
        By::Prepare => ViewChangeReason::HigherViewPrepare,
        By::StartViewChange if before.is_normal => ViewChangeReason::StartViewChangeWhileNormal,
        By::StartViewChange => ViewChangeReason::HigherViewStartViewChange,
        _ if before.leads => ViewChangeReason::PrimaryAbdicate,
        By::Tick if before.is_normal => ViewChangeReason::HeartbeatTimeout,
        By::Tick => ViewChangeReason::ViewChangeTimeout,
        By::Request | By::Else => return None,
    })
}

fn replay_reason(message: &Message) -> Option<ByzantineReason> {
    match message {
        Message::Prepare { .. } => Some(ByzantineReason::PrepareReplay),
        Message::PrepareOk { .. } => Some(ByzantineReason::PrepareOkReplay),
        Message::Commit { .. } => Some(ByzantineReason::CommitReplay),
        Message::StartViewChange { .. } => Some(ByzantineReason::StartViewChangeReplay),
        Message::DoViewChange { .. } => Some(ByzantineReason::DoViewChangeReplay),
        Message::StartView { .. } => Some(ByzantineReason::StartViewReplay),
        _ => None,
    }
}
