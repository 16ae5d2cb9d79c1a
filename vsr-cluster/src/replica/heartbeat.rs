//! Signs of life (section 4.1, the end), and what comes along with them: clock samples and round trips.

use vsr_metrics::ByzantineReason;

use super::{Duration, Io, Message, Mode, OpNumber, Replica, ReplicaIndex, ViewNumber};
use crate::clock;
use crate::message::{ClockEcho, Stamp};

/// A heartbeat's content.
pub(super) struct Sign {
    pub(super) view: ViewNumber,
    pub(super) op: OpNumber,
    pub(super) commit: OpNumber,
    pub(super) log_first: OpNumber,
    pub(super) ping: Stamp,
    pub(super) clock: Option<ClockEcho>,
}

impl Replica {
    /// The primary lives. A backup answers, with what it has and with a question to the primary's calendar.
    pub(super) fn on_heartbeat(&mut self, from: ReplicaIndex, sign: &Sign, io: &mut Io<'_>) {
        let Sign { view, op, commit, log_first, ping, clock } = *sign;
        if commit > op {
            return self.reject(ByzantineReason::CommitExceedsOp);
        }
        if !self.is_of_this_view(from, view, io) || self.mode != Mode::Normal {
            return;
        }
        if let Some(echo) = clock {
            self.synchronize(echo, io);
        }
        self.backup.heard = io.now();
        self.repairs.note_source(log_first);
        self.note_end(op, io);
        self.note_commit(commit, io);
        let (op, commit, asked) = (self.log.persisted(), self.service.op(), io.calendar());
        self.send(from, Message::HeartbeatOk { view, op, commit, ping, asked }, io);
    }

    /// A backup answered: its log's end, and a question to this calendar.
    pub(super) fn on_heartbeat_ok(
        &mut self,
        from: ReplicaIndex,
        view: ViewNumber,
        op: OpNumber,
        ping: Stamp,
        asked: Stamp,
        io: &mut Io<'_>,
    ) {
        if view != self.view || !self.leads() {
            return;
        }
        let received = io.calendar();
        if let Some(peer) = self.leader.peers.get_mut(from) {
            peer.asked = Some((asked, received));
        }
        let round_trip = io.stamp().saturating_sub(ping);
        self.metrics.record_heartbeat_round_trip(Duration::from_nanos(round_trip));
        self.on_prepare_ok(from, view, op, io);
    }

    /// Tells the backups that the primary lives. A busy one does so as well: clocks want it.
    pub(super) fn heartbeat(&mut self, io: &mut Io<'_>) {
        let (view, op, commit) = (self.view, self.log.persisted(), self.service.op());
        let (log_first, ping, sent) = (self.log.log_first(), io.stamp(), io.calendar());
        for to in self.others().iter() {
            let asked = self.leader.peers.get(to).and_then(|peer| peer.asked);
            let clock = asked.map(|(asked, received)| ClockEcho { asked, received, sent });
            self.send(to, Message::Heartbeat { view, op, commit, log_first, ping, clock }, io);
        }
        self.leader.beat = io.now();
    }

    fn synchronize(&mut self, echo: ClockEcho, io: &mut Io<'_>) {
        let tolerance = self.tuning.clock;
        match clock::sample(echo, io.calendar(), tolerance) {
            Ok(sample) => {
                self.metrics.increment_clock_samples();
                self.metrics.set_clock_offset(sample.milliseconds());
                if sample.within(tolerance).is_err() {
                    self.metrics.increment_clock_sync_errors();
                }
            }
            Err(_) => self.metrics.increment_clock_sync_errors(),
        }
    }
}
