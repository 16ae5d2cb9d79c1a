//! Whether the process has an endpoint that runs, for the gauge that says so.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::health::{self, Exporter};

/// How many endpoints run. The gauge belongs to the process, and so does this.
static RUNNING: Mutex<usize> = Mutex::new(0);

/// An endpoint that runs for as long as this lives.
pub(super) struct Running(());

impl Running {
    pub(super) fn begin() -> Self {
        let mut running = running();
        *running += 1;
        tell(*running);
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = running();
        *running -= 1;
        tell(*running);
    }
}

/// Says that an endpoint could not start, unless another one runs.
pub(super) fn could_not_start() {
    tell(*running());
}

fn tell(running: usize) {
    health::METRICS.set_exporter_up(Exporter::Prometheus, u64::from(running > 0));
}

/// The lock is held for an addition and a store; a panic in between cannot be.
fn running() -> MutexGuard<'static, usize> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
