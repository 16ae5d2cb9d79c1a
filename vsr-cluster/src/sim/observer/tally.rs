//! The rules by which one replica's numbers are counted.

use std::collections::BTreeSet;
use std::time::Duration;

use vsr_metrics::{ByzantineReason, ChecksumComponent, ViewChangeReason};

use super::life::{Asked, Before, By, Tour};
use super::sessions::Kind;
use super::{Tally, VirtualClock};
use crate::message::{Envelope, Message, Nonce, OpNumber, ReplicaIndex, Request};
use crate::replica::{Clock as _, Output, Purpose, Replica, Time, Tuning};
use crate::storage::Slot;

/// Numbers of a sender that may overtake each other, as the replicas have it.
const WINDOW: u64 = 1024;

impl Tally {
    pub(super) fn count(&mut self, family: &'static str) {
        self.numbers.add(family, "", 1);
    }

    pub(super) fn reject(&mut self, reason: ByzantineReason) {
        self.numbers.add("vsr_byzantine_rejections_total", reason.as_str(), 1);
    }

    pub(super) fn checksum(&mut self, component: ChecksumComponent, amount: u64) {
        self.numbers.add("vsr_checksum_failures_total", component.as_str(), amount);
    }

    /// Whether a message is one that the replica must look at; the others are rejected.
    pub(super) fn is_new(&mut self, replica: &Replica, envelope: &Envelope) -> bool {
        let Envelope { from, boot, sequence, epoch, message, .. } = envelope;
        let configuration = self.life.configuration;
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
        let is_from_primary = envelope.message.view() == Some(replica.view())
            && from == replica.primary()
            && from != replica.index()
            && replica.is_normal();
        if let Message::Prepare { commit, .. }
        | Message::Commit { commit, .. }
        | Message::Heartbeat { commit, .. } = &envelope.message
            && is_from_primary
        {
            self.life.told = self.life.told.max(*commit);
        }
        match &envelope.message {
            Message::Heartbeat { clock: Some(echo), .. } if is_from_primary => {
                let judged = super::clock::judge(*echo, clock.calendar(), tuning.clock);
                if let Some(offset) = judged.offset {
                    self.count("vsr_clock_samples_total");
                    self.life.offset = Some(milliseconds(offset));
                }
                self.numbers.add("vsr_clock_sync_errors_total", "", judged.is_error.into());
            }
            Message::HeartbeatOk { view, op, ping, .. } if *view == replica.view() && replica.leads() => {
                let sent = Duration::from_nanos(*ping);
                self.numbers.took("vsr_heartbeat_round_trip_seconds", clock.now.saturating_sub(sent));
                self.acknowledged(from, *op);
            }
            Message::PrepareOk { view, op } if *view == replica.view() && replica.leads() => {
                self.acknowledged(from, *op);
            }
            Message::RepairResponse { nonce, entries } => {
                let Some(asked) = self.end_repair(from, *nonce, clock.now) else { return };
                let ops = entries.iter().map(|(_, entry)| entry.op);
                let is_sound = !entries.is_empty()
                    && ops.eq((asked.first..=asked.last).take(entries.len()))
                    && entries.iter().all(|(checksum, entry)| *checksum == entry.checksum());
                if !is_sound {
                    return self.failed(asked);
                }
                self.numbers.add("vsr_repairs_total", "success", entries.len() as u64);
                for (_, entry) in entries {
                    let began = self.life.began.remove(&entry.op).unwrap_or(asked.at);
                    self.numbers.took("vsr_repair_latency_ms", clock.now.saturating_sub(began));
                }
            }
            Message::Nack { nonce, .. } => {
                if let Some(asked) = self.end_repair(from, *nonce, clock.now) {
                    self.failed(asked);
                }
            }
            _ => {}
        }
    }

    /// A request for entries comes to its end, and its peer's average follows (RFC 6298: an eighth).
    fn end_repair(&mut self, from: ReplicaIndex, nonce: Nonce, now: Time) -> Option<Asked> {
        let asked = self.life.repairs.get(&nonce).copied().filter(|asked| asked.peer == from)?;
        self.life.repairs.remove(&nonce);
        let took = now.saturating_sub(asked.at).as_nanos();
        self.life.answers.entry(from).and_modify(|mean| *mean = (*mean * 7 + took) / 8).or_insert(took);
        Some(asked)
    }

    fn failed(&mut self, asked: Asked) {
        self.numbers.add("vsr_repairs_total", "failure", asked.last + 1 - asked.first);
    }

    /// Repairs whose time is over have failed.
    pub(super) fn expire(&mut self, now: Time, timeout: Duration) {
        let late = self.life.repairs.iter().filter(|(_, asked)| asked.at + timeout <= now);
        let late: Vec<(Nonce, ReplicaIndex)> = late.map(|(nonce, asked)| (*nonce, asked.peer)).collect();
        for (nonce, peer) in late {
            if let Some(asked) = self.end_repair(peer, nonce, now) {
                self.failed(asked);
            }
        }
    }

