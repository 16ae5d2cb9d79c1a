//! Traces of what replicas do, told where they record the latency of the same thing.
//!
//! An operation's phases follow each other on its primary: `prepare` (its request was taken in, until its Prepare is
//! sent), `quorum` (until the votes are there), `commit` (until the backups are told); and each replica tells of its
//! `apply`. A view change, a recovery and a state transfer have two: what is waited for from others (`agree`, `ask`,
//! `fetch`), and `install`.

use std::time::{Duration, SystemTime};

use vsr_metrics::trace::Trace;

use crate::message::{OpNumber, ReplicaIndex, ViewNumber};
use crate::replica::Time;

/// From a client's request to its answer; the number is the operation's.
static OPERATION: Trace = Trace::sampled("operation");

/// Until the new primary is in normal operation; the number is the view's.
static VIEW_CHANGE: Trace = Trace::rare("view_change");

/// From the start to normal operation; the number is that of the start and the replica.
static RECOVERY: Trace = Trace::rare("recovery");

/// Until the state is on the own disk; the number is that of its operation and the replica.
static STATE_TRANSFER: Trace = Trace::rare("state_transfer");

/// What happened to an operation on its primary, and when.
pub(crate) struct Flown {
    pub(crate) op: OpNumber,
    pub(crate) requested: Option<Time>,
    pub(crate) prepared: Option<Time>,
    pub(crate) quorum_at: Time,
    pub(crate) now: Time,
}

/// Something of two phases: what is waited for, then what is done with it.
pub(crate) struct Installed {
    pub(crate) since: Time,
    pub(crate) begun: Time,
    pub(crate) now: Time,
}

/// Whether an operation is traced.
pub(crate) fn follows(op: OpNumber) -> bool {
    OPERATION.is_traced(op)
}

/// An operation was executed by its primary, and its client answered.
pub(crate) fn answered(replica: ReplicaIndex, flown: &Flown) {
    let Flown { op, requested, prepared, quorum_at, now } = *flown;
    let own = [("replica", replica as u64)];
    let zero = zero(now);
    if let (Some(requested), Some(prepared)) = (requested, prepared) {
        OPERATION.past_phase("prepare", op, zero + requested, prepared.saturating_sub(requested), &own);
    }
    if let Some(prepared) = prepared {
        OPERATION.past_phase("quorum", op, zero + prepared, quorum_at.saturating_sub(prepared), &own);
    }
    if let Some(requested) = requested {
        OPERATION.past_end(op, zero + requested, now.saturating_sub(requested), &own);
    }
}

/// A replica executed an operation; once more, perhaps, after the next start.
pub(crate) fn applied(replica: ReplicaIndex, boot: u64, op: OpNumber, took: Duration) {
    OPERATION.phase("apply", op, took, &[("replica", replica as u64), ("boot", boot)]);
}

/// The backups are told that an operation is committed.
pub(crate) fn announced(replica: ReplicaIndex, op: OpNumber, took: Duration) {
    OPERATION.phase("commit", op, took, &[("replica", replica as u64)]);
}

/// A replica is in normal operation in a view; its primary tells of the whole.
pub(crate) fn view_changed(replica: ReplicaIndex, view: ViewNumber, is_primary: bool, times: &Installed) {
    times.tell(&VIEW_CHANGE, view, replica, "agree", is_primary);
}

/// A replica is back.
pub(crate) fn recovered(replica: ReplicaIndex, boot: u64, times: &Installed) {
    times.tell(&RECOVERY, boot << 8 | replica as u64, replica, "ask", true);
}

/// A replica has the state of another one.
pub(crate) fn state_transferred(replica: ReplicaIndex, op: OpNumber, times: &Installed) {
    times.tell(&STATE_TRANSFER, op << 8 | replica as u64, replica, "fetch", true);
}

impl Installed {
    fn tell(&self, trace: &Trace, number: u64, replica: ReplicaIndex, first: &'static str, with_whole: bool) {
        let Self { since, begun, now } = *self;
        let own = [("replica", replica as u64)];
        if !trace.is_traced(number) {
            return;
        }
        let zero = zero(now);
        trace.past_phase(first, number, zero + since, begun.saturating_sub(since), &own);
        trace.past_phase("install", number, zero + begun, now.saturating_sub(begun), &own);
        if with_whole {
            trace.past_end(number, zero + since, now.saturating_sub(since), &own);
        }
    }
}

/// When the driver's clock showed zero, as far as the calendar can tell.
fn zero(now: Time) -> SystemTime {
    SystemTime::now().checked_sub(now).unwrap_or(SystemTime::UNIX_EPOCH)
}
