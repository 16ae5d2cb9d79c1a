//! The return after a crash (section 4.3 of the paper), with a log on disk.
//!
//! What a replica promised before it crashed is in its superblock and its log, so one that finds both whole is no
//! worse than one that was slow: it asks where the others are, and if nobody answers in time it goes on where it
//! was. One whose log or state is damaged may have forgotten what it acknowledged: it takes no part in anything
//! before enough others answered, the latest view's primary among them. Answers count if they carry the nonce of the
//! question, so that none from before the crash does.

use std::collections::BTreeMap;

use vsr_metrics::{ByzantineReason, ViewChangeReason};

use super::install::Opening;
use super::{Configuration, Io, Message, Mode, Nonce, OpNumber, Replica, ReplicaIndex, Time, ViewNumber};
use crate::message::Tail;
use crate::storage::{Slot, Superblock};

/// A recovery under way.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    pub(super) since: Option<Time>,
    /// Whether something that was acknowledged may be lost.
    pub(super) in_doubt: bool,
    /// Whether the disk is that of a replica that never ran.
    is_new: bool,
    nonce: Nonce,
    answers: BTreeMap<ReplicaIndex, News>,
    resend_at: Time,
    patience_ends: Time,
}

/// What a replica in normal operation answered.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) view: ViewNumber,
    pub(super) op: OpNumber,
    pub(super) commit: OpNumber,
    pub(super) log_first: OpNumber,
    pub(super) configuration: Configuration,
    pub(super) tail: Option<Tail>,
}

impl Recovery {
    /// What the disk says about how the replica ended.
    pub(super) fn of(superblock: &Superblock, log: &[(OpNumber, Slot)], lost_state: bool) -> Self {
        let base = superblock.checkpoint;
        let is_damaged = log.iter().any(|(op, slot)| *op > base && matches!(slot, Slot::Damaged(_)));
        let begins_late = log.first().is_some_and(|(op, _)| *op > base + 1);
        let last = log.last().map_or(base, |(op, _)| *op);
        let in_doubt = lost_state || is_damaged || begins_late || last < superblock.commit;
        let is_new = superblock.boot == 0 && log.is_empty() && superblock.view == 0;
        Self { in_doubt, is_new, ..Self::default() }
    }
}

impl Replica {
    /// Step 1. A replica that never ran, or runs alone, has nothing to recover.
    pub(super) fn begin_recovery(&mut self, io: &mut Io<'_>) {
        let is_alone = self.other_voters().is_empty();
        if self.recovery.is_new || (is_alone && !self.recovery.in_doubt) {
            self.begin_normal(io.now(), io);
            return;
        }
        let now = io.now();
        self.recovery.since = Some(now);
        self.recovery.patience_ends = now + self.tuning.recovery_patience;
        self.recovery.nonce = self.nonce();
        self.report_status();
        self.ask_for_recovery(io);
    }

    /// Step 2: a replica in normal operation answers; the primary with its log's end.
    pub(super) fn on_recovery_request(
        &mut self,
        from: ReplicaIndex,
        nonce: Nonce,
        view: ViewNumber,
        io: &mut Io<'_>,
    ) {
        if self.mode != Mode::Normal || view > self.view || self.transfer.is_some() {
            return;
        }
        let tail = self.leads().then(|| self.tail());
        let op = if self.leads() { self.log.persisted() } else { self.log.last() };
        let message = Message::RecoveryResponse {
            nonce,
            view: self.view,
            op,
            commit: self.service.op().min(op),
            log_first: self.log.log_first(),
            configuration: self.configuration,
            tail,
        };
        self.send(from, message, io);
    }

    /// Step 3: with enough answers, the log of the latest view's primary is the one to go on with.
    pub(super) fn on_recovery_response(
        &mut self,
        from: ReplicaIndex,
        nonce: Nonce,
        news: News,
        io: &mut Io<'_>,
    ) {
        let hash = ByzantineReason::LogTailHashMismatch;
        if let Some(tail) = &news.tail
            && !self.is_sound_tail(tail, news.op, news.commit, hash)
        {
            return;
        }
        if news.commit > news.op {
            return self.reject(ByzantineReason::InflatedCommitNumber);
        }
        if self.mode != Mode::Recovering || self.install.is_some() || nonce != self.recovery.nonce {
            return;
        }
        self.recovery.answers.insert(from, news);
        let answers = &self.recovery.answers;
        let voters = self.configuration.voters();
        let needed = if self.recovery.in_doubt { voters.len() + 1 - voters.majority() } else { 1 };
        let Some((primary, latest)) = answers.iter().max_by_key(|(_, news)| (news.view, news.tail.is_some()))
        else {
            return;
        };
        let (primary, latest) = (*primary, latest.clone());
        let Some(tail) = latest.tail else { return };
        if answers.keys().filter(|from| voters.contains(**from)).count() < needed || latest.view < self.view {
            return;
        }
        let News { view, op, commit, log_first, configuration, .. } = latest;
        self.begin_install(Opening { view, op, commit, log_first, configuration, tail }, primary, io);
    }

    /// Ends the recovery in normal operation.
    pub(super) fn end_recovery(&mut self, io: &mut Io<'_>) {
        if let Some(since) = self.recovery.since.take() {
            self.metrics.record_recovery_latency(io.now().saturating_sub(since));
        }
        self.recovery = Recovery::default();
    }

    pub(super) fn recovery_deadline(&self) -> Option<Time> {
        if self.mode != Mode::Recovering {
            return None;
        }
        if self.install.is_some() {
            return Some(self.change.timeout_at);
        }
        let patience = (!self.recovery.in_doubt).then_some(self.recovery.patience_ends);
        [Some(self.recovery.resend_at), patience].into_iter().flatten().min()
    }

    pub(super) fn recovery_tick(&mut self, io: &mut Io<'_>) {
        if self.mode != Mode::Recovering {
            return;
        }
        let now = io.now();
        if self.install.is_some() {
            if self.change.timeout_at <= now {
                self.give_up_install(io);
            }
        } else if !self.recovery.in_doubt && self.recovery.patience_ends <= now {
            self.go_on_alone(io);
        } else if self.recovery.resend_at <= now {
            self.ask_for_recovery(io);
        }
    }

    /// Nobody answered: perhaps all of them crashed. All promises are kept, so this replica goes on where it was.
    fn go_on_alone(&mut self, io: &mut Io<'_>) {
        if self.view == self.last_normal_view || !self.votes() {
            self.begin_normal(io.now(), io);
        } else {
            self.resume_view_change(io);
        }
    }

    /// The primary that answered does not help any further.
    fn give_up_install(&mut self, io: &mut Io<'_>) {
        self.install = None;
        if self.recovery.in_doubt || !self.votes() {
            self.recovery.answers.clear();
            self.recovery.nonce = self.nonce();
            self.recovery.patience_ends = io.now() + self.tuning.recovery_patience;
            self.ask_for_recovery(io);
        } else {
            self.start_view_change(self.view + 1, ViewChangeReason::ViewChangeTimeout, io);
        }
    }

    fn ask_for_recovery(&mut self, io: &mut Io<'_>) {
        self.recovery.resend_at = io.now() + self.tuning.resend_after;
        let (nonce, view) = (self.recovery.nonce, self.view);
        self.broadcast(self.other_voters(), &Message::RecoveryRequest { nonce, view }, io);
        if self.view > self.last_normal_view && self.votes() {
            // It promised a view that others may not know of yet.
            self.broadcast(self.other_voters(), &self.wish(view), io);
        }
    }
}