    pub(super) fn request(&mut self, replica: &Replica, request: &Request, tuning: &Tuning, now: Time) {
        let Some(lead) = self.life.lead.as_mut().filter(|_| replica.leads()) else { return };
        let key = (request.client, request.number);
        match self.life.sessions.judge(request.client, request.number) {
            Kind::Repeated => self.count("vsr_duplicate_requests_total"),
            _ if lead.taken.contains_key(&key) => self.count("vsr_duplicate_requests_total"),
            Kind::New if lead.waiting < tuning.max_waiting as u64 => {
                lead.taken.insert(key, Some(now));
                lead.waiting += 1;
            }
            Kind::New | Kind::WithoutSession => {}
        }
    }

    /// Entries came back from the disk.
    pub(super) fn found(&mut self, purpose: Purpose, slots: &[(OpNumber, Slot)], now: Time, tuning: &Tuning) {
        let executed = self.life.executed;
        let damaged = slots.iter().filter(|(_, slot)| matches!(slot, Slot::Damaged(_))).map(|(op, _)| *op);
        let mut damaged = damaged.filter(|op| *op <= executed);
        if purpose != Purpose::Scrub {
            // Only the first one ends an answer.
            let first = slots.iter().find(|(_, slot)| matches!(slot, Slot::Damaged(_))).map(|(op, _)| *op);
            self.life.damaged.extend(first.filter(|op| *op <= executed));
            return;
        }
        for op in damaged.by_ref() {
            if self.life.damaged.insert(op) {
                self.numbers.add("vsr_scrub_corruptions_detected_total", "", 1);
            }
        }
        let Some(tour) = &mut self.life.tour else { return };
        tour.read += slots.len() as u64;
        tour.from += slots.len() as u64;
        let is_over = slots.is_empty() || tour.from > tour.last;
        if let Some(Tour { began, read, .. }) = self.life.tour.take_if(|_| is_over)
            && read > 0
        {
            self.count("vsr_scrub_tours_completed_total");
            let seconds = now.saturating_sub(began).max(tuning.scrub_every).as_secs_f64();
            self.life.throughput = Some(Duration::from_secs(read).as_secs_f64() / seconds);
        }
    }

    pub(super) fn output(&mut self, output: &Output, now: Time) {
        match output {
            Output::Send(envelope) => self.sent(envelope, now),
            Output::Append(entry) => {
                self.life.log.insert(entry.op, (entry.client, entry.request));
                self.life.last = entry.op;
                if let Some(lead) = &mut self.life.lead {
                    // One that ends its lead in this step may append another one's entries, and its count is over.
                    let is_asked_for = entry.client != crate::service::NO_CLIENT;
                    lead.waiting = lead.waiting.saturating_sub(is_asked_for.into());
                }
            }
            Output::Truncate(last) => {
                self.life.log.split_off(&(last + 1));
                self.life.last = self.life.last.min(*last);
                self.life.persisted = self.life.persisted.min(*last);
            }
            Output::Rewrite(entry) => {
                self.life.damaged.remove(&entry.op);
            }
            Output::Applied { entry, .. } => self.applied(entry, now),
            Output::Installed { op, .. } => self.installed(*op),
            Output::WriteSuperblock(superblock) => {
                self.life.configuration = superblock.configuration;
                self.life.promises += 1;
            }
            Output::WriteCheckpoint { keep_after, .. } => {
                let is_installed = std::mem::take(&mut self.life.has_installed);
                self.life.promises += u64::from(is_installed);
                self.life.checkpoint = Some((*keep_after, is_installed));
            }
            Output::Read { purpose: Purpose::Scrub, first, .. } => {
                let (began, last) = (now, self.life.executed);
                let tour = self.life.tour.get_or_insert(Tour { began, last, from: *first, read: 0 });
                tour.from = *first;
            }
            Output::Reply(_) | Output::Read { .. } | Output::ReadCheckpoint { .. } => {}
        }
    }

    /// What changed in a step.
    pub(super) fn changes(&mut self, replica: &Replica, now: Time, tuning: &Tuning) {
        let before = self.life.before;
        if replica.view() > before.view
            && let Some(reason) = view_change_reason(before)
        {
            self.numbers.add("vsr_view_changes_total", reason.as_str(), 1);
        }
        // One that is no member any more has others change the view.
        if before.leads && !replica.leads() && replica.view() == before.view {
            self.numbers.add("vsr_view_changes_total", ViewChangeReason::PrimaryAbdicate.as_str(), 1);
        }
        self.phases(replica, now);
        self.leadership(replica, now, tuning);
        let configuration = self.life.configuration;
        let changed = configuration.epoch / 2 - before.configuration.epoch / 2;
        self.numbers.add("vsr_reconfig_transitions_total", "", changed);
        let own = replica.index();
        if configuration.members.contains(own) && !before.configuration.members.contains(own) {
            self.count("vsr_standby_promotions_total");
        }
        // The log is compacted: what was damaged before it is gone.
        self.life.damaged = self.life.damaged.split_off(&replica.log_first());
    }
}

/// Nanoseconds as milliseconds.
fn milliseconds(nanoseconds: i128) -> f64 {
    let size = u64::try_from(nanoseconds.unsigned_abs())
        .map_or(f64::MAX, |nanoseconds| Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3);
    if nanoseconds < 0 { -size } else { size }
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
        By::Start | By::Request | By::DoViewChange | By::RecoveryResponse | By::Else => return None,
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
