//! Traces of what replicas do: a span for each phase of an operation, told by the primary where it records the latency.

use std::time::Duration;

use vsr_metrics::trace::Trace;

/// From a client's request to its answer; the number is the operation's.
static OPERATION: Trace = Trace::sampled("operation");

/// The quorum holds an operation.
pub(crate) fn prepared(replica: usize, op: u64, took: Duration) {
    OPERATION.phase("prepare", op, took, &[("replica", replica as u64)]);
}

/// An operation was applied, and its client answered.
pub(crate) fn answered(replica: usize, op: u64, took: Duration) {
    OPERATION.end(op, took, &[("replica", replica as u64)]);
}
