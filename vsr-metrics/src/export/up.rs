//! Whether the process has exporters that run, for the gauge that says so.

use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::health::{self, Exporter};

/// How many exporters of each kind run. The gauge belongs to the process, and so does this.
static STATE: Mutex<State> = Mutex::new(State { process: 0, running: [0; Exporter::ALL.len()] });

struct State {
    /// A fork takes the numbers along, but none of the threads.
    process: u32,
    running: [usize; Exporter::ALL.len()],
}

/// An exporter that runs for as long as this lives.
#[derive(Debug)]
pub(super) struct Running {
    exporter: Exporter,
    process: u32,
}

impl Running {
    pub(super) fn begin(exporter: Exporter) -> Self {
        let mut state = state();
        state.running[exporter as usize] += 1;
        state.tell(exporter);
        Self { exporter, process: state.process }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = state();
        if self.process == state.process {
            state.running[self.exporter as usize] -= 1;
        }
        state.tell(self.exporter);
    }
}

/// Says that an exporter could not start, unless another one of its kind runs.
pub(super) fn could_not_start(exporter: Exporter) {
    state().tell(exporter);
}

impl State {
    fn tell(&self, exporter: Exporter) {
        health::METRICS.set_exporter_up(exporter, u64::from(self.running[exporter as usize] > 0));
    }
}

/// The lock is held for an addition and a store; a panic in between cannot be.
fn state() -> MutexGuard<'static, State> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if state.process != process::id() {
        *state = State { process: process::id(), running: [0; Exporter::ALL.len()] };
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the gauge says of a kind that nothing else here starts.
    fn up() -> Option<String> {
        let snapshot = health::METRICS.snapshot();
        let family = snapshot.family("vsr_metrics_exporter_up").expect("in the catalog");
        family.find(&[("exporter", "facade")]).map(|series| format!("{:?}", series.value()))
    }

    #[test]
    fn one_that_ends_takes_no_mark_from_one_that_runs() {
        let (runs, ended) = ("Gauge(U64(1))", "Gauge(U64(0))");
        assert_eq!(up(), None, "nobody started any");
        could_not_start(Exporter::Facade);
        assert_eq!(up().as_deref(), Some(ended));
        let (one, other) = (Running::begin(Exporter::Facade), Running::begin(Exporter::Facade));
        drop(one);
        assert_eq!(up().as_deref(), Some(runs));
        could_not_start(Exporter::Facade);
        assert_eq!(up().as_deref(), Some(runs));
        // As of the process that this one was forked from.
        drop(Running { exporter: Exporter::Facade, process: 0 });
        assert_eq!(up().as_deref(), Some(runs));
        drop(other);
        assert_eq!(up().as_deref(), Some(ended));
    }
}
