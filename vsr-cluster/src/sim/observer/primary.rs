//! What a primary does: requests, Prepares, votes, commits, news of them, and a look at the standbys.

use std::collections::BTreeMap;

use super::Tally;
use super::life::{By, Lead};
use crate::message::{Entry, Envelope, Message, OpNumber, ReplicaIndex};
use crate::replica::{Replica, Time, Tuning};

impl Tally {
    /// A message left.
    pub(super) fn sent(&mut self, envelope: &Envelope, now: Time) {
        match &envelope.message {
            Message::RepairRequest { nonce, first, last } => {
                let asked = super::life::Asked { peer: envelope.to, first: *first, last: *last, at: now };
                self.life.repairs.insert(*nonce, asked);
                (*first..=*last).for_each(|op| _ = self.life.began.entry(op).or_insert(now));
            }
            Message::Prepare { commit, entry, .. } => {
                self.told(*commit, now);
                if let Some(lead) = &mut self.life.lead {
                    lead.prepared.entry(entry.op).or_insert(now);
                }
            }
            Message::Commit { commit, .. } | Message::Heartbeat { commit, .. } => self.told(*commit, now),
            Message::StateTransferRequest { .. } => self.life.has_asked = true,
            _ => {}
        }
    }

    /// Time has passed, and perhaps it is time for a heartbeat and a look at the standbys.
    pub(super) fn beat(&mut self, replica: &Replica, now: Time, tuning: &Tuning) {
        let others = self.life.configuration.everyone().iter().filter(|other| *other != replica.index());
        let has_others = others.count() > 0;
        let Some(lead) = self.life.lead.as_mut().filter(|_| replica.leads() && has_others) else { return };
        if lead.beat + tuning.heartbeat <= now {
            (lead.beat, lead.reports) = (now, true);
        }
    }

    /// A backup said up to where its log goes.
    pub(super) fn acknowledged(&mut self, from: ReplicaIndex, op: OpNumber) {
        let last = self.life.last;
        let Some(lead) = self.life.lead.as_mut().filter(|_| op <= last) else { return };
        lead.heard = Some(from);
        let held = lead.acknowledged.entry(from).or_default();
        if op > *held {
            *held = op;
            self.count_votes(last);
        }
    }

    /// The own log is flushed.
    pub(super) fn persisted(&mut self, through: OpNumber) {
        self.life.persisted = self.life.persisted.max(through.min(self.life.last));
        if self.life.lead.is_some() {
            self.count_votes(self.life.last);
        }
    }

    /// Votes for the oldest operation without a quorum, or for the latest if all have one.
    fn count_votes(&mut self, last: OpNumber) {
        let life = &mut self.life;
        let Some(lead) = &mut life.lead else { return };
        let current = last.min(life.executed + 1);
        let others = life.configuration.voters().iter();
        let votes = others.filter(|voter| lead.acknowledged.get(voter).is_some_and(|op| *op >= current));
        let own = u64::from(life.persisted >= current);
        if current > 0 {
            lead.votes = Some(votes.count() as u64 + own);
        }
    }

    /// An operation was executed.
    pub(super) fn applied(&mut self, entry: &Entry, now: Time) {
        let life = &mut self.life;
        life.executed = entry.op;
        life.log.remove(&entry.op);
        if life.sessions.execute(entry) {
            self.numbers.add("vsr_client_sessions_evicted_total", "", 1);
        }
        // What another primary's view begins with is no news of one's own quorums.
        let Some(lead) = life.lead.as_mut().filter(|_| life.before.by != By::StartView) else { return };
        // Whoever sent it as a Prepare and leads still had its quorum.
        if let Some(prepared) = lead.prepared.remove(&entry.op) {
            self.numbers.took("vsr_prepare_latency_ms", now.saturating_sub(prepared));
            lead.untold.insert(entry.op, (prepared, now));
        }
        if let Some(requested) = lead.taken.remove(&(entry.client, entry.request)).flatten() {
            self.numbers.took("vsr_client_latency_ms", now.saturating_sub(requested));
        }
    }

    /// Everyone who hears this knows that operations up to `commit` are committed.
    fn told(&mut self, commit: OpNumber, now: Time) {
        let Some(lead) = &mut self.life.lead else { return };
        let later = lead.untold.split_off(&(commit + 1));
        for (prepared, quorum) in std::mem::replace(&mut lead.untold, later).into_values() {
            self.numbers.took("vsr_commit_latency_ms", now.saturating_sub(quorum));
            self.numbers.took("vsr_consensus_round_trip_seconds", now.saturating_sub(prepared));
        }
    }

    /// Leads begin and end.
    pub(super) fn leadership(&mut self, replica: &Replica, now: Time, tuning: &Tuning) {
        let before = self.life.before;
        if !replica.leads() {
            self.life.lead = None;
            return;
        }
        if !before.leads {
            let taken = self.life.log.values().map(|request| (*request, None)).collect();
            self.life.lead = Some(Lead { taken, beat: now, ..Lead::default() });
            self.life.has_led = true;
            self.life.offset = Some(0.0);
            self.count_votes(before.last);
        }
        let life = &mut self.life;
        let Some(lead) = &mut life.lead else { return };
        let standbys = life.configuration.standbys;
        let is_by_standby = lead.heard.take().is_some_and(|from| standbys.contains(from));
        if !std::mem::take(&mut lead.reports) && !is_by_standby {
            return;
        }
        let is_healthy = |standby: ReplicaIndex| {
            life.heard.get(&standby).is_some_and(|heard| *heard + tuning.standby_timeout > now)
        };
        let healthy = standbys.iter().filter(|standby| is_healthy(*standby)).count() as u64;
        let lag = |standby| {
            let held = lead.acknowledged.get(&standby).copied().unwrap_or(0);
            (standby, life.executed.saturating_sub(held))
        };
        let lags: BTreeMap<ReplicaIndex, u64> = standbys.iter().map(lag).collect();
        lead.standbys = Some((healthy, lags));
    }
}
